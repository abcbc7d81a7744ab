import Mail
import NIOCore
import SMTP
import Spool

/// A TLS report as a message (RFC 8460 §5.3).
struct TLSReportMail {
    private static let lineCharacters = 76

    var id: QueueID
    var now: Timestamp
    var sender: TLSReportSender
    /// `reports@example.org`
    var recipient: Mailbox
    /// Whom it is about.
    var domain: String
    var day: Int
    var reportID: String
    /// The JSON, as gzip.
    var octets: [UInt8]

    /// All of it; lines end with CRLF, in ASCII.
    var content: ByteBuffer {
        let boundary = "=_hoptop-tls-report-\(self.id)"
        var lines: [String] = [
            "From: <\(self.sender.from)>", "To: <\(self.recipient)>",
            "Subject: Report Domain: \(self.domain)", " Submitter: \(self.sender.submitter)",
            " Report-ID: <\(self.reportID)>", "Date: \(self.now.rfc5322)",
            "Message-ID: <\(self.id)@\(self.sender.hostname)>", "TLS-Report-Domain: \(self.domain)",
            "TLS-Report-Submitter: \(self.sender.submitter)",
            // RFC 8689 §5: it is about TLS that may not work.
            "TLS-Required: No", "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=\"tlsrpt\";", "\tboundary=\"\(boundary)\"", "",
            "This is a report in MIME format.", "", "--\(boundary)", "Content-Type: text/plain; charset=us-ascii",
            "",
            "This is an aggregate TLS report from \(self.sender.submitter):",
            "how TLS to the mail exchangers of the domain",
            "\(self.domain) went.", "", "--\(boundary)", "Content-Type: application/tlsrpt+gzip",
            "Content-Transfer-Encoding: base64", "Content-Disposition: attachment;",
            "\tfilename=\"\(self.file)\"", "",
        ]
        lines += self.encoded
        lines += ["", "--\(boundary)--", ""]
        return ByteBuffer(string: lines.joined(separator: "\r\n"))
    }

    /// §5.1.
    var file: String {
        let end = Timestamp(startOf: self.day + 1).milliseconds / 1000 - 1
        return
            "\(self.sender.submitter)!\(self.domain)!\(Timestamp(startOf: self.day).milliseconds / 1000)!\(end).json.gz"
    }

    private var encoded: [String] {
        var lines: [String] = []
        var rest = Substring(Base64.encode(self.octets))
        while !rest.isEmpty {
            lines.append(String(rest.prefix(Self.lineCharacters)))
            rest = rest.dropFirst(Self.lineCharacters)
        }
        return lines
    }

    /// The message for the spool. Nobody is told when it cannot be delivered: its reverse-path is null.
    func message(octets: Int) -> SpooledMessage {
        let recipient = SpooledRecipient(index: 0, forwardPath: .path(Path(mailbox: self.recipient)), due: self.now)
        return SpooledMessage(
            id: self.id, arrived: self.now, reversePath: .null, arrival: .tlsReport, contentOctets: octets,
            recipients: [recipient])
    }
}
