import NIOCore
import SMTP
import Testing

@Suite("server sessions (RFC 5321)")
struct ServerSessionTests {
    /// An open content: what the next `C:` lines bring is mail data.
    private static let opened = """
        C: MAIL FROM:<ann@example.net>
        C: RCPT TO:<bob@example.org>
        C: DATA
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 354 End data with <CR><LF>.<CR><LF>

        """

    @Test("a message passes, its dots unstuffed (§3.3, §4.5.2)")
    func message() {
        ServerTranscript().expect(
            Self.opened + """
                C: Subject: hi
                C:
                C: ..dotted
                C: .
                *: commit <ann@example.net> -> <bob@example.org>: Subject: hi\\r\\n\\r\\n.dotted\\r\\n
                S: 250 2.0.0 Ok: queued as 4Q7K
                C: QUIT
                S: 221 2.0.0 Bye
                *: close
                """)
    }

    @Test("what is pipelined behind the dot is answered after the 250 (RFC 2920 §3.1)")
    func pipelinedBehindTheDot() {
        ServerTranscript().expect(
            Self.opened + """
                C: hi
                C: .
                C: MAIL FROM:<cat@example.net>
                C: RSET
                *: commit <ann@example.net> -> <bob@example.org>: hi\\r\\n
                S: 250 2.0.0 Ok: queued as 4Q7K
                S: 250 2.1.0 Ok
                S: 250 2.0.0 Ok
                """)
    }

    @Test(
        "only CRLF.CRLF ends mail data; a bare CR or LF becomes CRLF (§4.1.1.4, CVE-2023-51764 to 51766)",
        arguments: [
            ("a\\n.\\nb", "a\\r\\n.\\r\\nb"), ("a\\r.\\rb", "a\\r\\n.\\r\\nb"), ("a\\n.", "a\\r\\n."),
            ("a\\r\\n.\\nb", "a\\r\\n.\\r\\nb"), ("a\\r\\n.\\rb", "a\\r\\n.\\r\\nb"), ("a\\r\\r\\nb", "a\\r\\n\\r\\nb"),
            ("a\\n..b", "a\\r\\n..b"), ("a\\0b", "a\\0b"),
        ])
    func smuggling(_ sent: String, _ kept: String) {
        ServerTranscript().expect(
            Self.opened + """
                C: \(sent)
                C: .
                *: commit <ann@example.net> -> <bob@example.org>: \(kept)\\r\\n
                S: 250 2.0.0 Ok: queued as 4Q7K
                """)
    }

    @Test("commands out of order are refused and change nothing (§4.1.4)")
    func order() {
        ServerTranscript().expect(
            """
            C: RCPT TO:<bob@example.org>
            C: DATA
            C: MAIL FROM:<ann@example.net>
            C: MAIL FROM:<ann@example.net>
            C: DATA
            C: EHLO again.example
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Send MAIL first
            S: 503 5.5.1 Send MAIL and RCPT first
            S: 250 2.1.0 Ok
            S: 503 5.5.1 A transaction is open already
            S: 554 5.5.1 No valid recipients
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250 ENHANCEDSTATUSCODES
            S: 503 5.5.1 Send MAIL first
            """)
    }

    @Test("VRFY tells nothing, EXPN is not there (§3.5.3, §7.3)")
    func verify() {
        ServerTranscript().expect(
            """
            C: VRFY bob
            C: EXPN staff
            C: BDAT 3 LAST
            S: 252 2.1.5 Cannot verify, but send mail and it will be tried
            S: 502 5.5.1 EXPN is not available
            S: 502 5.5.1 Command not implemented
            """)
    }

    @Test("SIZE above the limit is refused at MAIL (RFC 1870 §6.1)")
    func declaredSize() {
        ServerTranscript(configuration: .init(hostname: "mx.example.net", maximumMessageOctets: 100)).expect(
            """
            C: MAIL FROM:<a@example.net> SIZE=101
            C: MAIL FROM:<a@example.net> SIZE=99999999999999999999
            C: MAIL FROM:<a@example.net> SIZE=x
            C: MAIL FROM:<a@example.net> BODY=BINARYMIME
            C: MAIL FROM:<a@example.net> RET=HDRS
            C: MAIL FROM:<a@example.net> SIZE=100 BODY=8BITMIME
            S: 552 5.3.4 Message exceeds 100 octets
            S: 552 5.3.4 Message exceeds 100 octets
            S: 501 5.5.4 Syntax: SIZE=octets
            S: 501 5.5.4 Syntax: BODY=7BIT or BODY=8BITMIME
            S: 555 5.5.4 Unsupported parameter RET
            S: 250 2.1.0 Ok
            """)
    }

    @Test("content above the limit is let pass, forgotten and refused after the dot")
    func realSize() {
        ServerTranscript(configuration: .init(hostname: "mx.example.net", maximumMessageOctets: 10)).expect(
            Self.opened + """
                C: 0123456789
                C: .
                *: discard
                S: 552 5.3.4 Message exceeds 10 octets
                """)
    }

    @Test("more Received fields than allowed are a loop (§6.3)")
    func loop() {
        ServerTranscript(configuration: .init(hostname: "mx.example.net", maximumReceivedFields: 1)).expect(
            Self.opened + """
                C: RECEIVED: one
                C: Received: two
                C:
                C: .
                *: discard
                S: 554 5.4.6 Too many hops, the message is looping
                """)
    }

