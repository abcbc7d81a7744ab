import Testing

@testable import SASL

@Suite("PLAIN and LOGIN")
struct CredentialsTests {
    @Test(
        "PLAIN: who and with what (RFC 4616 §2, §4)",
        arguments: [
            ("\0tim\0tanstaaftanstaaf", "tim", "tanstaaftanstaaf"), ("tim\0tim\0x", "tim", "x"),
            ("\0ann@example.net\0a b c", "ann@example.net", "a b c"), ("\0päl\0ö", "päl", "ö"),
        ])
    func plain(message: String, user: String, password: String) throws {
        let credentials = try Credentials(plain: octets(message))
        #expect(credentials.user == user)
        #expect(credentials.password == password)
        #expect(!"\(credentials)".contains(password))
    }

    @Test(
        "what is not PLAIN, and what it may not ask for (RFC 4616 §2)",
        arguments: [
            ("", .malformed), ("tim", .malformed), ("tim\0x", .malformed), ("\0\0", .malformed),
            ("\0tim\0", .malformed),
            ("\0\0x", .malformed), ("\0tim\0x\0", .malformed), ("\0tim\0x\0y", .malformed),
            ("\0" + String(repeating: "u", count: 256) + "\0x", .malformed),
            ("\0u\0" + String(repeating: "x", count: 1025), .malformed), ("ursel\0tim\0x", .authorizationRefused),
            ("Tim\0tim\0x", .authorizationRefused),
        ] as [(String, CredentialsError)])
    func notPlain(message: String, error: CredentialsError) {
        #expect(throws: error) { try Credentials(plain: octets(message)) }
    }

    @Test("what is not UTF-8 is no name and no password (RFC 4616 §2)")
    func notUTF8() {
        #expect(throws: CredentialsError.malformed) { try Credentials(plain: [0, 0xFF, 0, 0x78]) }
        #expect(throws: CredentialsError.malformed) { try Credentials(plain: [0, 0x78, 0, 0xC3]) }
    }

    @Test("a name of 255 octets is taken (RFC 4616 §2)")
    func longName() throws {
        let name = String(repeating: "u", count: 255)
        #expect(try Credentials(plain: octets("\0\(name)\0x")).user == name)
    }

    @Test("LOGIN asks for the name, then the password (draft-murchison-sasl-login)")
    func login() throws {
        var exchange = LoginExchange()
        #expect(LoginExchange.firstChallenge == octets("Username:"))
        #expect(try exchange.received(octets("tim")) == .challenge(octets("Password:")))
        #expect(
            try exchange.received(octets("tanstaaf")) == .credentials(Credentials(plain: octets("\0tim\0tanstaaf"))))
        #expect(throws: CredentialsError.malformed) { try exchange.received(octets("tim")) }
    }

    @Test("LOGIN with an empty name, an empty password, or a NUL", arguments: [("", "x"), ("x", ""), ("x\0", "x")])
    func malformedLogin(user: String, password: String) throws {
        var exchange = LoginExchange()
        _ = try exchange.received(octets(user))
        #expect(throws: CredentialsError.malformed) { try exchange.received(octets(password)) }
    }
}
