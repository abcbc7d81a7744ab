import Mail
import SMTP
import Spool
import Testing

/// What every store does where an operator changes recipients.
@Suite("contract of stores: recipients are changed")
struct EditTests {
    @Test(
        "a recipient that is put off waits until then, and that counts to nothing", arguments: Implementation.allCases)
    func postpone(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept(recipients: 3)
            _ = try await store.apply(.hold, [message.target(2)])
            let time = Timestamp(milliseconds: 60_001)
            let put = try await store.apply(
                .postpone(until: time),
                [message.target(0), message.target(1, generation: 7), message.target(2, generation: 1)])
            #expect(put.changes.map(\.recipient.index) == [0])
            #expect(put.skipped == [.changed: 1, .onHold: 1])
            try await store.reopen()
            let first = try #require(try await store.spool.message(message.id)).recipients[0]
            #expect(first.state == .deferred && first.due == time)
            #expect(first.heldSince == Timestamp(milliseconds: 1) && first.heldTotal == 0)
            #expect(first.generation == 1)
            let now = try await store.apply(
                .postpone(until: Timestamp(milliseconds: 3)), [message.target(0, generation: 1)], at: 5)
            #expect(now.changes.map(\.recipient.state) == [.queued])
            #expect(now.changes.map(\.recipient.due) == [Timestamp(milliseconds: 5)])
            // Only what it really waited counts to nothing.
            #expect(now.changes.map(\.recipient.heldTotal) == [4])
            #expect(now.changes.map(\.recipient.heldSince) == [nil])
            let facts = try await store.spool.facts(of: message.id)
            #expect(facts.map(\.kind) == [.accepted, .held, .retried, .retried])
            #expect(facts[2].text == "at 1970-01-01T00:01:00.001Z" && facts[2].actor == "ann")
        }
        try await play(implementation.make())
    }

    @Test(
        "a recipient goes to another address; the one that the sender knows stays its original recipient",
        arguments: Implementation.allCases)
    func readdress(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept(recipients: 2)
            let before = message.recipients[1]
            _ = try await store.settle(message, [.relayed, .deferred])
            let mailbox = try Mailbox(parsing: "sue@example.com")
            let sent = try await store.apply(
                .readdress(to: mailbox), [message.target(0, generation: 1), message.target(1, generation: 1)], at: 2)
            #expect(sent.changes.map(\.recipient.index) == [1])
            #expect(sent.skipped == [.settled: 1])
            try await store.reopen()
            let found = try #require(try await store.spool.message(message.id)).recipients[1]
            #expect(found.forwardPath.description == "<sue@example.com>")
            // It is another one's turn: what was said of the first says nothing of it.
            #expect(found.state == .queued && found.due == Timestamp(milliseconds: 2) && found.lastReply == nil)
            let original = try RecipientParameters(found.parameters).originalRecipient
            #expect(original?.addressType == "rfc822")
            #expect("<\(original?.address ?? "")>" == before.forwardPath.description)
            let again = try await store.apply(.readdress(to: mailbox), [message.target(1, generation: 2)], at: 3)
            #expect(again.skipped == [.alreadyThere: 1])
            let back = try Mailbox(parsing: "\(original?.address ?? "")")
            let returned = try await store.apply(.readdress(to: back), [message.target(1, generation: 2)], at: 4)
            #expect(returned.changes.map(\.recipient.forwardPath) == [before.forwardPath])
            #expect(returned.changes.map(\.recipient.parameters) == [found.parameters])
            let facts = try await store.spool.facts(of: message.id).filter { $0.kind == .readdressed }
            #expect(facts.map(\.to) == ["<sue@example.com>", before.forwardPath.description])
            #expect(facts.map(\.text) == [before.forwardPath.description, "<sue@example.com>"])
            #expect(facts.allSatisfy { $0.actor == "ann" && $0.recipient == 1 })
        }
        try await play(implementation.make())
    }

    @Test("two recipients of a message never get one address", arguments: Implementation.allCases)
    func oneAddress(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept(recipients: 2)
            _ = try await store.settle(message, [.deferred, .deferred])
            let mailbox = try Mailbox(parsing: "sue@example.com")
            let sent = try await store.apply(
                .readdress(to: mailbox), [message.target(0, generation: 1), message.target(1, generation: 1)], at: 2)
            #expect(sent.changes.map(\.recipient.index) == [0])
            #expect(sent.skipped == [.alreadyThere: 1])
            let found = try #require(try await store.spool.message(message.id)).recipients[1]
            #expect(found.forwardPath == message.recipients[1].forwardPath && found.state == .deferred)
        }
        try await play(implementation.make())
    }
}
