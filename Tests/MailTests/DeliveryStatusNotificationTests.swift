import Mail
import NIOCore
import SMTP
import Testing

@Suite("delivery status notifications (RFC 3464, RFC 6522)")
struct DeliveryStatusNotificationTests {
    private func report(
        diagnostic: String, action: DeliveryStatusNotification.Action = .failed, header: String = "Subject: hi\r\n",
        _ change: (inout DeliveryStatusNotification) -> Void = { _ in }
    ) -> String {
        let id = QueueID("4Q7K") ?? QueueID(rawValue: 1)
        let status: [DeliveryStatusNotification.Action: String] = [.failed: "5.1.1", .delayed: "4.4.7"]
        var report = DeliveryStatusNotification(
            hostname: "mx.example.net", id: id, now: Timestamp(milliseconds: 1_795_507_200_000),
            sender: "ann@example.net",
            original: QueueID(rawValue: 2), arrived: Timestamp(milliseconds: 1_795_507_100_000),
            recipients: [
                .init(
                    mailbox: "bob@example.org", action: action, status: status[action] ?? "2.0.0",
                    remoteMTA: "mx.example.org:25", diagnostic: diagnostic, isReply: true)
            ], retriedUntil: Timestamp(milliseconds: 1_795_939_200_000), returned: .header(Array(header.utf8)))
        change(&report)
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
            Content-Type: text/plain; charset=us-ascii

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
            Final-Log-ID: 2

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

    @Test("a relaying that was asked for, with all that the sender named (RFC 3461 §6.3)")
    func relayed() {
        let report = self.report(
            diagnostic: "250 2.0.0 Ok", action: .relayed, header: "Message-ID: <1@example.net>\r\nSubject: hi\r\n"
        ) {
            $0.envelopeID = "a b+c"
            $0.receivedFrom = "client.example"
            $0.recipients[0].original = .init(addressType: "rfc822", address: "bobby@example.com")
            $0.recipients[0].lastAttempt = $0.now
        }
        let expected = """
            From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
            To: <ann@example.net>
            Subject: Passed on: your message has left for its recipients
            Date: Tue, 24 Nov 2026 08:00:00 +0000
            Message-ID: <4Q7K@mx.example.net>
            In-Reply-To: <1@example.net>
            References: <1@example.net>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status;
            \tboundary="=_hoptop-report-4Q7K"

            This is a report in MIME format.

            --=_hoptop-report-4Q7K
            Content-Type: text/plain; charset=us-ascii

            This is the mail system at mx.example.net.

            Your message was passed on for the recipients below, as you asked to be
            told. The host that took it sends no notices of its own, so this is no
            proof that it was delivered.

            <bob@example.org>
                mx.example.org:25 said: 250 2.0.0 Ok

            --=_hoptop-report-4Q7K
            Content-Type: message/delivery-status

            Original-Envelope-Id: a b+c
            Reporting-MTA: dns; mx.example.net
            Received-From-MTA: dns; client.example
            X-Hoptop-Queue-ID: 2
            Arrival-Date: Tue, 24 Nov 2026 07:58:20 +0000

            Original-Recipient: rfc822; bobby@example.com
            Final-Recipient: rfc822; bob@example.org
            Action: relayed
            Status: 2.0.0
            Remote-MTA: dns; mx.example.org
            Diagnostic-Code: smtp; 250 2.0.0 Ok
            Last-Attempt-Date: Tue, 24 Nov 2026 08:00:00 +0000
            Final-Log-ID: 2

            --=_hoptop-report-4Q7K
            Content-Type: text/rfc822-headers

            Message-ID: <1@example.net>
            Subject: hi

            --=_hoptop-report-4Q7K--

            """
        #expect(report == expected.replacing("\n", with: "\r\n"))
    }

    @Test("addresses beyond ASCII: as they are where SMTPUTF8 is spoken, spelled out elsewhere (RFC 6533 §3)")
    func international() {
        let plain = self.report(diagnostic: "550 né") { $0.recipients[0].mailbox = "jörg@example.org" }
        #expect(plain.contains("Final-Recipient: utf-8; j\\x{F6}rg@example.org\r\n"))
        #expect(plain.utf8.allSatisfy { $0 < 0x80 })
        let special = self.report(diagnostic: "550 no") {
            $0.recipients[0].mailbox = "jörg+a=b@example.org"
            $0.recipients[0].original = .init(addressType: "rfc822", address: "jörg@example.com")
        }
        #expect(special.contains("Original-Recipient: utf-8; j\\x{F6}rg@example.com\r\n"))
        #expect(special.contains("Final-Recipient: utf-8; j\\x{F6}rg\\x{2B}a\\x{3D}b@example.org\r\n"))
        let global = self.report(diagnostic: "550 né", header: "Subject: é\r\n") {
            $0.recipients[0].mailbox = "jörg@example.org"
            $0.isInternational = true
        }
        #expect(global.contains("report-type=global-delivery-status"))
        #expect(global.contains("boundary=\"=_hoptop-report-4Q7K\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"))
        #expect(global.contains("Content-Type: message/global-delivery-status\r\n"))
        #expect(global.contains("Final-Recipient: utf-8; jörg@example.org\r\n"))
        #expect(
            global.contains(
                "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: é\r\n"))
    }

