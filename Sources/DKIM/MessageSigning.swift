public import NIOCore

/// The signing of one message: its content in chunks, as it will leave; out come the fields that go before it.
///
/// Holds the header, up to a bound, and of the body nothing.
public struct MessageSigning: Sendable {
    /// A header that is longer goes unsigned.
    static let headerLimit = 256 << 10

    public enum Outcome: Sendable {
        /// DKIM-Signature fields, each line with CRLF; and who signed, as ``Signer/description`` says it.
        case signed(fields: String, by: [String])
        /// Nobody signs for the domain that it is from.
        case notOurs
        /// Somebody would, but a signature would not hold.
        case impossible(String)
    }

    private enum State: Sendable {
        case header(ByteBuffer)
        case body(SignedHeader, [Signer], BodyHash)
        case over(Outcome)
    }

    private let signers: @Sendable (String) -> [Signer]
    private let seconds: Int64
    private var state = State.header(ByteBuffer())

    /// - Parameters:
    ///   - seconds: the time, since 1970.
    ///   - signers: those for the domain of the From field, which is given in small letters.
    public init(at seconds: Int64, signers: @escaping @Sendable (String) -> [Signer]) {
        self.seconds = seconds
        self.signers = signers
    }

    /// No more of the content is needed.
    public var isDecided: Bool { if case .over = self.state { true } else { false } }

    public mutating func receive(_ chunk: ByteBuffer) {
        switch self.state {
        case .header(var held):
            self.state = .over(.notOurs)  // So that `held` is unique and grows in place.
            let before = held.readableBytes
            held.writeImmutableBuffer(chunk)
            guard let end = Self.headerEnd(held.readableBytesView, from: before) else {
                self.state =
                    held.readableBytes <= Self.headerLimit
                    ? .header(held) : .over(.impossible("its header has more than \(Self.headerLimit) octets"))
                return
            }
            self.begin(held, headerOctets: end.header)
            held.moveReaderIndex(forwardBy: end.body)
            self.receive(held)
        case .body(let header, let signers, var hash):
            self.state = .over(.notOurs)
            chunk.withUnsafeReadableBytes { hash.receive($0) }
            self.state = .body(header, signers, hash)
        case .over: break
        }
    }

    /// The content is complete.
    ///
    /// - Throws: what a key says that cannot sign.
    public mutating func finish() throws -> Outcome {
        if case .header(let header) = self.state { self.begin(header, headerOctets: header.readableBytes) }
        switch self.state {
        case .header: preconditionFailure("the header has ended")
        case .body(let header, let signers, var hash):
            let digest = hash.finish()
            let fields = try signers.map { try $0.field(over: header, bodyHash: digest, at: self.seconds) }
            return .signed(fields: fields.joined(), by: signers.map(\.description))
        case .over(let outcome): return outcome
        }
    }

    private mutating func begin(_ content: ByteBuffer, headerOctets: Int) {
        let octets = Array(content.readableBytesView.prefix(headerOctets))
        guard let header = SignedHeader(octets[...]) else {
            return self.state = .over(.impossible("a line of its header is no field"))
        }
        guard let author = header.author else {
            return self.state = .over(.impossible("it does not have one From field with an address"))
        }
        let signers = self.signers(author)
        self.state = signers.isEmpty ? .over(.notOurs) : .body(header, signers, BodyHash())
    }

    /// Where the header ends and where the body begins: around the first empty line.
    ///
    /// - Parameter known: octets that were looked through before.
    private static func headerEnd(_ octets: ByteBufferView, from known: Int) -> (header: Int, body: Int)? {
        let start = octets.startIndex
        if octets.starts(with: [0x0D, 0x0A]) { return (0, 2) }
        var index = start + max(known - 3, 0)
        while let end = octets[index...].firstIndex(of: 0x0A) {
            if end + 2 < octets.endIndex, octets[end + 1] == 0x0D, octets[end + 2] == 0x0A {
                return (end + 1 - start, end + 3 - start)
            }
            index = end + 1
        }
        return nil
    }
}
