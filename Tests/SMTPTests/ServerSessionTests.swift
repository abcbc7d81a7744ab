import NIOCore
import Testing

@testable import SMTP

struct ServerSessionTests {
    @Test("a whole session with two transactions (RFC 5321 appendix D.1)")
    func session() throws {
        try TranscriptFile.load("two-transactions").expect(of: ServerParty())
    }

    @Test("commands sent as one group are answered in order (RFC 2920 §3.2)")
    func pipelining() throws {
        try TranscriptFile.load("pipelined-groups").expect(of: ServerParty())
    }

    @Test("what is pipelined behind the final dot waits for the verdict on the message (RFC 2920 §3.1)")
    func behindTheDot() {
        ServerParty().expect(
            after: .dataAccepted,
            """
            C: Subject: hi
            C:
            C: ..dotted
            C: .
            C: MAIL FROM:<cat@example.net>
            C: RSET
            *: commit <ann@example.net> -> <bob@example.org>, 24 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            S: 250 2.1.0 Ok
            S: 250 2.0.0 Ok
            """)

        var party = ServerParty().started(.dataAccepted)
        party.session.receive(ByteBuffer(string: ".\r\nNOOP\r\n"))
        guard case .commit = party.session.next() else { Issue.record("no commit"); return }
        #expect(party.session.next() == nil)
        party.session.receive(ByteBuffer(string: "NOOP\r\n"))
        #expect(party.session.next() == nil)
        party.session.committed(.each([Reply(250, nil, "first"), Reply(450, nil, "second")]))
        #expect(party.session.next() == .send(Reply(250, nil, "first")))
        #expect(party.session.next() == .heard("NOOP"))
    }

    @Test("each step that the driver decides can be refused, and the session stays where it was")
    func refusals() throws {
        try TranscriptFile.load("refusals").expect(of: ServerParty())
    }

    @Test("a greeting that refuses service leaves QUIT only (RFC 5321 §3.1)")
    func refusedGreeting() {
        var party = ServerParty()
        party.greeting = .refuse(Reply(554, nil, "No SMTP service here"))
        party.expect(
            after: .connected,
            """
            S: 554 No SMTP service here
            C: EHLO client.example
            S: 503 5.5.1 Say QUIT
            C: QUIT
            S: 221 2.0.0 Bye
            *: close
            """)
    }

    @Test("a client that talks before the greeting is answered after it")
    func earlyTalker() {
        var session = ServerSession(.init(hostname: "mx.example.net"))
        session.receive(ByteBuffer(string: "NOOP\r\n"))
        #expect(session.next() == .decide(.greeting))
        #expect(session.next() == nil)
        session.decided(.accept)
        #expect(session.next() == .note("octets before the greeting"))
        #expect(session.next() == .send(Reply(220, nil, "mx.example.net ESMTP Hoptop")))
        #expect(session.next() == .heard("NOOP"))
    }

    @Test("commands out of sequence, and those we do not have (RFC 5321 §4.1.4, §4.2.4)")
    func sequence() throws {
        try TranscriptFile.load("sequence").expect(of: ServerParty())
    }

    @Test("MAIL's parameters: SIZE (RFC 1870 §6), BODY (RFC 6152), and no other")
    func parameters() throws {
        try TranscriptFile.load("mail-parameters").expect(
            of: ServerParty(.init(hostname: "mx.example.net", maximumMessageOctets: 1000)))
    }

