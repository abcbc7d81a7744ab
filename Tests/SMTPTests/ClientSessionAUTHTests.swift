import NIOCore
import Testing

@testable import SMTP

struct ClientSessionAUTHTests {
    private static let greeting = """
        S: 220 mx.example.org ESMTP
        C: EHLO a.example.net
        S: 250-mx.example.org
        """

    /// A party whose connection is under TLS, unless told otherwise.
    private static func party(
        _ credentials: some SASLClient, mechanisms: [String]? = nil, security: ClientSession.Security = .encrypted,
        allowsPlaintextPasswords: Bool = false
    ) -> ClientParty {
        ClientParty(
            .init(
                hostname: "a.example.net", securedAtStart: security,
                mechanisms: mechanisms ?? [credentials.mechanism], allowsPlaintextPasswords: allowsPlaintextPasswords),
            credentials: credentials)
    }

    private static var plain: PlainClient {
        get throws { try #require(PlainClient(user: "tim", password: "tanstaaftanstaaf")) }
    }

    @Test("PLAIN goes with the command, and mail only behind the 235 (RFC 4954 §4, RFC 4616 §2)")
    func plain() throws {
        try Self.party(Self.plain).expect(
            """
            \(Self.greeting)
            S: 250 AUTH GSSAPI plain LOGIN
            C: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm
            S: 235 2.7.0 Authentication successful
            C: MAIL FROM:<ann@example.net>
            """)
    }

    @Test("LOGIN answers in order, however the questions are worded")
    func login() {
        Self.party(LoginClient(user: "tim", password: "secret")).expect(
            """
            \(Self.greeting)
            S: 250 AUTH=LOGIN
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: dGlt
            S: 334
            C: c2VjcmV0
            S: 235 Ok
            C: MAIL FROM:<ann@example.net>
            """)
        Self.party(LoginClient(user: "tim", password: "secret")).expect(
            """
            \(Self.greeting)
            S: 250 AUTH LOGIN
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: dGlt
            S: 334 UGFzc3dvcmQ6
            C: c2VjcmV0
            S: 334 UGFzc3dvcmQ6
            C: *
            S: 501 cancelled
            *: unusable: cannot authenticate: the server asks for more than LOGIN has to say
            C: QUIT
            """)
    }

    @Test("XOAUTH2: a refused token is fetched out with an empty answer")
    func xoauth2() {
        Self.party(XOAuth2Client(user: "tim@example.net", token: "ya29")).expect(
            """
            \(Self.greeting)
            S: 250 AUTH XOAUTH2
            C: AUTH XOAUTH2 dXNlcj10aW1AZXhhbXBsZS5uZXQBYXV0aD1CZWFyZXIgeWEyOQEB
            S: 334 eyJzdGF0dXMiOiI0MDAifQ==
            C: \("")
            S: 535 5.7.8 no
            *: unusable: authentication failed: 535 5.7.8 no
            C: QUIT
            S: 221 Bye
            *: close
            """)
    }

    @Test("an empty initial response is a `=` (RFC 4954 §4)")
    func emptyInitialResponse() {
        Self.party(Scripted(initialResponse: [])).expect(
            "\(Self.greeting)\nS: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256 =")
    }

    @Test("an initial response too long for the line waits for the empty challenge (RFC 4954 §4)")
    func longInitialResponse() {
        let fitting = Array(repeating: UInt8(ascii: "x"), count: 9198)
        Self.party(Scripted(initialResponse: fitting)).expect(
            "\(Self.greeting)\nS: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256 \(Base64.encode(fitting))")
        let long = Array(repeating: UInt8(ascii: "x"), count: 9201)
        let start = "\(Self.greeting)\nS: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256"
        Self.party(Scripted(initialResponse: long)).expect("\(start)\nS: 334 \nC: \(Base64.encode(long))")
        Self.party(Scripted(initialResponse: long)).expect(
            """
            \(start)
            S: 334 eA==
            C: *
            S: 501 Ok
            *: unusable: cannot authenticate: the server spoke first
            C: QUIT
            """)
        Self.party(Scripted(initialResponse: long + long)).expect(
            """
            \(start)
            S: 334 \("")
            C: *
            S: 501 Ok
            *: unusable: cannot authenticate: the response is too long to send
            C: QUIT
            """)
    }

    @Test("a challenge may be as long as a line of AUTH (RFC 4954 §4)")
    func longChallenge() {
        let challenge = Array(repeating: UInt8(ascii: "c"), count: 9000)
        Self.party(Scripted(answers: ["ok"])).expect(
            """
            \(Self.greeting)
            S: 250 AUTH SCRAM-SHA-256
            C: AUTH SCRAM-SHA-256
            S: 334 \(Base64.encode(challenge))
            C: b2s=
            """)
    }

    @Test("a server that has to prove itself is not believed before it has (RFC 5802 §3)")
    func impostor() {
        Self.party(Scripted(initialResponse: [1], answers: ["proof", ""], believesAfter: 2)).expect(
            """
            \(Self.greeting)
            S: 250 AUTH SCRAM-SHA-256
            C: AUTH SCRAM-SHA-256 AQ==
            S: 334 eA==
            C: cHJvb2Y=
            S: 235 welcome
            *: unusable: cannot authenticate: the server did not prove that it knows the password
            C: QUIT
            """)
        Self.party(Scripted(initialResponse: [1], answers: ["proof", ""], believesAfter: 2)).expect(
            """
            \(Self.greeting)
            S: 250 AUTH SCRAM-SHA-256
            C: AUTH SCRAM-SHA-256 AQ==
            S: 334 eA==
            C: cHJvb2Y=
            S: 334 eA==
            C: \("")
            S: 235 welcome
            C: MAIL FROM:<ann@example.net>
            """)
    }

    @Test(
        "wrong credentials are the operator's to set right: no mail bounces (RFC 4954 §6)",
        arguments: ["535 5.7.8 wrong", "454 4.7.0 not now", "534 5.7.9 too weak", "504 5.5.4 unknown"])
    func refused(_ reply: String) throws {
        try Self.party(Self.plain).expect(
            """
            \(Self.greeting)
            S: 250 AUTH PLAIN
            C: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm
            S: \(reply)
            *: unusable: authentication failed: \(reply)
            C: QUIT
            S: 221 Bye
            *: close
            """)
    }

    @Test(
        "a challenge that is no base64 cancels the exchange (RFC 4954 §4)",
        arguments: ["334 ?", "334-eA==\nS: 334 "])
    func malformedChallenge(_ challenge: String) throws {
        try Self.party(Self.plain).expect(
            """
            \(Self.greeting)
            S: 250 AUTH PLAIN
            C: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm
            S: \(challenge)
            C: *
            S: 501 5.7.0 cancelled
            *: unusable: cannot authenticate: the server's challenge is malformed
            C: QUIT
            """)
    }

    @Test("421, silence, a lost connection and nonsense while authenticating")
    func broken() throws {
        for (event, cause) in [
            ("S: 421 busy", "421 busy"), ("S: 354 go", "malformed or unasked reply while authenticating"),
            ("*: timed out", "timed out while authenticating"),
            ("*: disconnected", "connection lost while authenticating"),
            ("S: 334 ?\nC: *\nS: 235 Ok", "malformed or unasked reply while authenticating"),
            ("S: 334 ?\nC: *\nS: 334 eA==", "malformed or unasked reply while authenticating"),
        ] {
            try Self.party(Self.plain).expect(
                """
                \(Self.greeting)
                S: 250 AUTH PLAIN
                C: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm
                \(event)
                *: unusable: \(cause)
                *: close
                """)
        }
    }

    @Test("passwords do not go over plaintext unless that is allowed (RFC 4954 §9)")
    func plaintext() throws {
        let offer = "\(Self.greeting)\nS: 250 AUTH PLAIN SCRAM-SHA-256"
        let refusal = "cannot authenticate: PLAIN would send the password without TLS\nC: QUIT"
        try Self.party(Self.plain, security: .none).expect("\(offer)\n*: unusable: \(refusal)")
        try Self.party(Self.plain, security: .none, allowsPlaintextPasswords: true).expect(
            "\(offer)\nC: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm")
        Self.party(Scripted(initialResponse: [1]), mechanisms: ["PLAIN", "SCRAM-SHA-256"], security: .none).expect(
            "\(offer)\nC: AUTH SCRAM-SHA-256 AQ==")
    }

    @Test("with credentials, and no way to use them, nothing is sent")
    func impossible() throws {
        let end = "\nC: QUIT\nS: 221 Bye\n*: close"
        try Self.party(Self.plain).expect(
            "\(Self.greeting)\nS: 250 AUTH GSSAPI NTLM\n*: unusable: cannot authenticate: "
                + "no mechanism in common, the server offers GSSAPI NTLM\(end)")
        try Self.party(Self.plain).expect(
            "\(Self.greeting)\nS: 250 SIZE\n*: unusable: cannot authenticate: AUTH is not offered\(end)")
        try Self.party(Self.plain, mechanisms: ["LOGIN"]).expect(
            "\(Self.greeting)\nS: 250 AUTH LOGIN\n*: unusable: cannot authenticate: no credentials for LOGIN\(end)")
    }

    @Test("mechanisms in common, in our order")
    func choice() {
        var session = ClientSession(
            .init(
                hostname: "a.example.net", securedAtStart: .verified,
                mechanisms: ["scram-sha-256", "XOAUTH2", "PLAIN", "LOGIN"]))
        let hello = "250-mx\r\n250-AUTH=LOGIN PLAIN\r\n250 AUTH plain scram-sha-256\r\n"
        session.receive(ByteBuffer(string: "220 mx\r\n\(hello)"))
        var last: ClientSession.Action?
        while let action = session.next() { last = action }
        #expect(last == .authenticate(mechanisms: ["SCRAM-SHA-256", "PLAIN", "LOGIN"]))
        #expect(session.phase == .auth)
        session.disconnected()
        #expect(session.next() == .unusable(.connectionLost(.auth), permanent: nil))
        session.authenticate(with: LoginClient(user: "a", password: "b"))  // Too late, and harmless.
        session.giveUpAuthentication("late")
        session.answer([], believesSuccess: true)
        #expect(session.next() == .close)
        #expect(session.next() == nil)
    }

    @Test("transcripts see the mechanism and lengths, and no octet of either side (RFC 4954 §9)")
    func masked() {
        var party = Self.party(Scripted(initialResponse: Array("secret".utf8), answers: ["proof"]))
        party.hidesSecrets = true
        party.expect(
            """
            S: 220 mx
            *: heard 220 mx
            C: EHLO a.example.net
            S: 250-mx
            S: 250 AUTH SCRAM-SHA-256
            *: heard 250-mx
            *: heard 250 AUTH SCRAM-SHA-256
            C: AUTH SCRAM-SHA-256 [redacted 8 octets]
            S: 334 c2FsdA==
            *: heard 334 [redacted 8 octets]
            C: [redacted 8 octets]
            S: 235 Ok
            *: heard 235 Ok
            C: MAIL FROM:<ann@example.net>
            """)
    }

    @Test("a PLAIN message has room for no NUL, and no empty name (RFC 4616 §2)")
    func plainLimits() throws {
        #expect(PlainClient(user: "a\0b", password: "c") == nil)
        #expect(PlainClient(user: "a", password: "c\0") == nil)
        #expect(PlainClient(user: "", password: "c") == nil)
        #expect(PlainClient(user: "a", password: "") == nil)
        var plain = try Self.plain
        #expect(throws: SASLClientError.unexpectedChallenge(mechanism: "PLAIN")) { try plain.answer(to: []) }
        var token = XOAuth2Client(user: "a", token: "b")
        #expect(try token.answer(to: [1]) == [])
        #expect(throws: SASLClientError.unexpectedChallenge(mechanism: "XOAUTH2")) { try token.answer(to: [1]) }
    }
}

/// A mechanism that says what it is told to.
private struct Scripted: SASLClient {
    let mechanism = "SCRAM-SHA-256"
    var initialResponse: [UInt8]?
    var answers: [String] = []
    /// How many answers the server has to fetch before it is believed.
    var believesAfter = 0
    var believesSuccess: Bool { self.believesAfter <= 0 }

    mutating func answer(to challenge: [UInt8]) throws -> [UInt8] {
        guard !self.answers.isEmpty else { throw SASLClientError.unexpectedChallenge(mechanism: self.mechanism) }
        self.believesAfter -= 1
        return Array(self.answers.removeFirst().utf8)
    }
}
