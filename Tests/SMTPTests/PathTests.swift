import Testing

@testable import SMTP

struct PathTests {
    @Test(
        "paths that are well-formed read back as written (RFC 5321 §4.1.2, §4.1.3)",
        arguments: [
            "<ann@example.net>", "<ann.b+c@example.net>", "<\"ann b\"@example.net>", "<\"a\\\"b\\\\\"@example.net>",
            "<\"\"@example.net>", "<!#$%&'*+-/=?^_`{|}~@example.net>", "<a@b>", "<a@1.2>", "<a@x_y.example>",
            "<a@[192.0.2.1]>", "<a@[IPv6:2001:db8::1]>", "<a@[IPv6:::1]>", "<a@[IPv6:::]>", "<a@[IPv6:1::]>",
            "<a@[IPv6:1:2:3:4:5:6:7:8]>", "<a@[IPv6:::ffff:192.0.2.1]>", "<a@[IPv6:1:2:3:4:5:6:192.0.2.1]>",
            "<a@[x-tag:anything]>", "<@a.example:u@c.example>", "<@A,@D,@P,@U:u@Z>", "<@[192.0.2.1]:u@c>",
            "<postmaster@example.net>",
        ])
    func wellFormed(_ text: String) throws {
        #expect(try ForwardPath(parsing: text).description == text)
        #expect(try ReversePath(parsing: text).description == text)
        let path = text.dropFirst().dropLast()
        #expect(try Path(parsing: path).description == String(path))
    }

    @Test(
        "paths that are malformed are refused (RFC 5321 §4.1.2, §4.1.3)",
        arguments: [
            ("", .angleBrackets), ("ann@example.net", .angleBrackets), ("<ann@example.net", .angleBrackets),
            ("<a b@c>", .localPart), ("<ann>", .noDomain), ("<@b>", .sourceRoute), ("<a@>", .noDomain),
            ("<a@-b>", .domain), ("<a@b->", .domain), ("<a@b..c>", .domain), ("<a@b.>", .domain),
            ("<.a@b>", .localPart), ("<a.@b>", .localPart), ("<a..b@c>", .localPart), ("<\"a@b>", .localPart),
            ("<\"a\"b@c>", .localPart), ("<\"a\nb\"@c>", .localPart), ("<\"a\\\n\"@c>", .localPart),
            ("<a\u{0}@b>", .localPart), ("<ä@b>", .localPart), ("<a@ä>", .domain), ("<a@b\r\n>", .trailingOctets),
            ("<a@b> x", .trailingOctets), ("<a@b c>", .trailingOctets), ("<a@b SIZE=1", .angleBrackets),
            ("<a@b@c>", .secondAt), ("<a@b@c", .secondAt), ("<\"a@b\">", .noDomain), ("<a@b>>", .trailingOctets),
            ("<<a@b>>", .localPart),
            ("<a@[192.0.2.256]>", .addressLiteral), ("<a@[192.0.2]>", .addressLiteral),
            ("<a@[192.0.2.1>", .addressLiteral), ("<a@[IPv6:1:2:3]>", .addressLiteral),
            ("<a@[IPv6:1::2::3]>", .addressLiteral), ("<a@[IPv6::::]>", .addressLiteral),
            ("<a@[IPv6:12345::]>", .addressLiteral), ("<a@[IPv6:1:2:3:4:5:6:7:8::]>", .addressLiteral),
            ("<a@[IPv6:]>", .addressLiteral), ("<a@[IPv6:192.0.2.1::1]>", .addressLiteral),
            ("<a@[tag:]>", .addressLiteral), ("<a@[]>", .addressLiteral), ("<@A,u@c>", .sourceRoute),
            ("<@A:>", .localPart), ("<@A:@B:u@c>", .localPart),
        ] as [(String, PathSyntaxError)])
    func malformed(_ text: String, _ error: PathSyntaxError) {
        #expect(throws: error) { try ForwardPath(parsing: text) }
        #expect(throws: error) { try ReversePath(parsing: text) }
    }

    @Test("the null path is for MAIL, Postmaster without a domain for RCPT (RFC 5321 §4.5.5, §4.5.1)")
    func nullAndPostmaster() throws {
        #expect(try ReversePath(parsing: "<>") == .null)
        #expect(throws: PathSyntaxError.localPart) { try ForwardPath(parsing: "<>") }
        #expect(try ForwardPath(parsing: "<pOsTmAsTeR>") == .postmaster)
        #expect(throws: PathSyntaxError.noDomain) { try ReversePath(parsing: "<Postmaster>") }
    }

    @Test("a source route is taken apart (RFC 5321 §4.1.2, appendix C)")
    func sourceRoute() throws {
        let path = try Path(parsing: "@A,@B.example:u@c")
        #expect(path.route == [Domain("a"), Domain("b.example")])
        #expect(path.mailbox == Mailbox(localPart: "u", domain: Domain("c")))
    }

    @Test("lengths end where RFC 5321 §4.5.3.1 ends them; a local part with its path")
    func limits() {
        func reads(_ text: String) -> Bool { (try? Path(parsing: text)) != nil }
        func letters(_ count: Int) -> String { String(repeating: "x", count: count) }
        #expect(reads(letters(252) + "@b"))
        #expect(!reads(letters(253) + "@b"))
        #expect(reads("a@" + letters(63)))
        #expect(!reads("a@" + letters(64)))
        let domain = [63, 63, 63, 60].map(letters).joined(separator: ".")  // 252 octets
        #expect(reads("a@\(domain)"))
        #expect(!reads("abc@\(domain)"))
        #expect(reads("@\(domain),@\(domain):ab@c"))
        #expect(!reads("@\(domain),@\(domain),@\(domain),@\(domain):ab@c"))
        #expect((try? Domain(parsing: domain + ".xx")) != nil)
        #expect((try? Domain(parsing: domain + ".xxx")) == nil)
    }

    @Test("under SMTPUTF8 paths hold any characters, and a domain U-labels (RFC 6531 §3.3)")
    func utf8() throws {
        for text in ["<mörk@bücher.example>", "<\"a b ö\"@例え.テスト>", "<@bücher.example:u@c>", "<ann@example.net>"] {
            let path = try ForwardPath(parsing: text, utf8: true)
            #expect(path.description == text)
            #expect(path.isASCII == text.utf8.allSatisfy { $0 < 0x80 })
            #expect(try ReversePath(parsing: text, utf8: true).isASCII == path.isASCII)
        }
        for text in ["<@b>", "<ö>", "<ö..ö@b>", "<ö@ö..ö>", "<ö@-ö>"] {
            #expect(throws: PathSyntaxError.self) { try ForwardPath(parsing: text, utf8: true) }
        }
        let label = String(repeating: "ü", count: 40)  // 80 octets, 63 and fewer as an A-label
        #expect(try Domain(parsing: label, utf8: true).text == label)
        #expect(throws: PathSyntaxError.self) {
            try Mailbox(parsing: "\(String(repeating: "ö", count: 127))@b", utf8: true)
        }
    }
}
