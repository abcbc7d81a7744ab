import Mail
import Monitor
import SMTP
import Testing

@testable import Relay

@Suite("which addresses a standing rule means")
struct AddressPatternTests {
    @Test(
        "one, those of a domain or below it, or all; letters without case, domains in either spelling",
        arguments: [
            (
                "ann@example.org", "<ann@example.org> <ANN@Example.ORG> <@relay.example:ann@example.org>",
                "<bob@example.org> <>"
            ),
            (
                "example.org", "<a@example.org> <\"x@y\"@EXAMPLE.org>",
                "<a@sub.example.org> <a@example.com> <a@notexample.org>"
            ),
            ("*.example.org", "<a@sub.example.org> <a@b.c.example.org>", "<a@example.org>"),
            ("*@example.org", "<a@example.org>", "<a@sub.example.org> <a@example.com>"),
            ("*@*.example.org", "<a@sub.example.org>", "<a@example.org>"),
            ("*", "<a@b> <>", ""),
            ("<>", "<>", "<a@b>"),
            ("bücher.example", "<a@bücher.example> <a@XN--BCHER-KVA.example>", "<a@bucher.example>"),
            ("xn--bcher-kva.example", "<a@Bücher.example>", ""),
        ])
    func matches(_ text: String, _ meant: String, _ others: String) throws {
        let pattern = try #require(AddressPattern(text))
        for (paths, isMeant) in [(meant, true), (others, false)] {
            for path in paths.split(separator: " ") {
                #expect(pattern.matches(try ReversePath(parsing: path, utf8: true)) == isMeant, "\(text) \(path)")
                guard path != "<>" else { continue }
                #expect(pattern.matches(try ForwardPath(parsing: path, utf8: true)) == isMeant, "\(text) \(path)")
            }
        }
        #expect(!pattern.matches(ForwardPath.postmaster))
    }

    @Test(
        "is refused where it is none",
        arguments: [
            "", "@example.org", "a@*.example.org", "a@*", "*.*", "a b", "a@", ".example", "a..example", "example.org.",
            "*@", "a*@example.org.", "a b@example.org", "a..b@example.org",
        ])
    func bad(_ text: String) { #expect(AddressPattern(text) == nil) }

    @Test("a user is who logged in, or is at the other end of a Unix socket, by whatever name")
    func users() throws {
        let ann = try MailMatcher(.user(name: "ann"))
        func origin(_ user: String?, _ client: String) -> MailOrigin {
            MailOrigin(reversePath: .null, user: user, client: client)
        }
        #expect(ann.matches(origin("ann", "192.0.2.7:40112")))
        #expect(ann.matches(origin(nil, "ann (uid 1000)")))
        #expect(!ann.matches(origin("bob", "192.0.2.7:40112")))
        #expect(!ann.matches(origin(nil, "bob (uid 1001)")))
        #expect(!ann.matches(origin(nil, "[2001:db8::1]:25")))
    }

    @Test(
        "of rules for one destination the one that was set last holds, in whatever order a node hears of them, and once"
    )
    func order() throws {
        var book = RuleBook()
        let order = StandingOrder.limit(destination: "mx.example.org:25", connections: 2)
        for id: Int64 in [2, 3, 1, 3] {
            try book.add(StandingRule(id: id, StandingRule.Terms(order), at: Timestamp(milliseconds: id), by: "ops"))
        }
        let other = StandingRule.Terms(.limit(destination: "mx.example.net:25", connections: 2))
        try book.add(StandingRule(id: 4, other, at: Timestamp(milliseconds: 4), by: "ops"))
        #expect(book.replaced(by: order).map(\.id) == [1, 2, 3])
    }

    @Test("a rule whose time is over means nothing, although nobody has ended it")
    func over() throws {
        var book = RuleBook()
        let until = Timestamp(milliseconds: 1000)
        let terms = StandingRule.Terms(
            .refuse(mail: .client(network: "192.0.2.0/24"), with: Refusal(code: 450)), until: until)
        try book.add(StandingRule(id: 1, terms, at: Timestamp(milliseconds: 0), by: "ops"))
        let origin = MailOrigin(reversePath: .null, user: nil, client: "192.0.2.7:40112")
        #expect(book.refusal(of: origin, at: until.adding(milliseconds: -1))?.rule.id == 1)
        #expect(book.refusal(of: origin, at: until) == nil)
        #expect(
            book.refusal(
                of: MailOrigin(reversePath: .null, user: nil, client: "[::ffff:192.0.2.9]:25"),
                at: Timestamp(milliseconds: 0))?.rule.id == 1)
        #expect(throws: FeedError.self) { try RuleBook.check(terms, at: until) }
    }

    @Test(
        "a destination that no mail has yet can be ordered about",
        arguments: [
            "mx.example.org:25", "127.0.0.1:12601", "[2001:db8::1]:25", "example.org", "mx", "bücher.example",
            "[192.0.2.1]",
        ])
    func destinations(name: String) throws {
        for order in [StandingOrder.suspend(destination: name), .limit(destination: name, connections: 2)] {
            try RuleBook.check(StandingRule.Terms(order), at: Timestamp(milliseconds: 0))
        }
    }

    @Test(
        "what can be no destination's name is refused",
        arguments: [
            "127.0.0.1:12601#2", "nonsense:99999", "nonsense:0", "a b", "mx.example.org:", "example.org#2",
            "*.example.org",
        ])
    func noDestinations(name: String) {
        for order in [
            StandingOrder.suspend(destination: name), .limit(destination: name, connections: 2),
            .reroute(destination: name, via: "mx"),
        ] {
            #expect(throws: FeedError.self) {
                try RuleBook.check(StandingRule.Terms(order), at: Timestamp(milliseconds: 0))
            }
        }
    }
}
