import Mail
import Spool
import SpoolTesting
import Testing

/// A bounce that is ordered at another node than the one that has the mail.
@Suite("a bounce that is ordered", .timeLimit(.minutes(5)))
struct BounceOrderTests {
    @Test(
        "waits on hold, over a restart, for who bounces it; a release takes it back", arguments: Implementation.allCases
    )
    func waits(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept(recipients: 2)
            let ordered = try await store.apply(.bounce, [message.target(0), message.target(1)])
            #expect(ordered.changes.map(\.recipient.state) == [.hold, .hold])
            let again = try await store.apply(.bounce, [message.target(0, generation: 1)])
            #expect(again.skipped == [.alreadyOnHold: 1])
            try await store.reopen()
            #expect(try await store.spool.message(message.id)?.recipients.map(\.returnedBy) == ["ann", "ann"])
            let released = try await store.apply(.release, [message.target(1, generation: 1)])
            #expect(released.changes.map(\.recipient.returnedBy) == [nil])
            let facts = try await store.spool.facts(of: message.id)
            #expect(facts.map(\.kind) == [.accepted, .held, .held, .released])
            #expect(facts[1].text == "until the node that has it bounces it")
            #expect(facts[1].bounceReason == nil)
        }
        try await play(implementation.make())
    }

    @Test("is over when its mail was dropped and is taken back: that stays on hold", arguments: Implementation.allCases)
    func undone(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept()
            #expect(try await store.apply(.bounce, [message.target()]).changes.count == 1)
            let until = Timestamp(milliseconds: 9)
            let dropped = try await store.apply(.drop(undoUntil: until), [message.target(generation: 1)])
            let undone = try await store.undo(try #require(dropped.undo), at: 9)
            #expect(undone.changes.map(\.recipient.state) == [.hold])
            #expect(undone.changes.map(\.recipient.returnedBy) == [nil])
            #expect(try await store.spool.message(message.id)?.recipients.map(\.returnedBy) == [nil])
        }
        try await play(implementation.make())
    }
}
