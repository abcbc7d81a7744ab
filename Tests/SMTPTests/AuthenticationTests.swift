import NIOCore
import Testing

@testable import SMTP

/// AUTH (RFC 4954).
struct AuthenticationTests {
    @Test("an initial response, challenges, an empty one, and what a transcript holds of them (RFC 4954 §4)")
    func auth() {
        var party = ServerParty(.withAUTH).showing
        party.expect(
            """
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            *: heard AUTH PLAIN [redacted 16 octets]
            S: 235 2.7.0 Authentication successful
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            *: heard AUTH PLAIN [redacted 16 octets]
            S: 503 5.5.1 Authenticated already
            """)
        party.expect(
            """
            C: auth  plain
            *: heard AUTH PLAIN
            S: 334 
            C: AGFubgBzZWNyZXQ=
            *: heard [redacted 16 octets]
            S: 235 2.7.0 Authentication successful
            """)
        party.expect(
            """
            C: AUTH LOGIN
            *: heard AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: YW5u
            *: heard [redacted 4 octets]
            S: 334 UGFzc3dvcmQ6
            C: c2VjcmV0
            *: heard [redacted 8 octets]
            S: 235 2.7.0 Authentication successful
            C: MAIL FROM:<ann@example.net> AUTH=ann@example.net
            *: heard MAIL FROM:<ann@example.net> AUTH=ann@example.net
            S: 250 2.1.0 Ok
            """)
        party.expect(
            """
            C: AUTH X-LAST =
            *: heard AUTH X-LAST [redacted 1 octets]
            S: 334 
            C:
            *: heard [redacted 0 octets]
            S: 235 2.7.0 Authentication successful
            """)
        party = party.started(.greeted)
        #expect(party.session.user == nil)
        _ = party.receive(ByteBuffer(string: "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"))
        #expect(party.session.user == "ann")
        #expect(party.session.phase == .idle)
    }

    @Test("what the server says last as a challenge is answered with nothing (RFC 4954 §4)")
    func finalData() {
        ServerParty(.withAUTH).expect(
            """
            C: AUTH X-LAST
            S: 334 dj0x
            C: Zm9v
            S: 501 5.5.2 Nothing more was to be said
            C: AUTH X-LAST
            S: 334 dj0x
            C: *
            S: 501 5.7.0 Authentication cancelled
            C: AUTH X-LAST
            S: 334 dj0x
            C:
            S: 235 2.7.0 Authentication successful
            """)
    }

    @Test("a client may cancel, fail and err, and is not authenticated (RFC 4954 §4, §6)")
    func authFails() {
        ServerParty(.withAUTH).expect(
            """
            C: AUTH PLAIN
            S: 334 
            C: *
            S: 501 5.7.0 Authentication cancelled
            C: AUTH PLAIN
            S: 334 
            C: AGFubg=
            S: 501 5.5.2 Malformed base64
            C: AUTH PLAIN AGFub
            S: 501 5.5.2 Malformed base64
            C: AUTH PLAIN AGFubgBndWVzcw==
            S: 535 5.7.8 Authentication failed
            C: AUTH GSSAPI
            S: 504 5.5.4 Authentication mechanism not supported
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 503 5.5.1 AUTH has no place in a transaction
            C: HELO client.example
            S: 250 mx.example.net
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 503 5.5.1 Say EHLO first
            """)
        ServerParty(.withAUTH).expect(
            after: .connected,
            """
            S: 220 mx.example.net ESMTP Hoptop
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 503 5.5.1 Say EHLO or HELO first
            """)
    }

    @Test("passwords are guessed so many times, then no more")
    func guesses() {
        ServerParty(
            .sample {
                $0 = .withAUTH
                $0.maximumErrors = 2
            }
        ).expect(
            """
            C: AUTH PLAIN AGFubgBndWVzcw==
            S: 535 5.7.8 Authentication failed
            C: AUTH PLAIN AGFubgBndWVzcw==
            S: 535 5.7.8 Authentication failed
            C: AUTH PLAIN AGFubgBndWVzcw==
            S: 421 4.7.0 mx.example.net Too many errors, closing the connection
            *: close
            """)
    }

