import SMTP
import Testing

@testable import SASL

@Suite("Stored passwords")
struct PasswordTests {
    @Test(
        "Hi() is PBKDF2 with HMAC-SHA-256 (RFC 5802 §2.2); vectors of RFC 7914 §11",
        arguments: [
            ("passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
            ("Password", "NaCl", 80_000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"),
        ])
    func derivation(password: String, salt: String, iterations: Int, expected: String) {
        let key = KeyDerivation.saltedPassword(octets(password), salt: octets(salt), iterations: iterations)
        #expect(key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }

    @Test("made here and read back as another program wrote it")
    func form() throws {
        let salt = try #require(Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8))
        let made = StoredPassword(try prepared("pencil"), salt: salt, iterations: 4096)
        #expect(made.text == pencil)
        #expect(try StoredPassword(text: pencil) == made)
        #expect("\(made)" == "SCRAM-SHA-256, 4096 iterations")
    }

    @Test("a fresh salt each time, 16 octets, and the default number of rounds")
    func fresh() throws {
        var generator = SystemRandomNumberGenerator()
        let first = StoredPassword(try prepared("pencil"), using: &generator)
        let second = StoredPassword(try prepared("pencil"), iterations: 4096, using: &generator)
        #expect(first.salt.count == 16)
        #expect(first.salt != second.salt)
        #expect(first.iterations == StoredPassword.defaultIterations)
        #expect(first.matches(try prepared("pencil")))
        #expect(second.matches(try prepared("pencil")))
        #expect(!second.matches(try prepared("pencil ")))
    }

    static let key = String(repeating: "A", count: 43) + "="
    @Test(
        "what is no stored password",
        arguments: [
            ("", .form), ("pencil", .form), ("$6$salt$hash", .form), ("{PLAIN}$4096:AAAA$x:y", .scheme),
            ("MD5$4096:AAAAAAAAAAA=$\(key):\(key)", .scheme), ("SCRAM-SHA-256$4096$\(key):\(key)", .form),
            ("SCRAM-SHA-256$4096:AAAAAAAAAAA=$\(key)", .form),
            ("SCRAM-SHA-256$4095:AAAAAAAAAAA=$\(key):\(key)", .iterations),
            ("SCRAM-SHA-256$+4096:AAAAAAAAAAA=$\(key):\(key)", .iterations),
            ("SCRAM-SHA-256$10000001:AAAAAAAAAAA=$\(key):\(key)", .iterations),
            ("SCRAM-SHA-256$99999999999999999999:AAAAAAAAAAA=$\(key):\(key)", .iterations),
            ("SCRAM-SHA-256$:AAAAAAAAAAA=$\(key):\(key)", .iterations),
            ("SCRAM-SHA-256$4096:AAAA$\(key):\(key)", .salt), ("SCRAM-SHA-256$4096:AAAAAAAAAAA$\(key):\(key)", .salt),
            ("SCRAM-SHA-256$4096:AAAAAAAAAAA=$AAAA:\(key)", .key),
            ("SCRAM-SHA-256$4096:AAAAAAAAAAA=$\(key):", .key),
        ] as [(String, StoredPasswordError)])
    func malformed(text: String, error: StoredPasswordError) {
        #expect(throws: error) { try StoredPassword(text: text) }
        #expect(text.isEmpty || !"\(error)".contains(text))
    }

    @Test(
        "SASLprep as far as it goes (RFC 4013 §3 and §2.1 to §2.3)",
        arguments: [
            ("user", "user"), ("USER", "USER"), ("I\u{AD}X", "IX"), ("a\u{A0}b", "a b"), ("a\u{3000}b", "a b"),
            ("a\u{200D}b\u{FE0F}", "ab"), ("påss wörd", "påss wörd"), (" ~", " ~"), ("\u{7}", nil), ("a\tb", nil),
            ("a\u{7F}", nil), ("a\0", nil), ("", nil), ("\u{AD}", nil), ("a\u{85}", nil), ("a\u{2028}", nil),
            ("a\u{202E}b", nil), ("a\u{E000}", nil), ("a\u{FFFE}", nil), ("a\u{FFFD}", nil), ("a\u{E0041}", nil),
        ])
    func prepared(text: String, expected: String?) { #expect(PreparedString(text)?.text == expected) }

    private func prepared(_ text: String) throws -> PreparedString { try #require(PreparedString(text)) }
}
