import Monitor
import Testing

@Suite("fingerprints of replies")
struct ReplyFingerprintTests {
    /// What hosts really say, by what is meant to be left of it.
    private static let table: [(fingerprint: String, replies: [String])] = [
        // A local part may be quoted.
        (
            "452 4.2.2 *: over quota",
            [
                #"452 4.2.2 <"full q"@c.example>: over quota"#, "452 4.2.2 <full@c.example>: over quota",
                #"452 4.2.2 <"a>b"@c.example>: over quota"#,
            ]
        ),
        // Gmail
        (
            "452 4.2.2 the recipient's inbox is out of storage space. please direct the recipient to * - gsmtp",
            [
                """
                452 4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to \
                https://support.google.com/mail/?p=OverQuotaTemp d9443c01a7336-20d485a1b2csi1234567a12.34 - gsmtp
                """,
                """
                452 4.2.2 The recipient's inbox is out of storage space. Please direct the 4.2.2 recipient to 4.2.2  \
                https://support.google.com/mail/?p=OverQuotaTemp 41be03b00d2f7-7c1e2abcd98si7654321a12.1 - gsmtp
                """,
            ]
        ),
        (
            """
            421 4.7.0 [*] our system has detected an unusual rate of unsolicited mail originating from your ip address. to \
            protect our users from spam, mail sent from your ip address has been temporarily rate
            """,
            [
                """
                421 4.7.0 [192.0.2.10 15] Our system has detected an unusual rate of 421-4.7.0 unsolicited mail \
                originating from your IP address. To protect our users from spam, mail sent from your IP address has been \
                temporarily rate limited. Please visit https://support.google.com/mail/?p=UnsolicitedRateLimitError
                """.replacing("421-4.7.0 ", with: ""),
                """
                421 4.7.0 [2001:db8::25      15] Our system has detected an unusual rate of unsolicited mail originating \
                from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily \
                rate limited. For more information, go to q7-20020a056402
                """,
            ]
        ),
        // Outlook, Exchange Online
        (
            "550 5.5.0 requested action not taken: mailbox unavailable (*). [*]",
            [
                """
                550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). \
                [BN8NAM12FT042.eop-nam12.prod.protection.outlook.com 2026-11-24T09:00:00.123Z 08DE1234ABCD5678]
                """,
                """
                550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). \
                [AM7EUR06FT013.eop-eur06.prod.protection.outlook.com 2026-10-01T23:59:59.001Z 08DCF00DABCD5678]
                """,
            ]
        ),
        (
            """
            550 5.7.1 unfortunately, messages from [*] weren't sent. please contact your internet service provider since part of \
            their network is on our block list (S3150). you can also refer your provider to *
            """,
            [
                """
                550 5.7.1 Unfortunately, messages from [203.0.113.9] weren't sent. Please contact your Internet service \
                provider since part of their network is on our block list (S3150). You can also refer your provider to \
                http://mail.live.com/mail/troubleshooting.aspx#errors.
                """
            ]
        ),
        (
            "451 4.7.500 server busy. please try again later from [*]. (S77714) [*]",
            [
                """
                451 4.7.500 Server busy. Please try again later from [203.0.113.9]. (S77714) \
                [DB5EUR01FT003.eop-EUR01.prod.protection.outlook.com 2026-11-24T09:00:00.123Z 08DE0000ABCD5678]
                """
            ]
        ),
        // Yahoo
        (
            """
            421 4.7.0 [TSS04] messages from * temporarily deferred due to unexpected volume or user complaints - *; see *
            """,
            [
                """
                421 4.7.0 [TSS04] Messages from 203.0.113.9 temporarily deferred due to unexpected volume or user \
                complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes
                """,
                """
                421 4.7.0 [TSS04] Messages from 198.51.100.77 temporarily deferred due to unexpected volume or user \
                complaints - 4.16.56.1; see https://postmaster.verizonmedia.com/error-codes.
                """,
            ]
        ),
        (
            "421 4.7.0 [TSS05] messages from * temporarily deferred",
            ["421 4.7.0 [TSS05] Messages from 203.0.113.9 temporarily deferred."]
        ),
        (
            "554 delivery error: dd requested mail action aborted, mailbox not found - *",
            [
                "554 delivery error: dd Requested mail action aborted, mailbox not found - mta4123.mail.ne1.yahoo.com",
                "554 delivery error: dd Requested mail action aborted, mailbox not found - [-9] - mta1.mail.bf1.yahoo.com"
                    .replacing("[-9] - ", with: ""),
            ]
        ),
        // Postfix, and what its policy servers say
        (
            "450 4.1.1 *: recipient address rejected: unverified address: connect to *[*]:*: connection timed out",
            [
                """
                450 4.1.1 <bob@example.org>: Recipient address rejected: unverified address: connect to \
                mx1.example.org[192.0.2.1]:25: Connection timed out
                """,
                """
                450 4.1.1 <"eve x"@example.net>: Recipient address rejected: unverified address: connect to \
                mail.example.net[2001:db8::2]:2525: Connection timed out
                """.replacing("\"eve x\"", with: "eve+x"),
            ]
        ),
        (
            "450 4.2.0 *: recipient address rejected: greylisted, see *",
            [
                """
                450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, see \
                http://postgrey.schweikert.ch/help/example.org.html
                """,
                """
                450 4.2.0 <kim@example.com>: Recipient address rejected: Greylisted, see \
                http://postgrey.schweikert.ch/help/example.com.html
                """,
            ]
        ),
        (
            "450 4.7.1 client host rejected: cannot find your reverse hostname, [*]",
            ["450 4.7.1 Client host rejected: cannot find your reverse hostname, [198.51.100.7]"]
        ),
        ("454 4.7.1 *: relay access denied", ["454 4.7.1 <bob@example.org>: Relay access denied"]),
        (
            "554 5.7.1 service unavailable; client host [*] blocked using *",
            [
                """
                554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org; \
                https://www.spamhaus.org/query/ip/203.0.113.9
                """,
                "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using bl.spamcop.net",
            ]
        ),
        (
            "550 5.1.1 *: recipient address rejected: user unknown in virtual mailbox table",
            [
                "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
                "550 5.1.1 <Kim.Lee@Example.COM>: Recipient address rejected: User unknown in virtual mailbox table",
            ]
        ),
        (
            "552 5.2.2 * quota exceeded (mailbox for user is full)",
            ["552 5.2.2 <bob@example.org> Quota exceeded (mailbox for user is full)"]
        ),
        // Exim, qmail, sendmail
        (
            "451 temporary local problem - please try later",
            ["451 Temporary local problem - please try later", "451-Temporary local problem - please try later"]
        ),
        (
            "451 greylisted, please try again in * seconds",
            ["451 Greylisted, please try again in 300 seconds", "451 greylisted, please try again in 12 seconds."]
        ),
        (
            "550 verification failed for * no such user here sender verify failed",
            ["550 Verification failed for <app@shop.example> No Such User Here Sender verify failed"]
        ),
        ("451 qq temporary problem (#4.3.0)", ["451 qq temporary problem (#4.3.0)"]),
        (
            "550 sorry, no mailbox here by that name. (#5.1.1)",
            ["550 sorry, no mailbox here by that name. (#5.1.1)"]
        ),
        (
            "451 4.7.1 greylisting in action, please come back in *",
            [
                "451 4.7.1 Greylisting in action, please come back in 00:04:59",
                "451 4.7.1 Greylisting in action, please come back in 4m59s",
            ]
        ),
        ("550 5.1.1 *... user unknown", ["550 5.1.1 <bob@example.org>... User unknown"]),
        // Others
        (
            "554 ip=* - a problem occurred. (ask your postmaster for help or to contact * to clarify.)",
            [
                """
                554 IP=203.0.113.9 - A problem occurred. (Ask your postmaster for help or to contact \
                tobr@rx.t-online.de to clarify.)
                """
            ]
        ),
        (
            "451 internal resource temporarily unavailable - * [*]",
            [
                """
                451 Internal resource temporarily unavailable - \
                https://community.mimecast.com/docs/DOC-1369#451 [AbCdEfGhIjKlMnOpQrStUv.eu123]
                """,
                """
                451 Internal resource temporarily unavailable - \
                https://community.mimecast.com/docs/DOC-1369#451 [zYxWvUtSrQpOnMlK]
                """,
            ]
        ),
        (
            "550 5.7.509 access denied, sending domain * does not pass dmarc verification and has a dmarc policy of reject",
            [
                """
                550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification and has a DMARC \
                policy of reject.
                """
            ]
        ),
        (
            "421 try again after *",
            [
                "421 Try again after Tue, 24 Nov 2026 09:15:00 +0000", "421 Try again after Wed Nov 25 10:00:00 UTC",
                "421 try again after 2026-11-24T09:15:00Z",
            ]
        ),
        ("421 you may send * messages", ["421 You may send 100 messages"]),
        // Without a reply: why there was none.
        ("*: connection refused", ["192.0.2.1:25: Connection refused", "mx.example.org:25: connection refused"]),
        ("450", ["450", "450 "]), ("", ["", " "]),
        // With a reply, behind the name of its host.
        ("*: 421 busy", ["127.0.0.1:12622: 421 busy", "mx.example.org:25: 421 Busy", "*: 421 busy"]),
        ("[*]:*: 421 4.3.2 busy", ["[2001:db8::1]:25: 421 4.3.2 busy"]),
        ("*: 554 go away *", ["192.0.2.1:25: 554 go away 192.0.2.9"]),
        // Names of protocols are no numbers.
        ("554 5.6.3 8-bit content is not taken here", ["554 5.6.3 8-bit content is not taken here"]),
        ("550 5.6.7 (smtputf8)", ["550 5.6.7 (SMTPUTF8)", "550 5.6.7 (smtputf8)"]),
        ("554 5.6.1 8bitmime, 7bit, utf-8 and tlsv1.2", ["554 5.6.1 8BITMIME, 7BIT, UTF-8 and TLSv1.2"]),
    ]