    @Test("EHLO announces what the configuration says")
    func sizeAnnounced() {
        ServerParty(.init(hostname: "mx.example.net", maximumMessageOctets: 0)).expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 0
            S: 250-8BITMIME
            S: 250 ENHANCEDSTATUSCODES
            C: MAIL FROM:<a@b> SIZE=99999999999999999999
            S: 250 2.1.0 Ok
            """)
    }

    @Test("recipients above the limit are deferred, the others stay (RFC 5321 §4.5.3.1.10)")
    func tooManyRecipients() {
        ServerParty(.init(hostname: "mx.example.net", maximumRecipients: 1)).expect(
            after: .recipient,
            """
            C: RCPT TO:<cat@example.org>
            C: DATA
            S: 452 4.5.3 Too many recipients
            S: 354 End data with <CR><LF>.<CR><LF>
            C: .
            *: commit <ann@example.net> -> <bob@example.org>, 0 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("too many errors end the session; refused recipients and what follows a refused MAIL are none")
    func tooManyErrors() {
        ServerParty(.init(hostname: "mx.example.net", maximumErrors: 2)).expect(
            """
            C: MAIL FROM:<evil@example.net>
            C: RCPT TO:<a@b>
            C: RCPT TO:<a@b>
            C: RCPT TO:<a@b>
            C: DATA
            S: 550 5.7.1 Not you
            S: 503 5.5.1 Say MAIL first
            S: 503 5.5.1 Say MAIL first
            S: 503 5.5.1 Say MAIL first
            S: 503 5.5.1 Say MAIL first
            C: FOO
            C: BAR
            C: FOO
            C: NOOP
            S: 500 5.5.2 Command unrecognized
            S: 500 5.5.2 Command unrecognized
            S: 421 4.7.0 mx.example.net Too many errors, closing the connection
            *: close
            """)
    }

    @Test("a blank line, NULs and octets beyond ASCII are no command")
    func forbiddenOctets() {
        ServerParty().expect(
            """
            C:
            C| NOOP\\0\\r\\n
            C| MAIL FROM:<\\xe4@b>\\n
            C| NOOP\\n
            S: 500 5.5.2 Command unrecognized
            S: 500 5.5.2 Only printing ASCII may stand in a command
            S: 500 5.5.2 Only printing ASCII may stand in a command
            S: 250 2.0.0 Ok
            """)
    }

    @Test(
        "a command line without an end holds no memory, gets one 500, and its tail is no command (RFC 5321 §4.5.3.1.4)")
    func longCommandLine() {
        var party = ServerParty().started(.greeted)
        let piece = ByteBuffer(string: String(repeating: "NOOP ", count: 13_000))
        for _ in 0..<160 {  // 10 MB
            #expect(party.receive(piece).isEmpty)
            #expect(party.session.input.readableOctets <= ServerSession.lineLimit + 1)
            #expect(party.session.wantsInput)
        }
        let replies = party.receive(ByteBuffer(string: "\rQUIT\r\nNOOP\r\n"))
        #expect(replies == ["S: 500 5.5.2 Line longer than 2048 octets", "S: 250 2.0.0 Ok"])

        let fitting = "NOOP " + String(repeating: "x", count: ServerSession.lineLimit - 5)
        #expect(party.receive(ByteBuffer(string: fitting + "\r\n")) == ["S: 250 2.0.0 Ok"])
        #expect(party.receive(ByteBuffer(string: fitting + "x\n")).first?.hasPrefix("S: 500 5.5.2") == true)
    }

    @Test("a transcript hears the first 1000 octets of each command line, and no mail data")
    func heard() {
        var session = ServerParty().started(.greeted).session
        session.receive(ByteBuffer(string: "FOO \u{1B}[2J\r\n" + String(repeating: "x", count: 5000) + "\n"))
        #expect(session.next() == .heard("FOO \u{1B}[2J"))
        _ = session.next()
        #expect(session.next() == .heard(String(repeating: "x", count: 1000)))
    }

    @Test("a client faster than the server is not read on")
    func backPressure() {
        var session = ServerParty().started(.greeted).session
        #expect(session.wantsInput)
        session.receive(ByteBuffer(repeating: 0x0A, count: 64 * 1024 + 1))
        #expect(!session.wantsInput)
        while session.next() != nil {}
        #expect(!session.wantsInput)  // Too many errors: closed.

        session = ServerParty().started(.greeted).session
        session.receive(ByteBuffer(string: "MAIL FROM:<a@b>\r\n"))
        while session.next() != nil {}
        #expect(session.phase == .mail)
        #expect(session.wantsInput)
        session.receive(ByteBuffer(repeating: 0x0A, count: 16 * 1024))
        #expect(!session.wantsInput)
    }

    @Test("content above the limit is passed over to its end (RFC 1870 §6.3)")
    func tooLarge() {
        ServerParty(.init(hostname: "mx.example.net", maximumMessageOctets: 20)).expect(
            after: .dataAccepted,
            """
            C: Subject: a line
            C: and another, which is too much
            *: discard
            C: QUIT is content here
            C: .
            C: NOOP
            S: 552 5.3.4 Message exceeds the limit of 20 octets
            S: 250 2.0.0 Ok
            """)
    }

    @Test("a message with too many Received fields is in a loop (RFC 5321 §6.3)")
    func loop() {
        let party = ServerParty(.init(hostname: "mx.example.net", maximumReceivedFields: 2))
        party.expect(
            after: .dataAccepted,
            """
            C: Received: from a
            C: received: from b
            C: RECEIVED: from c
            *: discard
            C: .
            S: 554 5.4.6 Too many hops
            """)
        party.expect(
            after: .dataAccepted,
            """
            C: Received: from a
            C:  Received: a folded line
            C: X-Received: no
            C: Received: from b
            C:
            C: Received: quoted, not of this header
            C: .
            *: commit <ann@example.net> -> <bob@example.org>, 118 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("a disk that is full before or during content is a 452, and the session goes on")
    func diskFull() {
        ServerParty().expect(
            """
            C: HELO full.example
            C: MAIL FROM:<a@b>
            C: RCPT TO:<c@d>
            C: DATA
            S: 250 mx.example.net
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 452 4.3.1 Insufficient storage
            C: RSET
            C: HELO breaks.example
            C: MAIL FROM:<a@b>
            C: RCPT TO:<c@d>
            C: DATA
            S: 250 2.0.0 Ok
            S: 250 mx.example.net
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 End data with <CR><LF>.<CR><LF>
            C: hi
            C: .
            C: NOOP
            *: discard
            S: 452 4.3.1 Disk full
            S: 250 2.0.0 Ok
            """)
    }

    @Test("a store that fails at the first of many chunks sinks the rest")
    func storeFails() {
        var party = ServerParty().started(.dataAccepted)
        party.session.receive(ByteBuffer(string: String(repeating: "0123456789abcd\r\n", count: 1024)))
        guard case .store(let chunk) = party.session.next() else { Issue.record("no chunk"); return }
        #expect(chunk.readableBytes == 16 * 1024)
        #expect(party.session.next() == nil)
        party.session.storeFailed(Reply(452, "4.3.1", "Disk full"))
        #expect(party.session.next() == .discard)
        #expect(party.session.next() == nil)
        #expect(party.receive(ByteBuffer(string: "more\r\n.\r\n")) == ["S: 452 4.3.1 Disk full"])
        #expect(party.session.phase == .idle)
    }

    @Test("silence ends a session (RFC 5321 §4.5.3.2.7)")
    func timeOut() {
        ServerParty().expect(
            """
            *: timed out
            S: 421 4.4.2 mx.example.net Timeout, closing the connection
            *: close
            C: NOOP
            """)
        ServerParty().expect(
            after: .dataAccepted,
            """
            C: half a message
            *: timed out
            *: discard
            S: 421 4.4.2 mx.example.net Timeout, closing the connection
            *: close
            """)
    }

    @Test("a shut-down is said at the next command, but not in the middle of a message (RFC 5321 §3.8)")
    func shutDown() {
        ServerParty().expect(
            after: .recipient,
            """
            *: shut down
            S: 421 4.3.2 mx.example.net Service shutting down, closing the connection
            *: close
            """)
        ServerParty().expect(
            after: .dataAccepted,
            """
            C: half
            *: shut down
            C: whole
            C: .
            C: MAIL FROM:<a@b>
            *: commit <ann@example.net> -> <bob@example.org>, 13 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            S: 421 4.3.2 mx.example.net Service shutting down, closing the connection
            *: close
            """)
        ServerParty().expect(
            after: .dataAccepted,
            """
            C: half
            *: shut down
            C: a line more
            *: cut short
            *: discard
            S: 421 4.3.2 mx.example.net Service shutting down, closing the connection
            *: close
            """)
        var session = ServerSession(.init(hostname: "mx.example.net"))
        session.shutDown()
        guard case .send(let reply) = session.next() else { Issue.record("no 421"); return }
        #expect(reply.code == 421)
        #expect(session.next() == .close)
    }

    @Test("when the client is gone nothing more comes out, and late answers are ignored")
    func disconnected() {
        var party = ServerParty().started(.dataAccepted)
        party.session.receive(ByteBuffer(string: "hi\r\n.\r\n"))
        guard case .store = party.session.next() else { Issue.record("no chunk"); return }
        var committing = party.session
        party.session.disconnected()
        party.session.stored()
        party.session.storeFailed(Reply(452, nil, "late"))
        party.session.receive(ByteBuffer(string: "NOOP\r\n"))
        #expect(party.session.next() == nil)
        #expect(party.session.phase == .closed)
        #expect(!party.session.wantsInput)

        committing.stored()
        guard case .commit = committing.next() else { Issue.record("no commit"); return }
        committing.timedOut()  // Not the client's silence.
        committing.cutShort()  // The message may be durable already.
        #expect(committing.phase == .finalReply)
        committing.disconnected()
        committing.committed(.all(Reply(250, nil, "Ok")))
        #expect(committing.next() == nil)

        var asking = ServerSession(.init(hostname: "mx.example.net"))
        _ = asking.next()
        asking.disconnected()
        asking.decided(.accept)
        #expect(asking.next() == nil)
    }

    @Test("phases and the open transaction, as timers and screens see them")
    func phases() {
        var party = ServerParty()
        #expect(party.session.phase == .greeting)
        _ = party.drain()
        #expect(party.session.phase == .hello)
        #expect(party.session.client == nil)
        var phases: [SessionPhase] = []
        for line in ["EHLO c.example", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "hi", ".", "QUIT"] {
            _ = party.receive(ByteBuffer(string: line + "\r\n"))
            phases.append(party.session.phase)
            if line == "DATA" { #expect(party.session.envelope?.recipients.count == 1) }
            if line == "hi" { #expect(party.session.contentOctets == 4) }
            if line == "." { #expect(party.session.envelope == nil && party.session.contentOctets == 0) }
            if line == "." { #expect(party.session.client?.name == "c.example") }
        }
        #expect(phases == [.idle, .mail, .rcpt, .content, .content, .idle, .closed])
    }
}
