import SMTP

/// The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as a value: client messages in, server messages out
/// (RFC 5802, RFC 7677). Octets are as SASL has them, before base64.
///
/// The one costly thing, hashing the password, is the client's: an exchange costs the server four HMACs.
public struct ScramServer: Sendable {
    /// What the server has of the channel.
    public enum Binding: Sendable {
        /// SCRAM-SHA-256, and SCRAM-SHA-256-PLUS is not offered.
        case notOffered
        /// SCRAM-SHA-256, though SCRAM-SHA-256-PLUS is offered beside it.
        case offered
        /// SCRAM-SHA-256-PLUS, with our certificate's ``EndPointHash``.
        case required([UInt8])
    }

    public enum Step: Equatable, Sendable {
        /// Goes to the client, whose next message is awaited.
        case challenge([UInt8])
        /// The client is `user`. The last message goes to it; in SMTP as a challenge of its own, which it answers with
        /// nothing (RFC 4954 §4).
        case success(user: String, message: [UInt8])
    }

    private enum State: Sendable {
        case start(Users, Binding, nonce: String)  // Next: challenged, on client-first.
        case challenged(Challenge)  // server-first is out. Next: finished, on client-final.
        case finished
    }

    private struct Challenge: Sendable {
        var user: String
        var stored: StoredPassword
        /// What `c=` has to carry: the GS2 header, and the hash of our certificate under SCRAM-SHA-256-PLUS (RFC 5802 §7).
        var bindingInput: [UInt8]
        var nonce: String
        var clientFirstBare: ArraySlice<UInt8>
        var serverFirst: [UInt8]
    }

    private var state: State

    public init(_ binding: Binding, users: Users, using generator: inout some RandomNumberGenerator) {
        self.init(binding, users: users, nonce: ScramAttributes.freshNonce(using: &generator))
    }

    init(_ binding: Binding, users: Users, nonce: String) { self.state = .start(users, binding, nonce: nonce) }

    /// The client's next message. After an error the exchange is over.
    ///
    /// A user who does not exist gets the salt of ``Users`` for such names, and fails as a wrong password does.
    public mutating func received(_ message: [UInt8]) throws(ScramError) -> Step {
        let state = self.state
        self.state = .finished
        switch state {
        case .start(let users, let binding, let nonce):
            let challenge = try Self.challenge(message, users, binding, nonce)
            self.state = .challenged(challenge)
            return .challenge(challenge.serverFirst)
        case .challenged(let challenge): return try Self.verdict(message, challenge)
        case .finished: throw .finished
        }
    }

    private static func challenge(
        _ message: [UInt8], _ users: Users, _ binding: Binding, _ nonce: String
    ) throws(ScramError) -> Challenge {
        // gs2-header: flag "," [authzid] ",".
        guard let flagEnd = message.firstIndex(of: UInt8(ascii: ",")),
            let headerEnd = message[(flagEnd + 1)...].firstIndex(of: UInt8(ascii: ","))
        else { throw .malformed(.clientFirst) }
        let header = Array(message[...headerEnd])
        let endPoint = try self.endPoint(flag: message[..<flagEnd], binding)
        let bare = message[(headerEnd + 1)...]

        guard var attributes = ScramAttributes(bare) else { throw .malformed(.clientFirst) }
        guard attributes.take("m") == nil else { throw .mandatoryExtension }
        guard let name = attributes.take("n").flatMap({ SaslName.decode($0) }),
            let clientNonce = attributes.take("r").flatMap(ScramAttributes.nonce)
        else { throw .malformed(.clientFirst) }
        try self.check(authorization: message[(flagEnd + 1)..<headerEnd], name)

        let (user, stored) = users.entry(for: name)
        let bothNonces = clientNonce + nonce
        return Challenge(
            user: user, stored: stored, bindingInput: header + endPoint,
            nonce: bothNonces, clientFirstBare: bare,
            serverFirst: Array("r=\(bothNonces),s=\(Base64.encode(stored.salt)),i=\(stored.iterations)".utf8))
    }

    /// Reads the flag for channel binding (RFC 5802 §6).
    ///
    /// - Returns: What the client's binding has to carry, empty without one.
    private static func endPoint(flag: ArraySlice<UInt8>, _ binding: Binding) throws(ScramError) -> [UInt8] {
        switch (String(decoding: flag, as: UTF8.self), binding) {
        case ("n", .notOffered), ("n", .offered), ("y", .notOffered): return []
        case ("y", .offered): throw .downgrade
        case ("n", .required), ("y", .required): throw .bindingForOtherMechanism
        case ("p=\(ScramMechanism.bindingType)", .required(let endPoint)): return endPoint
        case (let flag, .required) where flag.hasPrefix("p="): throw .bindingTypeUnsupported
        case (let flag, .notOffered) where flag.hasPrefix("p="): throw .bindingForOtherMechanism
        case (let flag, .offered) where flag.hasPrefix("p="): throw .bindingForOtherMechanism
        case (_, .notOffered), (_, .offered), (_, .required): throw .malformed(.clientFirst)
        }
    }

    private static func check(authorization: ArraySlice<UInt8>, _ name: String) throws(ScramError) {
        if authorization.isEmpty { return }
        guard var attributes = ScramAttributes(authorization), let value = attributes.take("a"),
            let identity = SaslName.decode(value)
        else { throw .malformed(.clientFirst) }
        guard identity == name else { throw .authorizationRefused }
    }

    private static func verdict(_ message: [UInt8], _ challenge: Challenge) throws(ScramError) -> Step {
        guard let proofStart = message.lastIndex(of: UInt8(ascii: ",")),
            var attributes = ScramAttributes(message[...]),
            let bindingInput = attributes.take("c").flatMap({ Base64.decode($0) }),
            let nonce = attributes.take("r").flatMap(ScramAttributes.nonce),
            let proof = attributes.takeLast("p").flatMap({ Base64.decode($0) }), proof.count == KeyDerivation.octets
        else { throw .malformed(.clientFinal) }
        guard KeyDerivation.equal(bindingInput, challenge.bindingInput) else { throw .bindingMismatch }
        guard nonce == challenge.nonce else { throw .nonceMismatch }

        // AuthMessage (RFC 5802 §3).
        let signed = Array(
            [challenge.clientFirstBare, challenge.serverFirst[...], message[..<proofStart]]
                .joined(separator: [UInt8(ascii: ",")]))
        guard challenge.stored.accepts(proof: proof, of: signed) else { throw .wrongCredentials }
        let signature = KeyDerivation.hmac(key: challenge.stored.serverKey, signed)
        return .success(user: challenge.user, message: Array("v=\(Base64.encode(signature))".utf8))
    }
}
