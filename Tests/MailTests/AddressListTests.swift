import Mail
import SMTP
import Testing

@Suite("an address list (RFC 5322 §3.4)")
struct AddressListTests {
    @Test(
        "gives its mailboxes",
        arguments: [
            ("ann@example.net", ["ann@example.net"]), ("Ann <ann@example.net>, root", ["ann@example.net", "root"]),
            ("\"Doe, Ann\" <ann@example.net>, b@c", ["ann@example.net", "b@c"]),
            ("Ann (comment, with \\) <x@y>) <ann@example.net>", ["ann@example.net"]),
            ("Friends: a@b, C <c@d>;, e@f", ["a@b", "c@d", "e@f"]), ("undisclosed-recipients:;", []), ("<>", []),
            ("", []),
            ("<@a,@b:u@c>", ["u@c"]), ("\"a b\"@c", ["\"a b\"@c"]), ("\"a@b\"@c", ["\"a@b\"@c"]),
            ("ann @ example . net", ["ann@example.net"]), ("u@[IPv6:2001:db8::1]", ["u@[IPv6:2001:db8::1]"]),
            ("Grüße <grüße@bücher.example>", ["grüße@bücher.example"]), (",, a@b ,", ["a@b"]),
        ])
    func addresses(_ field: String, _ expected: [String]) {
        let list = AddressList(field)
        #expect(list.addresses.map { $0.localPart + ($0.domain.map { "@\($0)" } ?? "") } == expected)
        #expect(list.malformed == [])
    }

    @Test(
        "names what is none",
        arguments: [
            ("ann bob", ["ann bob"]), ("@example.net", ["@example.net"]), ("ann@", ["ann@"]), ("a@b, <c@d", ["c@d"]),
            ("\"open", ["\"open"]),
        ])
    func malformed(_ field: String, _ expected: [String]) { #expect(AddressList(field).malformed == expected) }
}