    @Test("words beyond ASCII reach who reads the report, also where it has to be in ASCII")
    func words() {
        let report = self.report(diagnostic: "bounced by the operator: café zu, 1=2") {
            $0.recipients[0].isReply = false
        }
        let fields = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        #expect(report.contains(fields))
        #expect(report.contains("\r\n    bounced by the operator: caf=C3=A9 zu, 1=3D2\r\n\r\n--=_hoptop-report-4Q7K"))
        #expect(report.contains("Diagnostic-Code: X-Hoptop; bounced by the operator: caf? zu, 1=2\r\n"))
        #expect(report.utf8.allSatisfy { $0 < 0x80 })
    }

    @Test("the whole message comes back octet for octet, behind a boundary that it does not have")
    func full() {
        let message = "Subject: hi\r\n\r\n--=_hoptop-report-4Q7K--\r\nend\r\n"
        let report = self.report(diagnostic: "550 no") { $0.returned = .full(ByteBuffer(string: message)) }
        #expect(report.contains("boundary=\"=_hoptop-report-4Q7K-1\""))
        #expect(
            report.hasSuffix(
                "--=_hoptop-report-4Q7K-1\r\nContent-Type: message/rfc822\r\n\r\n\(message)\r\n--=_hoptop-report-4Q7K-1--\r\n"
            ))
    }

    @Test("a container says 8bit when a part of it is (RFC 2045 §6.4)")
    func eightBit() {
        let report = self.report(diagnostic: "550 no") { $0.returned = .full(ByteBuffer(string: "Subject: é\r\n\r\n")) }
        #expect(report.contains("boundary=\"=_hoptop-report-4Q7K\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"))
        #expect(report.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"))
    }

    @Test("a returned header comes back octet for octet, and no line of it grows too long")
    func returnedHeader() {
        let plain = self.report(diagnostic: "550 no", header: "Subject: é\r\n")
        #expect(
            plain.contains(
                "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: é\r\n"))
        #expect(plain.contains("boundary=\"=_hoptop-report-4Q7K\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"))
        let global = self.report(diagnostic: "550 no") {
            $0.returned = .header([UInt8](repeating: 0xFF, count: 900))
            $0.isInternational = true
        }
        #expect(global.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 998 })
    }

    @Test("what a peer said forges no line, ends no part, and is never too long")
    func hostile() {
        let evil = "550 no\r\nBcc: x@y\r\n\u{1B}[2J\u{202E}é " + String(repeating: "a", count: 3000)
        let report = self.report(diagnostic: evil, header: "X: --=_hoptop-report-4Q7K--\r\n\u{0}Y: e\r\n")
        #expect(!report.contains("\r\nBcc:"))
        #expect(!report.unicodeScalars.contains("\u{1B}"))
        #expect(!report.unicodeScalars.contains("\u{202E}"))
        #expect(report.split(separator: "\r\n", omittingEmptySubsequences: false).allSatisfy { $0.utf8.count <= 998 })
        #expect(report.components("--=_hoptop-report-4Q7K-1--") == 1)
        #expect(report.utf8.allSatisfy { $0 < 0x80 })
    }
}

extension String {
    fileprivate func components(_ text: String) -> Int { self.ranges(of: text).count }
}

@Suite("the boundary of a report (RFC 2046 §5.1.1)")
struct ReportBoundaryTests {
    @Test(
        "it is in nothing that is written, also after octets are left out or joined to others",
        arguments: [
            "=_hoptop-\u{0}report-4Q7K", "=_hoptop-report-4Q7K\u{301}", "=_hoptop-\u{E9}report-4Q7K",
            "=_hoptop-report-4Q7K",
        ])
    func boundary(_ inside: String) throws {
        let header = "Subject: x\r\n folded\r\n--\(inside)\r\nContent-Type: text/html\r\n"
        let report = DeliveryStatusNotification(
            hostname: "mx.example.net", id: try #require(QueueID("4Q7K")), now: Timestamp(milliseconds: 0),
            sender: "ann@example.net", original: QueueID(rawValue: 2), arrived: Timestamp(milliseconds: 0),
            recipients: [.init(mailbox: "bob@example.org", action: .failed, status: "5.1.1")],
            returned: .header(Array(header.utf8)))
        let lines = String(buffer: report.content).split(separator: "\r\n").map { Array($0.utf8) }
        let parameter = try #require(lines.first { $0.starts(with: Array("\tboundary=\"".utf8)) })
        let delimiter = Array("--".utf8) + parameter.dropFirst(11).dropLast()
        #expect(lines.filter { $0.starts(with: delimiter) }.count == 4)
    }
}
