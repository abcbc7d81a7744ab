import SMTP
import Testing

@Suite("paths (RFC 5321 §4.1.2)")
struct PathTests {
    @Test(
        "what the grammar allows is read and written back",
        arguments: [
            "<ann@example.net>", "<\"a b\"@example.net>", "<\"a\\\"b\"@example.net>", "<a.b+c@example.net>",
            "<u@[192.0.2.1]>", "<u@[IPv6:2001:db8::1]>", "<@a.example,@b.example:u@c.example>",
        ])
    func valid(_ text: String) throws {
        #expect(try ForwardPath(parsing: text).description == text)
        #expect(try ReversePath(parsing: text).description == text)
    }

    @Test("the null reverse-path (§4.5.5) is a reverse-path only")
    func null() throws {
        #expect(try ReversePath(parsing: "<>") == .null)
        #expect(throws: PathSyntaxError.self) { try ForwardPath(parsing: "<>") }
    }

    @Test(
        "Postmaster without a domain, in any case (§4.5.1)",
        arguments: ["<Postmaster>", "<postmaster>", "<POSTMASTER>"])
    func postmaster(_ text: String) throws {
        #expect(try ForwardPath(parsing: text) == .postmaster)
    }

    @Test("a source route keeps its hosts in order (appendix C)")
    func route() throws {
        let path = try ForwardPath(parsing: "<@A,@D,@P,@U:u@Z>")
        guard case .path(let path) = path else {
            Issue.record("a route is not Postmaster")
            return
        }
        #expect(path.route == [Domain("A"), Domain("D"), Domain("P"), Domain("U")])
        #expect(path.mailbox == Mailbox(localPart: "u", domain: Domain("Z")))
    }

    @Test(
        "what the grammar does not allow is refused",
        arguments: [
            "", "<", "<@>", "<a@>", "<@b>", "<a@b", "<a..b@c>", "<.a@c>", "<a.@c>", "<a b@c>", "<a@[300.0.2.1]>",
            "<a@[IPv6:2001:::1]>", "<a@b>x", "<\"a@b>", "<a@b\r>", "<a@b\u{0}>", "<ä@b.example>", "<@a:>", "<@a,b:u@c>",
        ])
    func invalid(_ text: String) {
        #expect(throws: PathSyntaxError.self) { try ForwardPath(parsing: text) }
    }

    @Test("the local part's limit is 64 octets (§4.5.3.1.1)")
    func localPartLimit() throws {
        let longest = String(repeating: "a", count: 64)
        #expect(throws: Never.self) { try ForwardPath(parsing: "<\(longest)@b.example>") }
        #expect(throws: PathSyntaxError.self) { try ForwardPath(parsing: "<\(longest)a@b.example>") }
    }

    @Test("domains compare without case, local parts with it (§2.4)")
    func cases() {
        #expect(Domain("Example.NET") == Domain("example.net"))
        #expect(Mailbox(localPart: "A", domain: Domain("b")) != Mailbox(localPart: "a", domain: Domain("b")))
    }
}