    @Test("replies that say the same have the same, and others another", arguments: table)
    func together(_ row: (fingerprint: String, replies: [String])) {
        for reply in row.replies { #expect(ReplyFingerprint(of: reply).text == row.fingerprint) }
    }

    @Test("a fingerprint's own is itself")
    func idempotent() {
        for (fingerprint, _) in Self.table { #expect(ReplyFingerprint(of: fingerprint).text == fingerprint) }
        #expect(Set(Self.table.map(\.fingerprint)).count == Self.table.count)
    }

    @Test("codes tell replies apart")
    func codes() {
        let replies = [
            "452 4.2.2 over quota", "552 4.2.2 over quota", "452 4.2.1 over quota", "452 over quota",
            "452 RP-001 over quota", "452 RP-002 over quota",
        ]
        #expect(Set(replies.map(ReplyFingerprint.init)).count == replies.count)
    }

    @Test("whatever a host says, it is short, a filter can hold it, and its own is itself")
    func hostile() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("aZ9 .:-@<>\"'/*#[]()=,é\u{202E}\u{1b}\u{0}\tMonUTC")
        for _ in 0..<2000 {
            let count = Int.random(in: 0...400, using: &random)
            let reply = "452 4.2.2 " + String((0..<count).map { _ in alphabet.randomElement(using: &random) ?? " " })
            let fingerprint = ReplyFingerprint(of: reply)
            #expect(fingerprint.text.utf8.count <= 200 && !fingerprint.text.contains("\""), "\(reply.debugDescription)")
            #expect(ReplyFingerprint(of: fingerprint.text) == fingerprint, "\(reply.debugDescription)")
        }
        #expect(ReplyFingerprint(of: String(repeating: "x", count: 100_000)).text == "")
        #expect(ReplyFingerprint(of: "450 " + String(repeating: "1 ", count: 100_000)).text == "450 *")
    }
}
