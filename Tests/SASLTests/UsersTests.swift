import Testing

@testable import SASL

@Suite("Users file")
struct UsersTests {
    private func credentials(_ user: String, _ password: String) throws -> Credentials {
        try Credentials(plain: octets("\0\(user)\0\(password)"))
    }

    @Test("who is let in with a password in the clear; names without regard to case")
    func verification() throws {
        let users = try users("# ours", "", "ann@example.net:\(pencil)", "  ", "Bob:\(pencil)\r")
        #expect(users.count == 2)
        #expect(try users.user(for: self.credentials("ann@example.net", "pencil")) == "ann@example.net")
        #expect(try users.user(for: self.credentials("ANN@example.net", "pencil")) == "ann@example.net")
        #expect(try users.user(for: self.credentials("bob", "pencil")) == "Bob")
        #expect(try users.user(for: self.credentials("bob", "pen\u{AD}cil")) == "Bob")
        #expect(try users.user(for: self.credentials("bob", "Pencil")) == nil)
        #expect(try users.user(for: self.credentials("bob", "pencil\u{7}")) == nil)
        #expect(try users.user(for: self.credentials("carol", "pencil")) == nil)
        #expect(try users.user(for: self.credentials("# ours", "pencil")) == nil)
        #expect(try users.user(for: self.credentials("car\u{7}ol", "pencil")) == nil)
    }

    @Test("a file without users lets nobody in")
    func empty() throws {
        let users = try users("# nobody yet")
        #expect(users.count == 0)
        #expect(try users.user(for: self.credentials("# nobody yet", "pencil")) == nil)
    }

    @Test("each mistake names file and line and what is allowed, and shows no password")
    func mistakes() {
        let error = #expect(throws: UsersFileError.self) {
            try users(
                "ann:\(pencil)", "bob", "carol:secret", "Ann:\(pencil)", ":\(pencil)", " dave:\(pencil)",
                "ev\u{202E}e:\(pencil)", "frank:SCRAM-SHA-256$1:AAAAAAAAAAA=$x:y",
                String(repeating: "g", count: 256) + ":\(pencil)")
        }
        #expect(
            error?.description == """
                users:2: not name:password; take the line out and make it with hoptop passwd
                users:3: carol: not in the form SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, \
                the last three in base64; take the line out and make it with hoptop passwd
                users:4: Ann is a user already in line 1 (case aside); keep one line
                users:5: the name is empty or has characters that cannot be told apart or typed
                users:6: a name does not begin or end with a space
                users:7: the name is empty or has characters that cannot be told apart or typed
                users:8: frank: the iterations are not a number from 4096 to 2000000
                users:9: a name has 255 octets at most
                """)
    }

    @Test("a line is replaced, added or taken out, and the others stay")
    func replacing() throws {
        let other = try StoredPassword(text: pencil.replacing("$4096:", with: "$5000:"))
        let file = try UsersFile(text: "# ours\n\nann:\(pencil)\r\n# last", file: "users")
        #expect(
            file.text(replacing: try prepared("ANN"), with: other) == "# ours\n\nANN:\(other.text)\n# last\n")
        #expect(
            file.text(replacing: try prepared("bob"), with: other)
                == "# ours\n\nann:\(pencil)\n# last\nbob:\(other.text)\n")
        #expect(file.text(replacing: try prepared("ann"), with: nil) == "# ours\n\n# last\n")
        #expect(file.text(replacing: try prepared("bob"), with: nil) == "# ours\n\nann:\(pencil)\n# last\n")
        #expect(file.contains(try prepared("Ann")))
        #expect(!file.contains(try prepared("# ours")))
    }

    @Test(
        "names that a users file cannot hold",
        arguments: [
            ("ann", nil), ("ann@example.net", nil), ("a=b,c", nil), ("a:b", "a name has no colon"),
            ("#a", "a name does not begin with #"), ("a ", "a name does not begin or end with a space"),
        ])
    func names(name: String, mistake: String?) throws {
        #expect(UsersFile.mistake(inName: try prepared(name)) == mistake)
    }

    @Test("a decoy has the number of rounds that most users have")
    func decoyIterations() throws {
        let more = pencil.replacing("$4096:", with: "$20000:")
        let users = try users("ann:\(pencil)", "bob:\(more)", "carol:\(more)")
        #expect(users.entry(for: "dave").password.iterations == 20_000)
        #expect(
            try SASLTests.users("# none").entry(for: "dave").password.iterations == StoredPassword.defaultIterations)
    }
}
