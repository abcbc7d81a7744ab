public import NIOCore

/// The report that tells a sender what became of a message (RFC 3464, as multipart/report of RFC 6522).
public struct DeliveryStatusNotification: Sendable {
    public enum Action: String, Sendable { case failed, delayed }

    public struct Recipient: Sendable {
        /// `u@c`, without route and brackets.
        public var mailbox: String
        public var action: Action
        /// `5.1.1`
        public var status: String
        /// `mx.example.org:25`; `nil` when no hop was asked.
        public var remoteMTA: String?
        /// The remote's reply, or why there was none.
        public var diagnostic: String?
        /// Whether `diagnostic` is an SMTP reply.
        public var isReply: Bool
        public init(
            mailbox: String, action: Action, status: String, remoteMTA: String? = nil, diagnostic: String? = nil,
            isReply: Bool = false
        ) {
            self.mailbox = mailbox
            self.action = action
            self.status = status
            self.remoteMTA = remoteMTA
            self.diagnostic = diagnostic
            self.isReply = isReply
        }
    }

    private static let headerOctets = 16 << 10
    /// RFC 5322 §2.1.1: 998 at most, and some lines get a word before them.
    private static let lineOctets = 900

    /// The host that reports.
    public var hostname: String
    /// Of the report.
    public var id: QueueID
    public var now: Timestamp
    /// Who is told, `s@c`.
    public var sender: String
    public var original: QueueID
    public var arrived: Timestamp
    public var recipients: [Recipient]
    /// For delayed recipients: how long it is tried.
    public var retriedUntil: Timestamp?
    /// The original's header as it came.
    public var header: [UInt8]

    public init(
        hostname: String, id: QueueID, now: Timestamp, sender: String, original: QueueID, arrived: Timestamp,
        recipients: [Recipient], retriedUntil: Timestamp? = nil, header: [UInt8]
    ) {
        self.hostname = hostname
        self.id = id
        self.now = now
        self.sender = sender
        self.original = original
        self.arrived = arrived
        self.recipients = recipients
        self.retriedUntil = retriedUntil
        self.header = header
    }

    /// The whole content of the report; lines end with CRLF and none is longer than 998 octets.
    public var content: ByteBuffer {
        var buffer = ByteBuffer()
        for line in self.lines {
            buffer.writeString(line)
            buffer.writeStaticString("\r\n")
        }
        return buffer
    }

    private var lines: [String] {
        let boundary = "=_hoptop-report-\(self.id)"
        let isDelay = self.recipients.allSatisfy { $0.action == .delayed }
        var lines = [
            "From: Mail Delivery System <MAILER-DAEMON@\(Self.plain(self.hostname))>",
            "To: <\(Self.plain(self.sender))>",
            "Subject: \(isDelay ? "Delayed: your message is still on its way" : "Undelivered: your message came back")",
            "Date: \(self.now.rfc5322)", "Message-ID: <\(self.id)@\(Self.plain(self.hostname))>",
            "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=delivery-status;", "\tboundary=\"\(boundary)\"", "",
            "This is a report in MIME format.", "", "--\(boundary)", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit", "",
        ]
        lines += self.explanation(isDelay: isDelay)
        lines += ["", "--\(boundary)", "Content-Type: message/delivery-status", ""]
        lines += self.status
        lines += ["", "--\(boundary)", "Content-Type: text/rfc822-headers", ""]
        lines += self.originalHeader(boundary)
        lines += ["", "--\(boundary)--"]
        return lines
    }

    private func explanation(isDelay: Bool) -> [String] {
        var lines = ["This is the mail system at \(Self.plain(self.hostname)).", ""]
        if isDelay {
            lines.append("Your message could not be passed on yet. It is kept and tried again")
            lines.append(self.retriedUntil.map { "until \($0.rfc5322)." } ?? "for some days.")
            lines.append("You do not need to send it again.")
        } else {
            lines.append("Your message could not be passed on to the recipients below. It is not")
            lines.append("tried any more.")
        }
        for recipient in self.recipients {
            let by = recipient.remoteMTA.map { "\(Self.readable($0)) said: " } ?? ""
            lines += ["", "<\(Self.readable(recipient.mailbox))>"]
            lines.append("    \(by)\(recipient.diagnostic.map(Self.readable) ?? "no reason is known")")
        }
        return lines
    }

    /// RFC 3464 §2.2 and §2.3.
    private var status: [String] {
        var lines = [
            "Reporting-MTA: dns; \(Self.plain(self.hostname))", "X-Hoptop-Queue-ID: \(self.original)",
            "Arrival-Date: \(self.arrived.rfc5322)",
        ]
        for recipient in self.recipients {
            lines += [
                "", "Final-Recipient: rfc822; \(Self.plain(recipient.mailbox))", "Action: \(recipient.action.rawValue)",
                "Status: \(recipient.status)",
            ]
            if let remote = recipient.remoteMTA {
                lines.append("Remote-MTA: dns; \(Self.plain(String(remote.prefix { $0 != ":" })))")
            }
            if let diagnostic = recipient.diagnostic {
                lines.append("Diagnostic-Code: \(recipient.isReply ? "smtp" : "X-Hoptop"); \(Self.plain(diagnostic))")
            }
            if recipient.action == .delayed, let until = self.retriedUntil {
                lines.append("Will-Retry-Until: \(until.rfc5322)")
            }
        }
        return lines
    }

    private func originalHeader(_ boundary: String) -> [String] {
        self.header.prefix(Self.headerOctets).split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { line in
                let octets = line.filter { $0 != 0x0D && $0 != 0 }.prefix(Self.lineOctets)
                return String(decoding: octets, as: UTF8.self)
            }
            .filter { !$0.isEmpty && !$0.contains(boundary) }
    }

    /// Text of a peer on one line, in ASCII: what is not becomes `?`.
    private static func plain(_ text: String) -> String {
        let octets = text.utf8.prefix(self.lineOctets).map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
        return String(decoding: octets, as: UTF8.self)
    }

    /// Text of a peer on one line, without control characters.
    private static func readable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result.unicodeScalars.append("?")
            default: result.unicodeScalars.append(scalar)
            }
            if result.utf8.count >= self.lineOctets { break }
        }
        return result
    }
}
