import NIOCore
import SMTP

extension DeliveryStatusNotification {
    private static let headerOctets = 16 << 10
    /// RFC 5322 §2.1.1: 998 at most, and some lines get a word before them.
    private static let lineOctets = 900

    private var action: Action { self.recipients.first?.action ?? .failed }

    func header(_ boundary: String, isEightBit: Bool) -> [String] {
        let subject =
            switch self.action {
            case .failed: "Undelivered: your message came back"
            case .delayed: "Delayed: your message is still on its way"
            case .relayed: "Passed on: your message has left for its recipients"
            }
        var lines = [
            "From: Mail Delivery System <MAILER-DAEMON@\(self.line(self.hostname))>",
            "To: <\(self.line(self.sender))>", "Subject: \(subject)", "Date: \(self.now.rfc5322)",
            "Message-ID: <\(self.id)@\(self.line(self.hostname))>",
        ]
        if let answered = self.originalMessageID {
            lines += ["In-Reply-To: \(answered)", "References: \(answered)"]
        }
        return lines + [
            "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=\(self.isInternational ? "global-" : "")delivery-status;",
            "\tboundary=\"\(boundary)\"",
        ] + (isEightBit ? ["Content-Transfer-Encoding: 8bit", ""] : [""])
    }

    /// The original's, when it is one word in angle brackets and nothing else.
    private var originalMessageID: String? {
        let beginning: ByteBuffer =
            switch self.returned {
            case .header(let octets): ByteBuffer(bytes: octets)
            case .full(let content): content
            }
        guard let id = MessageHeader(beginning).values(of: "Message-ID").first, id.utf8.count <= 250,
            id.utf8.first == UInt8(ascii: "<"), id.utf8.last == UInt8(ascii: ">"),
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return id
    }

    /// The part that people read, with its header.
    ///
    /// Words beyond ASCII, such as an operator's, are encoded where the report may not be: they come back as they are.
    var explanation: [String] {
        let text = self.explanationText
        if self.isInternational {
            return ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""] + text
        }
        guard text.contains(where: { !$0.utf8.allSatisfy { $0 < 0x80 } }) else {
            return ["Content-Type: text/plain; charset=us-ascii", ""] + text
        }
        var encoder = QuotedPrintableEncoder()
        var octets: [UInt8] = []
        encoder.encode(text.joined(separator: "\r\n").utf8, into: &octets)
        encoder.finish(into: &octets)
        return ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", ""]
            + String(decoding: octets, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    private var explanationText: [String] {
        var lines = ["This is the mail system at \(self.line(self.hostname)).", ""]
        switch self.action {
        case .failed:
            lines.append("Your message could not be passed on to the recipients below. It is not")
            lines.append("tried any more.")
        case .delayed:
            lines.append("Your message could not be passed on yet. It is kept and tried again")
            lines.append(self.retriedUntil.map { "until \($0.rfc5322)." } ?? "for some days.")
            lines.append("You do not need to send it again.")
        case .relayed:
            lines.append("Your message was passed on for the recipients below, as you asked to be")
            lines.append("told. The host that took it sends no notices of its own, so this is no")
            lines.append("proof that it was delivered.")
        }
        for recipient in self.recipients {
            let by = recipient.isReply ? recipient.remoteMTA.map { "\(self.line($0)) said: " } ?? "" : ""
            lines += ["", "<\(self.text(recipient.mailbox))>"]
            lines.append("    \(by)\(recipient.diagnostic.map { self.text($0) } ?? "no reason is known")")
        }
        return lines
    }

    /// RFC 3464 §2.2 and §2.3.
    var status: [String] {
        var lines: [String] = []
        if let id = self.envelopeID { lines.append("Original-Envelope-Id: \(self.line(id))") }
        lines.append("Reporting-MTA: dns; \(self.line(self.hostname))")
        if let name = self.receivedFrom { lines.append("Received-From-MTA: dns; \(self.line(name))") }
        lines += ["X-Hoptop-Queue-ID: \(self.original)", "Arrival-Date: \(self.arrived.rfc5322)"]
        for recipient in self.recipients { lines += [""] + self.status(of: recipient) }
        return lines
    }

    private func status(of recipient: Recipient) -> [String] {
        var lines: [String] = []
        if let original = recipient.original {
            lines.append("Original-Recipient: \(self.address(original.address, type: original.addressType))")
        }
        lines += [
            "Final-Recipient: \(self.address(recipient.mailbox))", "Action: \(recipient.action.rawValue)",
            "Status: \(recipient.status)",
        ]
        if let remote = recipient.remoteMTA {
            let host = remote.lastIndex(of: ":").map { remote[..<$0] } ?? remote[...]
            lines.append("Remote-MTA: dns; \(self.line(String(host)))")
        }
        if let diagnostic = recipient.diagnostic {
            lines.append("Diagnostic-Code: \(recipient.isReply ? "smtp" : "X-Hoptop"); \(self.line(diagnostic))")
        }
        if let last = recipient.lastAttempt { lines.append("Last-Attempt-Date: \(last.rfc5322)") }
        lines.append("Final-Log-ID: \(self.original)")
        if recipient.action == .delayed, let until = self.retriedUntil {
            lines.append("Will-Retry-Until: \(until.rfc5322)")
        }
        return lines
    }

    /// As they came; where they have to be UTF-8 (RFC 6533 §4), what is none is replaced.
    func lines(ofHeader octets: [UInt8]) -> [[UInt8]] {
        octets.prefix(Self.headerOctets).split(separator: 0x0A)
            .map { line in
                let kept = line.filter { $0 != 0x0D && $0 != 0 }
                guard self.isInternational else { return Array(kept.prefix(Self.lineOctets)) }
                // Cut when it is text: what is no UTF-8 grows.
                return Array(
                    String(decoding: String(decoding: kept, as: UTF8.self).utf8.prefix(Self.lineOctets), as: UTF8.self)
                        .utf8)
            }
            .filter { !$0.isEmpty }
    }

    /// Text of a peer on one line, without what controls or cannot be seen; in ASCII unless the report may be beyond.
    private func line(_ text: String) -> String { self.text(text, isASCII: !self.isInternational) }

    private func text(_ text: String, isASCII: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result.unicodeScalars.append("?")
            default: result.unicodeScalars.append(scalar.isASCII || !isASCII ? scalar : "?")
            }
            if result.utf8.count >= Self.lineOctets { break }
        }
        return result
    }

    /// `rfc822; bob@example.org`. An address keeps what is beyond ASCII: as it is, or spelled out (RFC 6533 §3,
    /// utf-8-addr-xtext).
    private func address(_ address: String, type: String = "rfc822") -> String {
        let type = address.utf8.allSatisfy { $0 < 0x80 } ? type : "utf-8"
        let isSpelledOut = !self.isInternational && type.lowercased() == "utf-8"
        return "\(self.line(type)); \(self.line(isSpelledOut ? XText.encodeUnicode(address) : address))"
    }
}
