import NIOCore
import Testing

@testable import SMTP

/// LMTP (RFC 2033).
struct LMTPTests {
    private static let configuration = ServerSession.Configuration.sample {
        $0.role = .lmtp
        $0.extensions.insert(.chunking)
        $0.maximumMessageOctets = 100
    }

    @Test("LHLO instead of EHLO and HELO, and a reply for each recipient that was accepted (RFC 2033 §4.1, §4.2)")
    func session() {
        ServerParty(Self.configuration).expect(
            after: .connected,
            """
            S: 220 mx.example.net LMTP Hoptop
            C: EHLO client.example
            S: 500 5.5.2 Command unrecognized
            C: HELO client.example
            S: 500 5.5.2 Command unrecognized
            C: MAIL FROM:<ann@example.net>
            S: 503 5.5.1 Say LHLO first
            C: LHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 100
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 CHUNKING
            C: HELP
            S: 214 2.0.0 Commands: LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@example.org>
            C: RCPT TO:<nobody@example.org>
            C: RCPT TO:<over@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 550 5.1.1 Unknown
            S: 250 2.1.5 Ok
            S: 354 End data with <CR><LF>.<CR><LF>
            C: hi
            C: .
            C: NOOP
            *: commit <ann@example.net> -> <bob@example.org> <over@example.org>, 4 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            S: 452 4.2.2 Over quota
            S: 250 2.0.0 Ok
            """)
    }

    @Test("so behind the last chunk, and only there (RFC 2033 §4.3)")
    func chunks() {
        ServerParty(Self.configuration).expect(
            after: .connected,
            """
            S: 220 mx.example.net LMTP Hoptop
            C: LHLO full.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 100
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 CHUNKING
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@example.org>
            C: RCPT TO:<over@example.org>
            C: BDAT 2
            C| hi
            C: BDAT 2 LAST
            C| hi
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 250 2.1.5 Ok
            S: 452 4.3.1 Insufficient storage
            S: 452 4.3.1 Insufficient storage
            S: 452 4.3.1 Insufficient storage
            C: LHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 100
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 CHUNKING
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@example.org>
            C: RCPT TO:<over@example.org>
            C: BDAT 2
            C| hi
            C: BDAT 2 LAST
            C| hi
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 250 2.1.5 Ok
            S: 250 2.0.0 2 octets received
            *: commit <ann@example.net> -> <bob@example.org> <over@example.org>, 4 octets
            S: 250 2.0.0 Ok: queued as 4Q7K
            S: 452 4.2.2 Over quota
            """)
    }

    @Test("mail data that is refused is refused for each recipient; without one DATA is a 503 (RFC 2033 §4.2)")
    func refused() {
        ServerParty(Self.configuration).expect(
            after: .connected,
            """
            S: 220 mx.example.net LMTP Hoptop
            C: LHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 100
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 CHUNKING
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: DATA
            S: 503 5.5.1 Say RCPT first
            C: RCPT TO:<nobody@example.org>
            S: 550 5.1.1 Unknown
            C: DATA
            S: 503 5.5.1 No valid recipients
            C: BDAT 2 LAST
            C| hi
            S: 503 5.5.1 No valid recipients
            C: RCPT TO:<bob@example.org>
            C: RCPT TO:<over@example.org>
            C: DATA
            S: 250 2.1.5 Ok
            S: 250 2.1.5 Ok
            S: 354 End data with <CR><LF>.<CR><LF>
            C: 0123456789012345678901234567890123456789012345678901234567890123456789
            C: 0123456789012345678901234567890123456789012345678901234567890123456789
            *: discard
            C: .
            S: 552 5.3.4 Message exceeds the limit of 100 octets
            S: 552 5.3.4 Message exceeds the limit of 100 octets
            """)
    }

    @Test("one verdict stands for all recipients; SMTP does not know LHLO")
    func all() {
        var session = ServerSession(Self.configuration)
        _ = session.next()
        session.decided(.accept)
        session.receive(ByteBuffer(string: "LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"))
        func drain() -> [ReplyCode] {
            var codes: [ReplyCode] = []
            while let action = session.next() {
                switch action {
                case .decide: session.decided(.accept)
                case .store: session.stored()
                case .send(let reply): codes.append(reply.code)
                case .heard, .note, .startTLS, .authenticate, .commit, .discard, .close: break
                }
            }
            return codes
        }
        #expect(drain() == [220, 250, 250, 250, 250, 354])
        #expect(session.transferProtocol == "LMTP")
        session.receive(ByteBuffer(string: ".\r\n"))
        #expect(drain() == [])
        session.committed(.all(Reply(451, "4.3.0", "Later")))
        #expect(drain() == [451, 451])
        ServerParty().expect(
            """
            C: LHLO client.example
            S: 500 5.5.2 Command unrecognized
            """)
    }
}
