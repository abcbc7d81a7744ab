public import NIOCore
public import SMTP

/// The report that tells a sender what became of a message (RFC 3461, RFC 3464), as multipart/report of RFC 6522.
public struct DeliveryStatusNotification: Sendable {
    /// One for the whole report.
    public enum Action: String, Sendable {
        case failed, delayed
        /// Passed on to where no report comes from (RFC 3461 §5.2.2).
        case relayed
    }

    public struct Recipient: Sendable {
        /// `u@c`, without route and brackets.
        public var mailbox: String
        public var action: Action
        /// `5.1.1`
        public var status: String
        /// `mx.example.org:25`; `nil` where it did not say what is reported.
        public var remoteMTA: String?
        /// The remote's reply, or why there was none.
        public var diagnostic: String?
        /// Whether `diagnostic` is an SMTP reply.
        public var isReply: Bool
        /// What the sender calls the recipient (RFC 3461 §4.2).
        public var original: RecipientParameters.OriginalRecipient?
        public var lastAttempt: Timestamp?
        public init(
            mailbox: String, action: Action, status: String, remoteMTA: String? = nil, diagnostic: String? = nil,
            isReply: Bool = false, original: RecipientParameters.OriginalRecipient? = nil,
            lastAttempt: Timestamp? = nil
        ) {
            self.mailbox = mailbox
            self.action = action
            self.status = status
            self.remoteMTA = remoteMTA
            self.diagnostic = diagnostic
            self.isReply = isReply
            self.original = original
            self.lastAttempt = lastAttempt
        }
    }

    /// What comes back of the original (RFC 3461 §4.3).
    public enum Returned: Sendable {
        /// Its header's octets as they came.
        case header([UInt8])
        /// All of it, lines ending with CRLF.
        case full(ByteBuffer)
    }

    /// The host that reports.
    public var hostname: String
    /// The report's own.
    public var id: QueueID
    public var now: Timestamp
    /// Who is told, `s@c`.
    public var sender: String
    public var original: QueueID
    public var arrived: Timestamp
    /// ENVID, decoded.
    public var envelopeID: String?
    /// The name that the host gave with EHLO that handed the original over.
    public var receivedFrom: String?
    public var recipients: [Recipient]
    /// How long delayed recipients are tried.
    public var retriedUntil: Timestamp?
    public var returned: Returned
    /// It goes by SMTPUTF8, so that addresses and text may be beyond ASCII (RFC 6533).
    public var isInternational: Bool

    public init(
        hostname: String, id: QueueID, now: Timestamp, sender: String, original: QueueID, arrived: Timestamp,
        envelopeID: String? = nil, receivedFrom: String? = nil, recipients: [Recipient],
        retriedUntil: Timestamp? = nil, returned: Returned, isInternational: Bool = false
    ) {
        self.hostname = hostname
        self.id = id
        self.now = now
        self.sender = sender
        self.original = original
        self.arrived = arrived
        self.envelopeID = envelopeID
        self.receivedFrom = receivedFrom
        self.recipients = recipients
        self.retriedUntil = retriedUntil
        self.returned = returned
        self.isInternational = isInternational
    }

    /// The whole content of the report. Lines end with CRLF, and none of ours is longer than 998 octets; 7-bit unless it
    /// is international or returns 8-bit content.
    public var content: ByteBuffer {
        let boundary = self.boundary
        let isEightBit = self.isEightBit
        var buffer = ByteBuffer()
        func write(_ lines: [String]) {
            for line in lines {
                buffer.writeString(line)
                buffer.writeStaticString("\r\n")
            }
        }
        write(self.header(boundary, isEightBit: isEightBit))
        write(["This is a report in MIME format.", "", "--\(boundary)"])
        write(self.explanation)
        write(["", "--\(boundary)", "Content-Type: message/\(self.isInternational ? "global-" : "")delivery-status"])
        write(self.isInternational ? ["Content-Transfer-Encoding: 8bit", ""] : [""])
        write(self.status)
        write(["", "--\(boundary)"])
        switch self.returned {
        case .header(let octets):
            write(["Content-Type: \(self.isInternational ? "message/global-headers" : "text/rfc822-headers")"])
            write(isEightBit ? ["Content-Transfer-Encoding: 8bit", ""] : [""])
            for line in self.lines(ofHeader: octets) {
                buffer.writeBytes(line)
                buffer.writeStaticString("\r\n")
            }
        case .full(let content):
            write(["Content-Type: message/\(self.isInternational ? "global" : "rfc822")"])
            write(isEightBit ? ["Content-Transfer-Encoding: 8bit", ""] : [""])
            buffer.writeImmutableBuffer(content)
        }
        write(["", "--\(boundary)--"])
        return buffer
    }

    /// Whether ``content`` has octets beyond ASCII, and has to go as BODY=8BITMIME.
    public var isEightBit: Bool {
        if self.isInternational { return true }
        return switch self.returned {
        case .header(let octets): octets.contains { $0 >= 0x80 }
        case .full(let content): content.readableBytesView.contains { $0 >= 0x80 }
        }
    }

    /// One that is in none of the parts as they are written: octet for octet, since readers compare octets, and after what
    /// is left out of a header. What follows each occurrence of its beginning is collected, so that an original full of
    /// guesses costs one pass.
    private var boundary: String {
        let beginning = "=_hoptop-report-\(self.id)"
        let wanted = Array(beginning.utf8)
        var parts = [self.explanation, self.status].map { Array($0.joined(separator: "\r\n").utf8) }
        switch self.returned {
        case .header(let octets): parts.append(Array(self.lines(ofHeader: octets).joined(separator: [0x0D, 0x0A])))
        case .full(let content): parts.append(Array(content.readableBytesView))
        }
        var taken: Set<String> = []
        for part in parts {
            var rest = part[...]
            while let first = rest.firstIndex(of: UInt8(ascii: "=")) {
                rest = rest[first...]
                if rest.starts(with: wanted) {
                    let number = rest.dropFirst(wanted.count + 1).prefix(8).prefix { (0x30...0x39).contains($0) }
                    taken.insert(String(decoding: number, as: UTF8.self))
                }
                rest = rest.dropFirst()
            }
        }
        guard !taken.isEmpty else { return beginning }
        // There are fewer occurrences than numbers, so the search ends.
        let free = (1...).first { number in !taken.contains { $0.hasPrefix("\(number)") } } ?? 0
        return "\(beginning)-\(free)"
    }
}
