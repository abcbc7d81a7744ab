import Monitor
import Testing

@Suite("domains that may be taken for others")
struct DomainNameTests {
    @Test(
        "mixed scripts and letters that look like ASCII are shown as DNS knows the name",
        arguments: [
            // Cyrillic а among Latin letters; a label all of look-alikes; Greek; dotless i; Armenian.
            ("bob@p\u{430}ypal.example", "bob@xn--pypal-4ve.example (p\u{430}ypal.example)"),
            ("<bob@\u{441}\u{43E}\u{440}.example>", "<bob@xn--n1aeb.example (\u{441}\u{43E}\u{440}.example)>"),
            ("a@g\u{3BF}\u{3BF}gle.com, b@example.org", "a@xn--ggle-0nda.com (g\u{3BF}\u{3BF}gle.com), b@example.org"),
            ("a@pa\u{131}n.com", "a@xn--pan-kua.com (pa\u{131}n.com)"),
            ("mx.p\u{430}y.example:25", "mx.xn--py-7kc.example (mx.p\u{430}y.example):25"),
            ("\u{441}\u{43E}\u{440}@\u{441}\u{43E}\u{440}", "\u{441}\u{43E}\u{440}@xn--n1aeb (\u{441}\u{43E}\u{440})"),
            (
                "<@a.example,@p\u{430}y.example:b@c.example>",
                "<@a.example,@xn--py-7kc.example (p\u{430}y.example):b@c.example>"
            ),
        ])
    func deceptive(_ address: String, _ shown: String) {
        #expect(SafeText(address: address).description == shown)
    }

    @Test(
        "what is of one script, or of scripts that are written together, stays as it is",
        arguments: [
            "bob@example.org", "<>", "", "bob@b\u{FC}cher.example", "почта@почта.рф", "a@日本語ひらがなカタカナabc.jp",
            "a@한국어漢字.kr", "a@παράδειγμα.gr", "a@مثال.example", "a@उदाहरण.example", "ünï@example.org",
            "a@caf\u{E9}-24.example", "p\u{430}y.pal@example.org", "no r\u{43E}ute.", "a@לדוגמה.example",
            "no address \u{E9}",
        ])
    func honest(_ address: String) {
        #expect(SafeText(address: address).description == address)
    }

    @Test("what is no domain name at all is spelled out, and controls stay visible")
    func impossible() {
        #expect(
            SafeText(address: "a@p\u{430}\u{2192}x.com").description
                == "a@p<U+430><U+2192>x.com (p\u{430}\u{2192}x.com)")
        #expect(SafeText(address: "a@\u{202E}moc.example").description == "a@<U+202E>moc.example")
    }

    @Test("names in DNS (RFC 5890)")
    func ascii() {
        #expect(DomainName.ascii("B\u{FC}cher.Example") == "xn--bcher-kva.example")
        #expect(DomainName.ascii("stra\u{DF}e.de") == "xn--strae-oqa.de")
        #expect(DomainName.ascii("Example.ORG") == "example.org")
        #expect(DomainName.ascii("a\u{2192}.de") == nil)
    }
}
