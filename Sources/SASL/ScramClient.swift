import SMTP

/// The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as a value: server messages in, client messages out
/// (RFC 5802, RFC 7677). Octets are as SASL has them, before base64.
public struct ScramClient: Sendable {
    /// What the client has of the channel. It decides the mechanism.
    public enum Binding: Sendable {
        /// There is no TLS, or no certificate to bind to: `n`.
        case unsupported
        /// We would bind, but SCRAM-SHA-256-PLUS is not offered: `y`, so that the server notices if it did offer it.
        case notOffered
        /// The ``EndPointHash`` of the server's certificate: `p`.
        case endPoint([UInt8])
    }

    private enum State: Sendable {
        case first(password: PreparedString)  // client-first is out. Next: final.
        case final(serverSignature: [UInt8])  // The proof is out. Next: verified.
        case verified  // The server has shown that it knows the password.
        case failed
    }

    /// RFC 7677 §4 names 4096 as the least, or what we send is cheap to search. Nobody recommends over 600,000 today,
    /// and a server must not be able to hold our processor for much longer than a second.
    public static let allowedIterations = 4096...2_000_000

    /// Goes out first, as the initial response or as the answer to an empty challenge.
    public var firstMessage: [UInt8] { Array((self.header + self.bare).utf8) }
    public let mechanism: ScramMechanism

    private let header: String
    private let endPoint: [UInt8]
    private let nonce: String
    private let bare: String
    private var state: State

    public init(
        user: PreparedString, password: PreparedString, _ binding: Binding,
        using generator: inout some RandomNumberGenerator
    ) {
        self.init(user: user, password: password, binding, nonce: ScramAttributes.freshNonce(using: &generator))
    }

    init(user: PreparedString, password: PreparedString, _ binding: Binding, nonce: String) {
        switch binding {
        case .unsupported: (self.mechanism, self.header, self.endPoint) = (.sha256, "n,,", [])
        case .notOffered: (self.mechanism, self.header, self.endPoint) = (.sha256, "y,,", [])
        case .endPoint(let hash):
            self.mechanism = .sha256Plus
            self.header = "p=\(ScramMechanism.bindingType),,"
            self.endPoint = hash
        }
        self.nonce = nonce
        self.bare = "n=\(SaslName.encode(user.text)),r=\(nonce)"
        self.state = .first(password: password)
    }

    /// Whether the server proved itself. A server that reports success before that is to be treated as an impostor.
    public var isVerified: Bool {
        switch self.state {
        case .verified: true
        case .first, .final, .failed: false
        }
    }

    /// The server's next message. After an error the exchange is over, to be cancelled with `*` (RFC 4954 §4).
    ///
    /// The first one costs as many rounds as the server names, up to ``allowedIterations``: not for an event loop.
    ///
    /// - Returns: What to answer; nothing, as an empty message, when the server has proved itself.
    public mutating func received(_ message: [UInt8]) throws(ScramError) -> [UInt8] {
        let state = self.state
        self.state = .failed
        switch state {
        case .first(let password):
            let (answer, serverSignature) = try self.answer(message, password)
            self.state = .final(serverSignature: serverSignature)
            return answer
        case .final(let serverSignature):
            try Self.verify(message, serverSignature)
            self.state = .verified
            return []
        case .verified, .failed: throw .finished
        }
    }

    private func answer(
        _ message: [UInt8], _ password: PreparedString
    ) throws(ScramError) -> (message: [UInt8], serverSignature: [UInt8]) {
        guard var attributes = ScramAttributes(message[...]) else { throw .malformed(.serverFirst) }
        guard attributes.take("m") == nil else { throw .mandatoryExtension }
        guard let nonce = attributes.take("r").flatMap(ScramAttributes.nonce),
            let salt = attributes.take("s").flatMap({ Base64.decode($0) }),
            let iterations = attributes.take("i").flatMap(ScramAttributes.number)
        else { throw .malformed(.serverFirst) }
        guard nonce.hasPrefix(self.nonce), nonce != self.nonce else { throw .nonceMismatch }
        guard Self.allowedIterations.contains(iterations) else { throw .iterationsRefused(iterations) }

        let binding = Base64.encode(Array(self.header.utf8) + self.endPoint)
        let withoutProof = Array("c=\(binding),r=\(nonce)".utf8)
        let signed = Array("\(self.bare),".utf8) + message + Array(",".utf8) + withoutProof
        let keys = ScramKeys(
            saltedPassword: KeyDerivation.saltedPassword(password.octets, salt: salt, iterations: iterations))
        let proof = KeyDerivation.xor(keys.client, KeyDerivation.hmac(key: keys.stored, signed))
        return (
            withoutProof + Array(",p=\(Base64.encode(proof))".utf8), KeyDerivation.hmac(key: keys.server, signed)
        )
    }

    private static func verify(_ message: [UInt8], _ serverSignature: [UInt8]) throws(ScramError) {
        guard var attributes = ScramAttributes(message[...]) else { throw .malformed(.serverFinal) }
        if let reason = attributes.take("e") { throw .refused(String(decoding: reason, as: UTF8.self)) }
        guard let signature = attributes.take("v").flatMap({ Base64.decode($0) }) else {
            throw .malformed(.serverFinal)
        }
        guard KeyDerivation.equal(signature, serverSignature) else { throw .wrongServerSignature }
    }
}