    @Test("Received lines of the text are no trace fields")
    func noLoop() {
        ServerTranscript(configuration: .init(hostname: "mx.example.net", maximumReceivedFields: 1)).expect(
            Self.opened + """
                C: Received: one
                C:
                C: Received: two
                C: .
                *: commit <ann@example.net> -> <bob@example.org>: Received: one\\r\\n\\r\\nReceived: two\\r\\n
                S: 250 2.0.0 Ok: queued as 4Q7K
                """)
    }

    @Test("too many recipients: 452, and the others stand (§4.5.3.1.10)")
    func recipients() {
        ServerTranscript(configuration: .init(hostname: "mx.example.net", maximumRecipients: 1)).expect(
            """
            C: MAIL FROM:<>
            C: RCPT TO:<a@example.org>
            C: RCPT TO:<b@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 452 4.5.3 Too many recipients
            S: 354 End data with <CR><LF>.<CR><LF>
            C: .
            *: commit <> -> <a@example.org>:\u{20}
            S: 250 2.0.0 Ok: queued as 4Q7K
            """)
    }

    @Test("a refused recipient is not in the envelope; a full disk is a 452 at DATA (§4.2.5)")
    func verdicts() {
        ServerTranscript(verdict: { question in
            switch question {
            case .recipient(let path, _) where path.description.contains("no@"):
                .refuse(Reply(554, EnhancedStatusCode(5, 7, 1), "Relay access denied"))
            case .content: .refuse(Reply(452, EnhancedStatusCode(4, 3, 1), "Insufficient system storage"))
            case .greeting, .hello, .mail, .recipient: nil
            }
        }).expect(
            """
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<no@example.org>
            C: RCPT TO:<yes@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 554 5.7.1 Relay access denied
            S: 250 2.1.5 Ok
            S: 452 4.3.1 Insufficient system storage
            """)
    }

    @Test("a disk that fails under the data refuses the message with a 4yz, after the dot")
    func storeFailure() {
        ServerTranscript(storeFailure: Reply(452, EnhancedStatusCode(4, 3, 1), "Insufficient system storage")).expect(
            Self.opened + """
                C: hi
                C: .
                S: 452 4.3.1 Insufficient system storage
                """)
    }

    @Test("too many mistakes end the session (§4.3.2)")
    func mistakes() {
        ServerTranscript(configuration: .init(hostname: "mx.example.net", maximumErrors: 3)).expect(
            """
            C: one\\0
            C:
            C: three
            C: QUIT
            S: 500 5.5.2 Only printing ASCII may stand in a command
            S: 500 5.5.2 Command unrecognized
            S: 421 4.7.0 mx.example.net Too many errors
            *: close
            """)
    }

    @Test("10 MB without a line end: one 500, its tail is never run, no memory is kept (§4.5.3.1.4)")
    func endlessLine() {
        var session = ServerSession(.init(hostname: "mx.example.net"))
        var replies: [UInt16] = []
        func drain() {
            while let action = session.next() {
                switch action {
                case .decide: session.decided(.accept)
                case .send(let reply): replies.append(reply.code.rawValue)
                case .heard(let line): #expect(line.utf8.count <= 1000)
                case .store, .commit, .discard, .close: Issue.record("\(action)")
                }
            }
        }
        drain()
        let chunk = ByteBuffer(string: String(repeating: "QUIT ", count: 13_107))
        for _ in 0..<160 {
            session.receive(chunk)
            drain()
        }
        session.receive(ByteBuffer(string: "\r\nNOOP\r\n"))
        drain()
        #expect(replies == [220, 500, 250])
    }

    @Test("shutting down waits for the message under way (§3.8)")
    func shutDown() {
        var session = ServerSession(.init(hostname: "mx.example.net"))
        var replies: [UInt16] = []
        func drain() {
            while let action = session.next() {
                switch action {
                case .decide: session.decided(.accept)
                case .send(let reply): replies.append(reply.code.rawValue)
                case .store: session.stored()
                case .commit: session.committed(.all(Reply(250, nil, "Ok")))
                case .heard, .close, .discard: break
                }
            }
        }
        session.receive(ByteBuffer(string: "HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nhi\r\n"))
        drain()
        session.shutDown()
        drain()
        #expect(replies == [220, 250, 250, 250, 354])
        session.receive(ByteBuffer(string: ".\r\nMAIL FROM:<>\r\n"))
        drain()
        #expect(replies == [220, 250, 250, 250, 354, 250, 421])
        #expect(session.phase == .closed)
    }

    @Test("random octets in random pieces never trap, whenever the client leaves")
    func random() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SplitMix(state: seed)
        let words = [
            "EHLO a\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<a@b>\r\n", "DATA\r\n", ".\r\n", "\r", "\n", ".", "x",
        ]
        for _ in 0..<500 {
            var session = ServerSession(.init(hostname: "mx.example.net", maximumMessageOctets: 200))
            for _ in 0..<Int.random(in: 1...60, using: &generator) {
                let octets =
                    Bool.random(using: &generator)
                    ? Array(words.randomElement(using: &generator)!.utf8)
                    : (0..<8).map { _ in UInt8.random(in: 0...255, using: &generator) }
                session.receive(ByteBuffer(bytes: octets))
                while let action = session.next() {
                    switch action {
                    case .decide: session.decided(.accept)
                    case .store: session.stored()
                    case .commit: session.committed(.all(Reply(250, nil, "Ok")))
                    case .heard, .send, .discard, .close: break
                    }
                }
            }
            session.disconnected()
            #expect(session.next() == nil, "seed \(seed)")
        }
    }
}

/// A generator with a seed that can be printed and used again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
