import NIOCore
import Testing

@testable import SMTP

struct ClientSessionTests {
    private static let hello = """
        S: 220 mx.example.org ESMTP
        C: EHLO a.example.net
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-size 1000
        S: 250 8BITMIME
        """
    private static let plainHello = """
        S: 220 mx.example.org ESMTP
        C: EHLO a.example.net
        S: 250 mx.example.org
        """

    @Test("a group goes out at once, its replies are matched in order, each recipient has its own fate (RFC 2920 §3.1)")
    func pipelined() {
        ClientParty([.sample(to: ["bob@b", "cat@b", "dan@b"])]).expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@b>
            C: RCPT TO:<cat@b>
            C: RCPT TO:<dan@b>
            C: DATA
            S: 250 2.1.0 Ok
            S: 550-5.1.1 Unknown,
            S: 550 5.1.1 and never heard of
            S: 250 2.1.5 Ok
            S: 452 4.5.3 Too many recipients
            S: 354 Go ahead
            C: Subject: hi
            C:
            C: ..dotted
            C: .
            S: 250 2.0.0 Ok: queued as 12345
            *: <bob@b> bounced: 550 5.1.1 Unknown, and never heard of
            *: <cat@b> relayed: 250 2.0.0 Ok: queued as 12345
            *: <dan@b> deferred: 452 4.5.3 Too many recipients
            C: QUIT
            S: 221 2.0.0 Bye
            *: close
            """)
    }

    @Test("without PIPELINING each command waits for the reply to the one before (RFC 5321 §4.1.4)")
    func stepByStep() {
        let text = """
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 450 later
            C: RCPT TO:<cat@b>
            S: 251 will forward
            C: DATA
            S: 354 Go ahead
            C: Subject: hi
            C:
            C: ..dotted
            C: .
            S: 250 Ok
            *: <bob@b> deferred: 450 later
            *: <cat@b> relayed: 250 Ok
            C: QUIT
            """
        ClientParty([.sample(to: ["bob@b", "cat@b"])]).expect("\(Self.plainHello)\n\(text)")

        let transaction = ClientSession.Transaction.sample(
            to: ["bob@b", "cat@b"], parameters: [Parameter("BODY", "8BITMIME")])
        let offered = text.replacing("example.net>", with: "example.net> SIZE=24 BODY=8BITMIME")
        ClientParty([transaction], pipelining: false).expect("\(Self.hello)\n\(offered)")
    }

    @Test("a session carries several transactions")
    func severalTransactions() {
        ClientParty([.sample(), .sample(to: ["cat@b"])]).expect(
            """
            \(Self.plainHello)
            C: MAIL FROM:<ann@example.net>
            S: 550 not you
            *: <bob@example.org> bounced: 550 not you
            C: RSET
            S: 250 Ok
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<cat@b>
            S: 250 Ok
            C: DATA
            S: 354 Ok
            C: Subject: hi
            C:
            C: ..dotted
            C: .
            S: 554 5.7.1 spam
            *: <cat@b> bounced: 554 5.7.1 spam
            C: QUIT
            S: 221 Bye
            *: close
            """)
    }

    @Test("RCPTs all refused: RSET, and no DATA (RFC 5321 §3.3)")
    func allRefused() {
        ClientParty([.sample(to: ["bob@b", "cat@b"])]).expect(
            """
            \(Self.plainHello)
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@b>
            S: 550 no
            C: RCPT TO:<cat@b>
            S: 450 not now
            *: <bob@b> bounced: 550 no
            *: <cat@b> deferred: 450 not now
            C: RSET
            S: 250 Ok
            C: QUIT
            """)
    }

    @Test("MAIL refused in a group: what the rest is answered does not matter (RFC 2920 §3.1)")
    func mailRefusedInGroup() {
        ClientParty().expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 451 4.7.1 greylisted
            S: 503 5.5.1 no MAIL
            S: 503 5.5.1 no RCPT
            *: <bob@example.org> deferred: 451 4.7.1 greylisted
            C: RSET
            """)
    }

    @Test("354 without a recipient: the lone dot at once, and its 250 counts for nobody (RFC 2920 §3.1)")
    func loneDot() {
        ClientParty([.sample(to: ["bob@b", "cat@b"])]).expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@b>
            C: RCPT TO:<cat@b>
            C: DATA
            S: 250 Ok
            S: 550 no
            S: 450 not now
            S: 354 Go ahead
            C: .
            S: 250 Ok, an empty message
            *: <bob@b> bounced: 550 no
            *: <cat@b> deferred: 450 not now
            C: QUIT
            """)
        ClientParty().expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 550 not you
            S: 250 Ok
            S: 354 Go ahead
            C: .
            S: 250 Ok
            *: <bob@example.org> bounced: 550 not you
            C: QUIT
            """)
    }

    @Test("DATA refused is the fate of those accepted")
    func dataRefused() {
        ClientParty([.sample(to: ["bob@b", "cat@b"])]).expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@b>
            C: RCPT TO:<cat@b>
            C: DATA
            S: 250 Ok
            S: 550 no
            S: 250 Ok
            S: 452 4.3.1 disk full
            *: <bob@b> bounced: 550 no
            *: <cat@b> deferred: 452 4.3.1 disk full
            C: RSET
            """)
    }

    @Test("552 to RCPT after an accepted one means 452 (RFC 5321 §4.5.3.1.10)")
    func tooManyRecipients() {
        ClientParty([.sample(to: ["bob@b", "cat@b", "dan@b", "eve@b"])]).expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@b>
            C: RCPT TO:<cat@b>
            C: RCPT TO:<dan@b>
            C: RCPT TO:<eve@b>
            C: DATA
            S: 250 Ok
            S: 250 Ok
            S: 552 too many
            S: 552 5.2.2 mailbox full
            S: 552 5.5.3 too many
            S: 554 no
            *: <bob@b> bounced: 554 no
            *: <cat@b> deferred: 552 too many
            *: <dan@b> bounced: 552 5.2.2 mailbox full
            *: <eve@b> deferred: 552 5.5.3 too many
            C: RSET
            """)
    }

    @Test("a message above the server's SIZE is not sent (RFC 1870 §6.1)")
    func tooLarge() {
        ClientParty([.sample(contentOctets: 1001), .sample(contentOctets: 1000)]).expect(
            """
            \(Self.hello)
            *: <bob@example.org> bounced unasked: 552 5.3.4 Message size exceeds the limit announced by mx.example.org (1000 octets)
            C: MAIL FROM:<ann@example.net> SIZE=1000
            C: RCPT TO:<bob@example.org>
            C: DATA
            """)
    }

    @Test("EHLO refused: HELO, and no extension (RFC 5321 §3.2)")
    func helo() {
        ClientParty().expect(
            """
            S: 220-mx.example.org
            S: 220 is old
            C: EHLO a.example.net
            S: 502 what?
            C: HELO a.example.net
            S: 250 mx.example.org
            C: MAIL FROM:<ann@example.net>
            """)
    }

    @Test(
        "a session that never gets ready says whether for good (RFC 5321 §3.1, §4.3.2)",
        arguments: [
            "S: 554 No SMTP service here\n*: unusable for good: 554 No SMTP service here\n*: close",
            "S: 450 busy\n*: unusable: 450 busy\n*: close",
            "S: 421 4.3.2 busy\n*: unusable: 421 4.3.2 busy\n*: close",
            "S: 354 Go ahead\n*: unusable: malformed or unasked reply while waiting for the greeting\n*: close",
            "S: SSH-2.0\n*: unusable: malformed or unasked reply while waiting for the greeting\n*: close",
            "*: disconnected\n*: unusable: connection lost while waiting for the greeting\n*: close",
            "*: timed out\n*: unusable: timed out while waiting for the greeting\n*: close",
            "S: 220 mx\nC: EHLO a.example.net\nS: 421 busy\n*: unusable: 421 busy\n*: close",
            "S: 220 mx\nC: EHLO a.example.net\nS: 451 busy\n*: unusable: 451 busy\n*: close",
            """
            S: 220 mx
            C: EHLO a.example.net
            S: 550 no
            C: HELO a.example.net
            S: 550 5.7.1 no
            *: unusable: 550 5.7.1 no
            *: close
            """,
            "S: 521 no mail\n*: unusable for good: 521 no mail\n*: close",
            """
            S: 220 mx
            C: EHLO a.example.net
            S: 521 no mail
            C: HELO a.example.net
            S: 521 no mail
            *: unusable for good: 521 no mail
            *: close
            """,
            """
            S: 220 mx
            C: EHLO a.example.net
            *: timed out
            *: unusable: timed out while waiting for the reply to EHLO
            *: close
            """,
        ])
    func neverReady(_ text: String) { ClientParty().expect(text) }

    @Test("421 may answer any command, and ends the session (RFC 5321 §3.8)", arguments: 0..<4)
    func closing(_ position: Int) {
        let replies = ["S: 250 Ok", "S: 250 Ok", "S: 354 Ok"]
        var text = """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@example.org>
            C: DATA

            """
        text += replies.prefix(position).map { $0 + "\n" }.joined()
        if position == 3 { text += "C: Subject: hi\nC:\nC: ..dotted\nC: .\n" }
        ClientParty().expect(
            text + """
                S: 421 4.3.2 going down
                *: <bob@example.org> deferred: 421 4.3.2 going down
                *: close
                S: 250 Ok
                """)
    }

    @Test("a session that ended between two transactions is not ready for another", arguments: ["421 bye\r\n", nil])
    func endedWhileReady(_ last: String?) {
        var session = ClientSession(.init(hostname: "a.example.net"))
        func receive(_ text: String) {
            session.receive(ByteBuffer(string: text))
            while session.next() != nil {}
        }
        receive("220 mx.example.org\r\n")
        #expect(!session.isReady)
        receive("250 mx.example.org\r\n")
        #expect(session.isReady)
        if last == nil { session.disconnected() }
        receive(last ?? "")
        #expect(!session.isReady)
    }

    @Test("421 in the midst of content, and a server that gives up there")
    func refusedContent() {
        let before = """
            \(Self.plainHello)
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@example.org>
            S: 250 Ok
            C: DATA
            S: 354 Ok
            *: content is read
            """
        ClientParty(contentWaits: true).expect(
            "\(before)\nS: 421 going down\n*: <bob@example.org> deferred: 421 going down\n*: close")
        ClientParty(contentWaits: true).expect(
            "\(before)\nS: 552 5.3.4 too big\n*: <bob@example.org> bounced: 552 5.3.4 too big\n*: close")
        ClientParty(contentWaits: true).expect(
            "\(before)\n*: content fails\n*: <bob@example.org> deferred: connection lost while sending mail data\n*: close"
        )
        ClientParty(contentWaits: true).expect(
            "\(before)\n*: disconnected\n*: <bob@example.org> deferred: connection lost while sending mail data\n*: close"
                + "\n*: content comes")
    }

    @Test("a 250 before the dot is no verdict on the message")
    func earlyReply() {
        let before = """
            \(Self.plainHello)
            C: MAIL FROM:<ann@example.net>
            S: 250 Ok
            C: RCPT TO:<bob@example.org>
            S: 250 Ok
            C: DATA
            S: 354 Ok
            *: content is read
            """
        let after = """
            *: <bob@example.org> deferred: malformed or unasked reply while sending mail data
            *: close
            """
        ClientParty(contentWaits: true).expect("\(before)\nS: 250 Ok\n\(after)")
        // Also one that only began before it.
        ClientParty(contentWaits: true).expect("\(before)\nS| 250 O\n*: content comes\n\(after)\nS| k\\r\\n")

        var party = ClientParty()
        let lines = party.receive(ByteBuffer(string: "220 mx\r\n")) + party.receive(ByteBuffer(string: "250 mx\r\n"))
        #expect(lines == ["C: EHLO a.example.net", "C: MAIL FROM:<ann@example.net>"])
        _ = party.receive(ByteBuffer(string: "250 Ok\r\n"))
        _ = party.receive(ByteBuffer(string: "250 Ok\r\n"))
        let rest = party.receive(ByteBuffer(string: "354 Ok\r\n250 Ok\r\n"))
        #expect(rest.joined(separator: "\n") == after)
    }

    @Test("replies that answer what was not asked break the session, and count for nobody")
    func unasked() {
        ClientParty().expect(
            """
            \(Self.plainHello)
            C: MAIL FROM:<ann@example.net>
            S: 354 Ok
            *: <bob@example.org> deferred: malformed or unasked reply while waiting for the reply to MAIL
            *: close
            """)
        ClientParty().expect(
            """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 250 Ok
            S: 250 Ok
            S: 250 Ok
            *: <bob@example.org> deferred: malformed or unasked reply while waiting for the reply to DATA
            *: close
            """)

        var session = Self.ready()
        session.receive(ByteBuffer(string: "250 Ok\r\n"))
        #expect(session.next() == .heard(Reply(250, nil, "Ok")))
        #expect(session.next() == .unusable(.malformedReply(.idle), permanent: nil))
        #expect(session.next() == .close)
        #expect(session.next() == nil)
    }

    @Test("a connection lost or silent after the dot: a second copy rather than a loss (RFC 5321 §4.5.3.2.6)")
    func lostAfterTheDot() {
        let before = """
            \(Self.hello)
            C: MAIL FROM:<ann@example.net> SIZE=24
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 250 Ok
            S: 250 Ok
            S: 354 Ok
            C: Subject: hi
            C:
            C: ..dotted
            C: .
            """
        for (event, cause) in [("disconnected", "connection lost"), ("timed out", "timed out")] {
            ClientParty().expect(
                """
                \(before)
                S| 250 O
                *: \(event)
                *: <bob@example.org> deferred: \(cause) while waiting for the final reply
                *: close
                """)
        }
    }

    @Test("a reply that was received before the connection went still counts")
    func replyBeforeTheEnd() {
        var party = ClientParty()
        for text in ["220 mx\r\n", "250 mx\r\n", "250 Ok\r\n", "250 Ok\r\n", "354 Ok\r\n"] {
            _ = party.receive(ByteBuffer(string: text))
        }
        #expect(party.session.phase == .finalReply)
        party.session.receive(ByteBuffer(string: "250 Ok\r\n"))
        party.session.disconnected()
        #expect(
            party.drain() == [
                "*: <bob@example.org> relayed: 250 Ok",
                "*: unusable: connection lost between transactions", "*: close",
            ])
    }

    @Test("a session that is lost between transactions")
    func lostWhenReady() {
        var session = Self.ready()
        session.disconnected()
        #expect(session.next() == .unusable(.connectionLost(.idle), permanent: nil))
        #expect(session.next() == .close)
        session.quit()  // Too late, and harmless.
        #expect(session.next() == nil)

        session = Self.ready()
        session.disconnected()
        session.begin(.sample())
        #expect(session.next() == .finished([.deferred(.connectionLost(.mail))]))
        #expect(session.next() == .close)
    }

    @Test("what the server said of itself, and progress through the recipients")
    func observed() {
        var session = Self.ready(
            "250-mx.example.org hi\r\n250-AUTH=LOGIN\r\n250-size 0\r\n250-\u{1B}[2J\r\n250 x-Y z\r\n")
        #expect(session.server.name == "mx.example.org")
        #expect(session.server.extensions == ["AUTH", "SIZE", "X-Y"])
        #expect(session.server.maximumMessageOctets == nil)
        #expect(session.phase == .idle)
        session.begin(.sample(to: ["bob@b", "cat@b"]))
        #expect(session.next() == .send("MAIL FROM:<ann@example.net> SIZE=24"))
        #expect(session.recipientProgress == (0, 2))
        for (progress, phase) in [(0, SessionPhase.rcpt), (1, .rcpt), (2, .data)] {
            session.receive(ByteBuffer(string: "250 Ok\r\n"))
            while session.next() != nil {}
            #expect(session.recipientProgress == (progress, 2))
            #expect(session.phase == phase)
        }
    }

    /// A session that said `.ready`.
    private static func ready(_ hello: String = "250 mx.example.org\r\n") -> ClientSession {
        var session = ClientSession(.init(hostname: "a.example.net"))
        session.receive(ByteBuffer(string: "220 \u{1B}]0;mx\r\n\(hello)"))
        while let action = session.next(), action != .ready {}
        return session
    }
}
