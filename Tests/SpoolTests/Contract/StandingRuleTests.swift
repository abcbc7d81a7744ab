import Mail
import NIOCore
import Spool
import SpoolTesting
import Testing

@Suite("what every store promises of standing rules", .timeLimit(.minutes(5)))
struct StandingRuleTests {
    private static let terms = StandingRule.Terms(
        .hold(mail: .recipient(pattern: "example.org")), until: Timestamp(milliseconds: 90_000), reason: "maintenance")
    private static let others: [StandingOrder] = [
        .refuse(mail: .client(network: "192.0.2.0/24"), with: Refusal(code: 550, text: "No")),
        .suspend(destination: "mx.example.org:25"), .reroute(destination: "a:25", via: "mx"),
    ]

    @Test(
        "a rule stays over a restart until it ends; its number is never given again; both are facts with an actor",
        arguments: Implementation.allCases)
    func setAndEnded(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let at = Timestamp(milliseconds: 5)
            let first = try await store.spool.set(Self.terms, at: at, by: "ann", on: store.loop).get()
            var rules = [first]
            for order in Self.others {
                rules.append(
                    try await store.spool.set(StandingRule.Terms(order), at: at, by: "bob", on: store.loop).get())
            }
            #expect(first == StandingRule(id: first.id, Self.terms, at: at, by: "ann"))
            #expect(Set(rules.map(\.id)).count == 4)
            try await store.reopen()
            #expect(try await store.spool.rules() == KeptRules(rules))

            let last = rules[3].id
            let over = Timestamp(milliseconds: 9)
            #expect(try await store.spool.end(rule: last, at: over, by: "cat", on: store.loop).get() == rules[3])
            #expect(try await store.spool.end(rule: last, at: over, by: "cat", on: store.loop).get() == nil)
            #expect(try await store.spool.end(rule: first.id, at: over, by: nil, on: store.loop).get() == first)
            try await store.reopen()
            #expect(try await store.spool.rules() == KeptRules(Array(rules[1...2])))
            let next = try await store.spool.set(Self.terms, at: at, by: "ann", on: store.loop).get()
            #expect(next.id > last)

            let facts = try await store.allFacts().facts
            #expect(facts.map(\.kind) == [.ruleSet, .ruleSet, .ruleSet, .ruleSet, .ruleEnded, .ruleEnded, .ruleSet])
            #expect(facts.map(\.actor) == ["ann", "bob", "bob", "bob", "cat", nil, "ann"])
            #expect(facts.allSatisfy { $0.message == nil })
            #expect(facts[0].text == "\(first.id) hold to example.org until 1970-01-01T00:01:30Z: maintenance")
            #expect(facts[4].text == "\(last) reroute a:25 to mx")
        }
        try await play(implementation.make())
    }

    @Test(
        "what was refused, and what changes no mail, is a fact with who offered it",
        arguments: Implementation.allCases)
    func noted(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let at = Timestamp(milliseconds: 5)
            let arrival = Arrival(
                peer: "192.0.2.7:40112", hello: "c.example", with: "ESMTPA", session: "in#1", tls: nil, user: "ann")
            let facts = [
                Fact(
                    at: at, kind: .refused, message: nil, from: "<a@spam.example>", to: "<b@example.org>",
                    text: "550 5.7.1 No (rule 3)", session: "in#1", actor: "ops", arrival: arrival),
                Fact(at: at, kind: .limited, message: nil, nextHop: "mx:25", text: "2 sessions at most", actor: "ops"),
            ]
            try await store.spool.note(facts, on: store.loop).get()
            try await store.reopen()
            #expect(try await store.allFacts().facts == facts)
        }
        try await play(implementation.make())
    }

    @Test(
        "a rule holds what nobody holds and takes over from another one; who releases or holds by hand goes before it",
        arguments: Implementation.allCases)
    func holds(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept(recipients: 3)
            _ = try await store.apply(.hold, [message.target(0)])
            let targets = [message.target(0, generation: 1), message.target(1), message.target(2)]
            let held = try await store.apply(.holdUnder(rule: 3), targets, at: 2)
            #expect(held.skipped == [.alreadyOnHold: 1])
            #expect(held.changes.map(\.recipient.heldUnder) == [3, 3])
            let again = try await store.apply(.holdUnder(rule: 3), [message.target(1, generation: 1)], at: 3)
            #expect(again.skipped == [.alreadyOnHold: 1])
            let over = try await store.apply(.holdUnder(rule: 4), [message.target(1, generation: 1)], at: 4)
            #expect(over.changes.map(\.recipient.heldUnder) == [4])
            // It waits since then, whoever holds it.
            #expect(over.changes.map(\.recipient.heldSince) == [Timestamp(milliseconds: 2)])
            try await store.reopen()
            let found = try #require(try await store.spool.message(message.id))
            #expect(found.recipients.map(\.heldUnder) == [nil, 4, 3])
            #expect(found.recipients.map(\.state) == [.hold, .hold, .hold])
            let released = try await store.apply(.release, [message.target(1, generation: 2)], at: 12)
            #expect(released.changes.map(\.recipient.heldTotal) == [10])
            // So that the rule does not hold it again.
            #expect(released.changes.map(\.recipient.heldUnder) == [4])
            let byHand = try await store.apply(.hold, [message.target(1, generation: 3)], at: 13)
            #expect(byHand.changes.map(\.recipient.heldUnder) == [nil])
        }
        try await play(implementation.make())
    }

    @Test("a recipient keeps the way that was chosen for it; the fact names it", arguments: Implementation.allCases)
    func reroute(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept(recipients: 2)
            let sent = try await store.apply(.reroute(via: "b.example:2525"), [message.target(1)])
            #expect(sent.changes.map(\.recipient.via) == ["b.example:2525"])
            let again = try await store.apply(.reroute(via: "b.example:2525"), [message.target(1, generation: 1)])
            #expect(again.skipped == [.alreadyThere: 1])
            try await store.reopen()
            let found = try #require(try await store.spool.message(message.id))
            #expect(found.recipients.map(\.via) == [nil, "b.example:2525"])
            _ = try await store.apply(.reroute(via: nil), [message.target(1, generation: 1)])
            let facts = try await store.spool.facts(of: message.id)
            #expect(facts.map(\.kind) == [.accepted, .rerouted, .rerouted])
            #expect(facts.map(\.nextHop) == [nil, "b.example:2525", nil])
            #expect(facts[1].actor == "ann")
        }
        try await play(implementation.make())
    }
}
