public import NIOCore

/// What a milter is told of a session and its messages, in this order: `SMFIC_…`.
public enum MilterStep: Equatable, Sendable {
    /// - Parameters:
    ///   - name: the client's, or `unknown`.
    ///   - address: as text; `nil`: it has none, as on a Unix socket.
    case connect(name: String, address: String?, port: UInt16)
    case hello(String)
    /// The reverse-path with angle brackets, then parameters as they were written.
    case mail(String, [String])
    case recipient(String, [String])
    case data
    /// - Parameter value: all behind the colon, lines inside it ending with LF.
    case header(name: String, value: ByteBuffer)
    case endOfHeader
    /// At most ``largestPiece`` octets.
    case body(ByteBuffer)
    case endOfMessage

    public enum Kind: Sendable, Hashable, CaseIterable {
        case connect, hello, mail, recipient, data, header, endOfHeader, body, endOfMessage
    }

    /// Octets of a body in one packet (`MILTER_CHUNK_SIZE`), and of data in any.
    public static let largestPiece = 65535

    public var kind: Kind {
        switch self {
        case .connect: .connect
        case .hello: .hello
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .header: .header
        case .endOfHeader: .endOfHeader
        case .body: .body
        case .endOfMessage: .endOfMessage
        }
    }

    /// Writes what follows the first octet.
    ///
    /// - Parameter leadingSpace: a header value begins with the space behind the colon.
    func writeData(into buffer: inout ByteBuffer, leadingSpace: Bool) {
        switch self {
        case .connect(let name, let address, let port):
            buffer.writeMilterText(name)
            guard let address else {
                buffer.writeInteger(UInt8(ascii: "U"))
                return
            }
            buffer.writeInteger(UInt8(ascii: address.contains(":") ? "6" : "4"))
            buffer.writeInteger(port)
            buffer.writeMilterText(address)
        case .hello(let name): buffer.writeMilterText(name)
        case .mail(let path, let parameters), .recipient(let path, let parameters):
            buffer.writeMilterText(path)
            for parameter in parameters { buffer.writeMilterText(parameter) }
        case .header(let name, let value):
            buffer.writeMilterText(name)
            // What does not fit into a packet no milter could read.
            let limit = max(Self.largestPiece - name.utf8.count - 2, 0)
            let octets = value.readableBytesView
            let told = leadingSpace || octets.first != 0x20 ? octets : octets.dropFirst()
            buffer.writeBytes(told.prefix(limit).lazy.map { $0 == 0 ? 0x20 : $0 })
            buffer.writeInteger(UInt8(0))
        case .body(let piece): buffer.writeImmutableBuffer(piece)
        case .data, .endOfHeader, .endOfMessage: break
        }
    }
}

extension MilterStep.Kind {
    /// The first octet of the packet.
    var octet: UInt8 {
        switch self {
        case .connect: UInt8(ascii: "C")
        case .hello: UInt8(ascii: "H")
        case .mail: UInt8(ascii: "M")
        case .recipient: UInt8(ascii: "R")
        case .data: UInt8(ascii: "T")
        case .header: UInt8(ascii: "L")
        case .endOfHeader: UInt8(ascii: "N")
        case .body: UInt8(ascii: "B")
        case .endOfMessage: UInt8(ascii: "E")
        }
    }

    /// The flag by which a milter says that it does not want it; `nil`: it always gets it.
    var unwanted: MilterSteps? {
        switch self {
        case .connect: .noConnect
        case .hello: .noHello
        case .mail: .noMail
        case .recipient: .noRecipient
        case .data: .noData
        case .header: .noHeaders
        case .endOfHeader: .noEndOfHeader
        case .body: .noBody
        case .endOfMessage: nil
        }
    }

    /// The flag by which a milter says that it does not answer.
    var silent: MilterSteps? {
        switch self {
        case .connect: .silentConnect
        case .hello: .silentHello
        case .mail: .silentMail
        case .recipient: .silentRecipient
        case .data: .silentData
        case .header: .silentHeaders
        case .endOfHeader: .silentEndOfHeader
        case .body: .silentBody
        case .endOfMessage: nil
        }
    }

    /// What milters call the macros of the step (`SMFIM_…`); `nil`: it has none.
    var macroStage: UInt32? {
        switch self {
        case .connect: 0
        case .hello: 1
        case .mail: 2
        case .recipient: 3
        case .data: 4
        case .endOfMessage: 5
        case .endOfHeader: 6
        case .header, .body: nil
        }
    }
}

extension ByteBuffer {
    /// Writes a text with the NUL that ends it; one inside it would end it too early.
    mutating func writeMilterText(_ text: String) {
        self.writeBytes(text.utf8.lazy.map { $0 == 0 ? 0x20 : $0 })
        self.writeInteger(UInt8(0))
    }
}
