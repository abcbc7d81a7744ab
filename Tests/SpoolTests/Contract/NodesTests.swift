import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import SpoolTesting
import Testing

/// What a store promises that several nodes share. In SQLite a spool has one owner: the lock on its folder says so.
@Suite("several nodes on one store", .timeLimit(.minutes(5)))
struct NodesTests {
    /// One node's spool.
    private struct Node: SpoolFixture {
        let spool: MemorySpool
        let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
        init(_ store: MemoryStore, _ number: UInt8) throws { self.spool = try MemorySpool(store, node: number) }

        func leased() async throws -> [QueueID] {
            try await self.spool.lease(after: nil, count: 100).messages.map(\.id)
        }
        /// The next messages that others changed or handed over.
        func changes(_ count: Int) async -> [QueueID] {
            var changes: [QueueID] = []
            for await id in self.spool.changesByOthers() {
                changes.append(id)
                if changes.count == count { break }
            }
            return changes
        }
    }

    private let time = NIOLockedValueBox(Timestamp(milliseconds: 0))
    private func store(leaseMilliseconds: Int64? = nil) -> MemoryStore {
        MemoryStore(leaseMilliseconds: leaseMilliseconds) { [time] in time.withLockedValue { $0 } }
    }

    @Test("no two nodes give out the same queue ID, or have the store open under one number")
    func identifiers() async throws {
        let store = self.store()
        let nodes = [try Node(store, 1), try Node(store, 2)]
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        let ids = (0..<500).flatMap { _ in nodes.map { $0.spool.nextID(at: now) } }
        #expect(Set(ids).count == 1000)
        #expect(Set(ids.map(\.node)) == [1, 2])
        let error = #expect(throws: SpoolError.self) { try MemorySpool(store, node: 2) }
        #expect(error?.code == .inUse)
    }

    @Test("a message is handed to one node: to the one that took it, until that goes; then to another, which is told")
    func leases() async throws {
        let store = self.store()
        let (first, second) = (try Node(store, 1), try Node(store, 2))
        let own = [try await first.accept().id, try await first.accept().id]
        let other = try await second.accept().id
        #expect(try await first.leased() == own)
        #expect(try await second.leased() == [other])
        await first.spool.close()
        #expect(await Set(second.changes(2)) == Set(own))
        let all = (own + [other]).sorted()
        #expect(try await second.leased() == all)
        // Nobody is left to be told; who comes is handed all.
        await second.spool.close()
        let third = try Node(store, 3)
        #expect(try await third.leased() == all)
        #expect(try await third.spool.lease(after: all[0], count: 1).messages.map(\.id) == [all[1]])
    }

    @Test("a lease ends by its time, unless its node asks again")
    func leaseTime() async throws {
        let store = self.store(leaseMilliseconds: 1000)
        let (first, second) = (try Node(store, 1), try Node(store, 2))
        let ids = [try await first.accept().id, try await first.accept().id]
        self.time.withLockedValue { $0 = Timestamp(milliseconds: 900) }
        // Of one alone.
        let renewed = try await first.spool.lease(after: nil, count: 1)
        #expect(renewed.until == Timestamp(milliseconds: 1900))
        #expect(try await second.leased().isEmpty)
        self.time.withLockedValue { $0 = Timestamp(milliseconds: 1001) }
        #expect(try await second.leased() == [ids[1]])
        #expect(try await first.leased() == [ids[0]])
    }

    @Test("what one node changes of another's message, that one is told; generations keep both from doing it twice")
    func changes() async throws {
        let store = self.store()
        let (first, second) = (try Node(store, 1), try Node(store, 2))
        let message = try await first.accept()
        let own = try await second.accept()
        // An operator asks the other node.
        #expect(try await second.apply(.hold, [message.target(), own.target()]).changes.count == 2)
        #expect(await first.changes(1) == [message.id])
        #expect(try await first.settle(message, [.relayed]) == .stale)
        #expect(try await first.spool.message(message.id)?.recipients[0].state == .hold)
        let dropped = try await first.apply(
            .drop(undoUntil: Timestamp(milliseconds: 9)), [message.target(generation: 1), own.target(generation: 1)])
        #expect(await second.changes(1) == [own.id])
        let undone = try await second.undo(try #require(dropped.undo), at: 9)
        #expect(undone.changes.count == 2)
        #expect(await first.changes(1) == [message.id])
        // What a node does to its own it knows.
        #expect(try await first.apply(.release, [message.target(generation: 3)]).changes.count == 1)
        #expect(try await second.settle(message, [.relayed], generation: 4) == .done(generation: 5, isGone: true))
        #expect(await first.changes(1) == [message.id])
        #expect(try await first.spool.message(message.id) == nil)
    }

    @Test("facts and counters are the store's: each node reads what all of them did, in one order")
    func facts() async throws {
        let store = self.store()
        let (first, second) = (try Node(store, 1), try Node(store, 2))
        let messages = [try await first.accept(), try await second.accept()]
        _ = try await first.settle(messages[1], [.relayed])
        for node in [first, second] {
            #expect(try await node.allFacts(inPagesOf: 1).facts.map(\.kind) == [.accepted, .accepted, .relayed])
            #expect(try await node.spool.counters().accepted == 2)
        }
        let end = try await first.spool.newestFacts(count: 0).end
        try await first.spool.acknowledge(end, as: "journal", on: first.loop).get()
        #expect(try await second.spool.acknowledged(by: "journal") == end)
    }

    @Test("a store that fails refuses every change, and nothing of it remains")
    func failure() async throws {
        let store = self.store()
        let node = try Node(store, 1)
        let message = try await node.accept()
        store.fail(with: SpoolError(.full, "no space left"))
        let error = await #expect(throws: SpoolError.self) { try await node.accept() }
        #expect(error?.code == .full)
        await #expect(throws: SpoolError.self) { try await node.settle(message, [.relayed]) }
        #expect(try await node.leased() == [message.id])
        store.fail(with: nil)
        // A settlement whose report cannot be stored is not done, and nor is the one before it.
        let bad = NewMessage(message, content: .buffer(ByteBuffer()))
        let outcomes = [Settlement.Outcome(index: 0, generation: 0, state: .bounced)]
        let other = try await node.accept()
        let settlements = [
            Settlement(message: other.id, at: message.arrived, outcomes: outcomes),
            Settlement(message: message.id, at: message.arrived, outcomes: outcomes, reports: [bad]),
        ]
        await #expect(throws: SpoolError.self) {
            try await node.spool.settle(settlements, on: node.loop).get()
        }
        #expect(try await node.leased() == [message.id, other.id])
        #expect(try await node.spool.counters().bounced == 0)
        #expect(try await node.allFacts().facts.count == 2)
    }
}