    @Test("AUTH waits for TLS, unless configured otherwise (RFC 4954 §4, §6)")
    func authNeedsTLS() {
        ServerParty(.withTLS).showing.expect(
            """
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            *: heard AUTH PLAIN [redacted 16 octets]
            S: 538 5.7.11 AUTH needs encryption, say STARTTLS first
            C: MAIL FROM:<ann@example.net> AUTH=<>
            *: heard MAIL FROM:<ann@example.net> AUTH=<>
            S: 555 5.5.4 Parameter AUTH not supported
            C: STARTTLS
            *: heard STARTTLS
            S: 220 2.0.0 Ready to start TLS
            *: TLS starts
            *: TLS is established
            C: EHLO client.example
            *: heard EHLO client.example
            S: 250-mx.example.net
            S: 250-PIPELINING
            S: 250-SIZE 50000000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250-REQUIRETLS
            S: 250 AUTH PLAIN LOGIN X-LAST
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            *: heard AUTH PLAIN [redacted 16 octets]
            S: 235 2.7.0 Authentication successful
            """)
    }

    @Test("AUTH= counts from an authenticated client only (RFC 4954 §5)")
    func authParameter() {
        for (opening, meaning) in [("", "<>"), ("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "cat+@example.net")] {
            var party = ServerParty(.withAUTH).started(.greeted)
            _ = party.receive(ByteBuffer(string: opening))
            _ = party.receive(ByteBuffer(string: "MAIL FROM:<ann@example.net> AUTH=cat+2B@example.net\r\n"))
            #expect(party.session.mailParameters?.auth == meaning)
        }
    }

    @Test("a submission server takes mail from its users only (RFC 6409 §4.3)")
    func submission() {
        ServerParty(.submission).expect(
            """
            C: MAIL FROM:<ann@example.net>
            S: 530 5.7.0 Authentication required
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Say MAIL first
            C: NOOP
            S: 250 2.0.0 Ok
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 235 2.7.0 Authentication successful
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            """)
        ServerParty(
            .sample {
                $0 = .submission
                $0.user = "ann"
            }
        ).expect(
            """
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Ok
            """)
    }

    @Test("a line of an exchange may have 12288 octets, other lines may not (RFC 4954 §4)")
    func lineLimits() {
        var party = ServerParty(.withAUTH).started(.greeted)
        func base64(_ octets: Int) -> String { String(repeating: "QUJD", count: octets / 4) }
        _ = party.receive(ByteBuffer(string: "AUTH LOGIN\r\n"))
        #expect(party.receive(ByteBuffer(string: base64(12288) + "\r\n")) == ["S: 334 UGFzc3dvcmQ6"])
        #expect(
            party.receive(ByteBuffer(string: base64(12292) + "\r\n")) == [
                "S: 500 5.5.6 Authentication exchange line is too long"
            ])
        #expect(
            party.receive(ByteBuffer(string: "AUTH X-LAST \(base64(12272))\r\n")).first?.hasPrefix("S: 334") == true)
        #expect(party.receive(ByteBuffer(string: "*\r\n")).count == 1)
        #expect(
            party.receive(ByteBuffer(string: "AUTH PLAIN \(base64(12288))\r\n")) == [
                "S: 500 5.5.6 Authentication exchange line is too long"
            ])
        #expect(
            party.receive(ByteBuffer(string: "NOOP \(base64(2048))\r\n")) == [
                "S: 500 5.5.2 Line longer than 2048 octets"
            ])
        _ = party.receive(ByteBuffer(string: "AUTH LOGIN\r\n"))
        for _ in 0..<100 { #expect(party.receive(ByteBuffer(string: base64(64_000))).isEmpty) }
        #expect(party.session.input.readableOctets <= ServerSession.authLineLimit + 1)
    }

    @Test("no secret is heard, however wrongly a client gives it")
    func secrets() {
        let secret = "c2VjcmV0"
        for configuration in [ServerSession.Configuration.withAUTH, .withTLS, .init(hostname: "mx.example.net")] {
            for opening in ["EHLO c\r\n", "HELO c\r\n", "EHLO c\r\nMAIL FROM:<a@b>\r\n", ""] {
                for attempt in [
                    "AUTH PLAIN \(secret)\r\n", "auth\tplain\t\(secret)\r\n", " AUTH LOGIN \(secret)\r\n",
                    "AUTH \(secret)\r\n", "AUTH LOGIN\r\n\(secret)\r\n\(secret)\r\n",
                    "AUTH PLAIN \(secret) \(secret)\r\n",
                    "AUTH PLAIN \(secret)=\r\n", "AUTH  \(secret) PLAIN\r\n", "AUTH LOGIN\n\(secret)\n*\n\(secret)\n",
                    "AUTH PLAIN \(secret)\(String(repeating: secret, count: 2000))\r\n", "AUTH X \(secret)\0\r\n",
                ] {
                    var party = ServerParty(configuration).showing
                    _ = party.drain()
                    let written = party.receive(ByteBuffer(string: opening + attempt + "NOOP\r\n")).joined(
                        separator: "\n")
                    #expect(!written.contains(secret), "\(opening)\(attempt)")
                    #expect(written.contains("*: heard NOOP") || written.contains("S: 334"), "\(written)")
                }
            }
        }
    }

    @Test("late answers to a client that is gone are ignored; a 421 from the driver ends the session")
    func lateAnswers() {
        var session = ServerParty(.withAUTH).started(.greeted).session
        session.receive(ByteBuffer(string: "AUTH PLAIN\r\n"))
        _ = session.next()
        #expect(session.next() == .authenticate(.begin(mechanism: "PLAIN", initialResponse: nil)))
        #expect(session.next() == nil)
        #expect(session.wantsInput)
        session.receive(ByteBuffer(repeating: 0x0A, count: 16 * 1024))
        #expect(!session.wantsInput)
        var gone = session
        gone.disconnected()
        gone.answered(.succeeded(user: "ann"))
        #expect(gone.next() == nil)
        session.answered(.failed(Reply(421, "4.7.0", "Go away")))
        #expect(session.next() == .send(Reply(421, "4.7.0", "Go away")))
        #expect(session.next() == .close)
    }

    @Test("a shut-down is said in an exchange too (RFC 5321 §3.8)")
    func shutDown() {
        ServerParty(.withAUTH).expect(
            """
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            *: shut down
            S: 421 4.3.2 mx.example.net Service shutting down, closing the connection
            *: close
            """)
    }

    @Test("Received says how a message came (RFC 3848, RFC 6531 §4.3)")
    func transferProtocol() {
        var party = ServerParty(.withAUTH).started(.connected)
        _ = party.drain()
        #expect(party.session.transferProtocol == "SMTP")
        _ = party.receive(ByteBuffer(string: "EHLO c\r\n"))
        #expect(party.session.transferProtocol == "ESMTP")
        _ = party.receive(ByteBuffer(string: "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"))
        #expect(party.session.transferProtocol == "ESMTPA")

        party = ServerParty(
            .sample {
                $0 = .submission
                $0.extensions.insert(.smtpUTF8)
            }
        ).started(.greeted)
        _ = party.receive(ByteBuffer(string: "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"))
        #expect(party.session.transferProtocol == "ESMTPSA")
        _ = party.receive(ByteBuffer(string: "MAIL FROM:<a@b> SMTPUTF8\r\n"))
        #expect(party.session.transferProtocol == "UTF8SMTPSA")
        #expect(party.session.mailParameters?.smtpUTF8 == true)
    }
}
