public import NIOCore
import SMTP

/// What the `sendmail` command does to the header of a message that a program of this machine hands in: it adds the fields
/// that are missing, takes out what is not for others to see, and reads who it is for.
public struct LocalSubmission: Sendable {
    public var hostname: String
    /// The local part of the Message-ID, where one is added.
    public var id: String
    public var now: Timestamp
    /// For a From field that is missing: `ann@example.net`.
    public var author: String
    /// Who that is; `nil`: nobody says.
    public var fullName: String?

    public init(hostname: String, id: String, now: Timestamp, author: String, fullName: String? = nil) {
        self.hostname = hostname
        self.id = id
        self.now = now
        self.author = author
        self.fullName = fullName
    }

    /// What a message begins with.
    public struct Beginning: Sendable {
        /// The whole header and the empty line behind it.
        public var header: ByteBuffer
        /// Octets of the message that it stands for; the text follows them.
        public var octetsRead: Int
        /// Whom the address fields name.
        public var recipients: AddressList
    }

    /// Fields that only senders see (RFC 5322 §3.6.3), and the one that the delivering MTA writes (RFC 5321 §4.4).
    private static let removed = ["Bcc", "Resent-Bcc", "Return-Path"]

    /// - Parameter message: its beginning with all of the header, lines with CRLF. The first line that is no field begins
    ///   the text; a line `From …` of an mbox file before the header counts for nothing.
    public func completed(_ message: ByteBuffer) -> Beginning {
        var rest = message
        let mailboxLine = Self.mailboxLineOctets(message)
        rest.moveReaderIndex(forwardBy: mailboxLine)
        let header = MessageHeader(rest)
        var lines = ""
        if header.values(of: "Date").isEmpty { lines += "Date: \(self.now.rfc5322)\r\n" }
        if header.values(of: "From").isEmpty { lines += "From: \(self.from)\r\n" }
        if header.values(of: "Message-ID").isEmpty { lines += "Message-ID: <\(self.id)@\(self.hostname)>\r\n" }

        var completed = ByteBuffer(string: lines)
        var place = 0
        for range in Self.removed.flatMap({ header.ranges(of: $0) }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            completed.writeBytes(rest.readableBytesView.dropFirst(place).prefix(range.lowerBound - place))
            place = range.upperBound
        }
        completed.writeBytes(header.headerOctets.dropFirst(place))
        if header.headerOctets.last.map({ $0 != 0x0A }) == true { completed.writeString("\r\n") }
        completed.writeString("\r\n")
        return Beginning(
            header: completed, octetsRead: mailboxLine + header.textStart, recipients: Self.recipients(header))
    }

    /// With fields of a message that is sent again, those alone are meant (RFC 5322 §3.6.6).
    private static func recipients(_ header: MessageHeader) -> AddressList {
        let resent = ["Resent-To", "Resent-Cc", "Resent-Bcc"].flatMap { header.values(of: $0) }
        let fields = resent.isEmpty ? ["To", "Cc", "Bcc"].flatMap { header.values(of: $0) } : resent
        return AddressList(fields.joined(separator: ","))
    }

    private static func mailboxLineOctets(_ message: ByteBuffer) -> Int {
        let octets = message.readableBytesView
        guard octets.starts(with: Array("From ".utf8)) || octets.starts(with: Array(">From ".utf8)) else { return 0 }
        return octets.firstIndex(of: 0x0A).map { $0 + 1 - octets.startIndex } ?? octets.count
    }

    private var from: String {
        guard let name = self.fullName, !name.isEmpty else { return self.author }
        if name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            let quoted = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            return "\"\(quoted)\" <\(self.author)>"
        }
        // RFC 2047 §2: an encoded word has 75 characters at most.
        let encoded = "=?utf-8?B?\(Base64.encode(Array(name.utf8)))?="
        return encoded.utf8.count <= 75 ? "\(encoded) <\(self.author)>" : self.author
    }
}
