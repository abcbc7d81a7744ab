import NIOCore
import Testing

@testable import SMTP

struct ClientSessionTLSTests {
    private static let hello = """
        S: 220 mx.example.org ESMTP
        C: EHLO a.example.net
        S: 250-mx.example.org
        S: 250-STARTTLS
        S: 250 SIZE 10
        """

    private static func party(_ tls: ClientSession.TLSPolicy) -> ClientParty {
        ClientParty(.init(hostname: "a.example.net", tls: tls))
    }

    @Test(
        "behind the handshake EHLO is said again, and what was learned before is forgotten (RFC 3207 §4.2)",
        arguments: [.ifOffered, .always] as [ClientSession.TLSPolicy])
    func upgraded(_ policy: ClientSession.TLSPolicy) {
        Self.party(policy).expect(
            """
            \(Self.hello)
            C: STARTTLS
            S: 220 2.0.0 go ahead
            *: TLS established
            C: EHLO a.example.net
            S: 250-mx.example.org
            S: 250 8BITMIME
            C: MAIL FROM:<ann@example.net>
            """)
        // The limit of 10 octets went with the plaintext: the message has 24.

        var session = ClientSession(.init(hostname: "a.example.net", tls: policy))
        Self.drain(&session, "220 mx\r\n250-mx\r\n250-STARTTLS\r\n250 LIMITS MAILMAX=1\r\n")
        #expect(session.phase == .tls)
        #expect(session.security == .none)
        session.receive(ByteBuffer(string: "220 go\r\n"))
        #expect(session.next() == .heard(Reply(220, nil, "go")))
        #expect(session.next() == .startTLS)
        #expect(session.next() == nil)
        #expect(session.phase == .tls)
        session.tlsEstablished(verified: true)
        #expect(session.security == .verified)
        #expect(session.server == ClientSession.Server())
        #expect(session.next() == .send("EHLO a.example.net"))
        Self.drain(&session, "250 mx\r\n")
        #expect(session.phase == .idle)
    }

    @Test("behind the handshake, too, EHLO falls back to HELO (RFC 5321 §3.2)")
    func heloBehind() {
        Self.party(.always).expect(
            """
            \(Self.hello)
            C: STARTTLS
            S: 220 go
            *: TLS established
            C: EHLO a.example.net
            S: 502 what?
            C: HELO a.example.net
            S: 250 mx.example.org
            C: MAIL FROM:<ann@example.net>
            """)
    }

    @Test("octets behind the 220 break the session, whenever they come before the handshake (RFC 3207 §6)")
    func injected() {
        for junk in ["S: 250-mx.example.org", "S| 2"] {
            Self.party(.ifOffered).expect(
                """
                \(Self.hello)
                C: STARTTLS
                S: 220 go
                \(junk)
                *: unusable: malformed or unasked reply while starting TLS
                *: close
                """)
        }
        // A driver that comes too late does no harm.
        Self.party(.ifOffered).expect(
            """
            \(Self.hello)
            C: STARTTLS
            S: 220 go
            S: 250 mx
            *: unusable: malformed or unasked reply while starting TLS
            *: close
            *: TLS established
            *: TLS fails
            """)
    }

    @Test("refused STARTTLS: in plaintext where that is allowed (RFC 3207 §4)", arguments: ["454 4.7.0", "502"])
    func refused(_ code: String) {
        Self.party(.ifOffered).expect(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO a.example.net
            S: 250-mx.example.org
            S: 250 STARTTLS
            C: STARTTLS
            S: \(code) not now
            C: MAIL FROM:<ann@example.net>
            """)
        Self.party(.always).expect(
            """
            \(Self.hello)
            C: STARTTLS
            S: \(code) not now
            *: unusable: TLS is required and was refused: \(code) not now
            C: QUIT
            S: 221 Bye
            *: close
            """)
    }

    @Test("TLS that is required and not offered: no mail, and a QUIT (RFC 3207 §4.1)")
    func notOffered() {
        let rest = """
            *: unusable: TLS is required and not offered
            C: QUIT
            S: 221 Bye
            *: close
            """
        Self.party(.always).expect("S: 220 mx\nC: EHLO a.example.net\nS: 250 mx\n\(rest)")
        Self.party(.always).expect(
            "S: 220 mx\nC: EHLO a.example.net\nS: 500 what?\nC: HELO a.example.net\nS: 250 mx\n\(rest)")
        Self.party(.ifOffered).expect("S: 220 mx\nC: EHLO a.example.net\nS: 250 mx\nC: MAIL FROM:<ann@example.net>")
    }

    @Test("with the policy `never`, and under implicit TLS (RFC 8314 §3.3), there is no STARTTLS")
    func notAsked() {
        let text = """
            S: 220 mx.example.org ESMTP
            C: EHLO a.example.net
            S: 250-mx.example.org
            S: 250 STARTTLS
            C: MAIL FROM:<ann@example.net>
            """
        Self.party(.never).expect(text)
        ClientParty(.init(hostname: "a.example.net", tls: .always, securedAtStart: .encrypted)).expect(text)
    }

    @Test("a handshake that fails ends the session, and says whether plaintext may do (RFC 3207 §4.1)")
    func handshakeFails() {
        Self.party(.ifOffered).expect(
            """
            \(Self.hello)
            C: STARTTLS
            S: 220 go
            *: TLS fails
            *: unusable: the TLS handshake failed: no shared cipher
            *: close
            """)
        for (policy, allowed) in [(ClientSession.TLSPolicy.ifOffered, true), (.always, false)] {
            var session = ClientSession(.init(hostname: "a.example.net", tls: policy))
            Self.drain(&session, "220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n")
            session.tlsFailed("no")
            #expect(session.next() == .unusable(.tlsFailed("no", plaintextAllowed: allowed), permanent: nil))
            #expect(session.next() == .close)
        }
    }

    @Test("421, silence, a lost connection and nonsense while TLS starts (RFC 5321 §3.8)")
    func broken() {
        for (event, cause) in [
            ("S: 421 busy", "421 busy"), ("S: 250 Ok", "malformed or unasked reply while starting TLS"),
            ("S: what", "malformed or unasked reply while starting TLS"),
            ("*: timed out", "timed out while starting TLS"),
            ("*: disconnected", "connection lost while starting TLS"),
            ("S: 220 go\n*: timed out", "timed out while starting TLS"),
            ("S: 220 go\n*: disconnected", "connection lost while starting TLS"),
        ] {
            Self.party(.ifOffered).expect("\(Self.hello)\nC: STARTTLS\n\(event)\n*: unusable: \(cause)\n*: close")
        }
    }

    /// Feeds lines one by one, as each is asked for.
    private static func drain(_ session: inout ClientSession, _ text: String) {
        for line in text.split(separator: "\r\n") {
            session.receive(ByteBuffer(string: line + "\r\n"))
            while session.next() != nil {}
        }
    }
}
