import Mail
import NIOCore
import Testing

@Suite("delivery status notifications (RFC 3464, RFC 6522)")
struct DeliveryStatusNotificationTests {
    private func report(
        diagnostic: String, action: DeliveryStatusNotification.Action = .failed, header: String = "Subject: hi\r\n"
    ) -> String {
        let id = QueueID("4Q7K") ?? QueueID(rawValue: 1)
        let report = DeliveryStatusNotification(
            hostname: "mx.example.net", id: id, now: Timestamp(milliseconds: 1_795_507_200_000),
            sender: "ann@example.net",
            original: QueueID(rawValue: 2), arrived: Timestamp(milliseconds: 1_795_507_100_000),
            recipients: [
                .init(
                    mailbox: "bob@example.org", action: action, status: action == .failed ? "5.1.1" : "4.4.7",
                    remoteMTA: "mx.example.org:25", diagnostic: diagnostic, isReply: true)
            ], retriedUntil: Timestamp(milliseconds: 1_795_939_200_000), header: Array(header.utf8))
        return String(buffer: report.content)
    }

    @Test("a failure, whole")
    func failure() {
        let expected = """
            From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
            To: <ann@example.net>
            Subject: Undelivered: your message came back
            Date: Tue, 24 Nov 2026 08:00:00 +0000
            Message-ID: <4Q7K@mx.example.net>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status;
            \tboundary="=_hoptop-report-4Q7K"

            This is a report in MIME format.

            --=_hoptop-report-4Q7K
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit

            This is the mail system at mx.example.net.

            Your message could not be passed on to the recipients below. It is not
            tried any more.

            <bob@example.org>
                mx.example.org:25 said: 550 5.1.1 no such user

            --=_hoptop-report-4Q7K
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.example.net
            X-Hoptop-Queue-ID: 2
            Arrival-Date: Tue, 24 Nov 2026 07:58:20 +0000

            Final-Recipient: rfc822; bob@example.org
            Action: failed
            Status: 5.1.1
            Remote-MTA: dns; mx.example.org
            Diagnostic-Code: smtp; 550 5.1.1 no such user

            --=_hoptop-report-4Q7K
            Content-Type: text/rfc822-headers

            Subject: hi

            --=_hoptop-report-4Q7K--

            """
        #expect(self.report(diagnostic: "550 5.1.1 no such user") == expected.replacing("\n", with: "\r\n"))
    }

    @Test("a delay says how long it is tried")
    func delay() {
        let report = self.report(diagnostic: "451 4.7.1 later", action: .delayed)
        #expect(report.contains("Subject: Delayed: your message is still on its way\r\n"))
        #expect(report.contains("Will-Retry-Until: Sun, 29 Nov 2026 08:00:00 +0000\r\n"))
    }

    @Test("what a peer said forges no line, ends no part, and is never too long")
    func hostile() {
        let evil = "550 no\r\nBcc: x@y\r\n\u{1B}[2J\u{202E}é " + String(repeating: "a", count: 3000)
        let report = self.report(diagnostic: evil, header: "X: --=_hoptop-report-4Q7K--\r\n\u{0}Y: é\r\n")
        #expect(!report.contains("\r\nBcc:"))
        #expect(!report.unicodeScalars.contains("\u{1B}"))
        #expect(!report.unicodeScalars.contains("\u{202E}"))
        #expect(report.split(separator: "\r\n", omittingEmptySubsequences: false).allSatisfy { $0.utf8.count <= 998 })
        #expect(report.components("--=_hoptop-report-4Q7K--") == 1)
    }
}

extension String {
    fileprivate func components(_ text: String) -> Int { self.ranges(of: text).count }
}
