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
    struct Node<Tested: Spool>: SpoolFixture {
        let spool: Tested
        let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

        var fleet: any Fleet {
            get throws { try #require(self.spool.fleet) }
        }
        func held() async throws -> [QueueID] {
            try await self.spool.lease(after: nil, count: 100).messages.map(\.id)
        }
        /// All that is to be had now.
        func takenOver() async throws -> [QueueID] {
            var taken: [QueueID] = []
            while true {
                let lease = try await self.fleet.takeOver(2)
                guard lease.end != nil else { return taken }
                taken += lease.messages.map(\.id)
            }
        }
        /// How many permits it has now of those for a site that takes one connection.
        func permits(_ site: String, keeps kept: Int = 0, wants wanted: Int) async throws -> Int? {
            let request = PermitRequest(site: site, limit: 1, kept: kept, wanted: wanted)
            return try await self.fleet.permits([request], under: try #require(try self.fleet.lease)).first?.held
        }
        /// Whether it divides by so many nodes from now on.
        func divides(by shares: Int, of known: Int, crowded: Set<String> = []) async throws -> Bool {
            try await self.crowdedByOthers(by: shares, of: known, crowded: crowded) != nil
        }

        /// The sites that others crowd when it begins to divide by so many; `nil`: they do not let it.
        func crowdedByOthers(by shares: Int, of known: Int, crowded: Set<String> = []) async throws -> Set<String>? {
            let division = FleetDivision(shares: shares, known: known, crowded: crowded)
            return try await self.fleet.divide(division, under: try #require(try self.fleet.lease))
        }
        /// The next messages that others changed.
        func changes() async throws -> [QueueID] {
            var changes: Set<QueueID> = []
            while true {
                let news = try await self.fleet.look()
                changes.formUnion(news.changed.map(\.message))
                guard news.isMore else { break }
            }
            return changes.sorted()
        }
    }

    /// A store that nodes come to.
    protocol SharedStore: Sendable {
        associatedtype Tested: Spool
        func open(_ number: UInt8) throws -> Node<Tested>
        /// So much time passes.
        func wait(milliseconds: Int64) async throws
    }

    struct SharedMemory: SharedStore {
        let time = NIOLockedValueBox(Timestamp(milliseconds: 0))
        let store: MemoryStore
        init(lease: Int64 = 1000) {
            self.store = MemoryStore(leaseMilliseconds: lease) { [time] in time.withLockedValue { $0 } }
        }
        func open(_ number: UInt8) throws -> Node<MemorySpool> {
            Node(spool: try MemorySpool(self.store, node: number))
        }
        func wait(milliseconds: Int64) { self.time.withLockedValue { $0 = $0.adding(milliseconds: milliseconds) } }
    }

    struct SharedDatabase: SharedStore {
        let address: DatabaseAddress
        let lease: Int64
        init(lease: Int64 = 1000) throws {
            self.address = try PostgreSQLCluster.shared.get().makeDatabase()
            self.lease = lease
        }
        func open(_ number: UInt8) throws -> Node<PostgreSQLSpool> {
            Node(spool: try PostgreSQLSpool(self.address, node: number, name: "n\(number).example", lease: self.lease))
        }
        func wait(milliseconds: Int64) async throws { try await Task.sleep(for: .milliseconds(milliseconds)) }
    }

    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case memory, postgresql
        var testDescription: String { self.rawValue }
        func make(lease: Int64 = 1000) throws -> any SharedStore {
            switch self {
            case .memory: SharedMemory(lease: lease)
            case .postgresql: try SharedDatabase(lease: lease)
            }
        }
    }

    private func store() -> MemoryStore { MemoryStore() }

    @Test("no two nodes give out the same queue ID, or have the store open under one number", arguments: Kind.allCases)
    func identifiers(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let nodes = [try store.open(1), try store.open(2)]
            let now = Timestamp(milliseconds: 1_800_000_000_000)
            let ids = (0..<500).flatMap { _ in nodes.map { $0.spool.nextID(at: now) } }
            #expect(Set(ids).count == 1000)
            #expect(Set(ids.map(\.node)) == [1, 2])
            let error = #expect(throws: SpoolError.self) { try store.open(2) }
            #expect(error?.code == .inUse)
            for node in nodes { await node.spool.close() }
        }
        try await run(kind.make())
    }

    @Test(
        "a message is held by the node that took it in, until that stops or drains; then another takes it over",
        arguments: Kind.allCases)
    func handingOver(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second) = (try store.open(1), try store.open(2))
            let own = [try await first.accept().id, try await first.accept().id, try await first.accept().id]
            let other = try await second.accept().id
            #expect(try await first.fleet.look().isFirst)
            #expect(try await !second.fleet.look().isFirst)
            #expect(try await first.held() == own)
            #expect(try await second.held() == [other])
            #expect(try await second.takenOver() == [])
            _ = try await second.fleet.look()

            #expect(try await second.fleet.drain(1, true, on: second.loop).get())
            #expect(try await first.fleet.look().isDraining)
            // It has attempts under way, until it says that it has none.
            #expect(try await second.takenOver() == [])
            #expect(try await second.fleet.sharing().live == 2)
            try await first.fleet.letGo()
            // It sends nothing, and so has no share of what all may send; it does what one alone is to do all the same.
            #expect(try await second.fleet.sharing().live == 1)
            #expect(try await !second.fleet.look().isFirst)
            #expect(try await second.takenOver() == own)
            #expect(try await first.fleet.look().hasTakeovers)
            #expect(try await first.held() == [])
            // What it makes of it is as good as that of any other.
            let late = try #require(try await second.fleet.messages([own[0]]).first)
            #expect(late.holder == 2)
            #expect(try await first.settle(late.message, [.deferred]) == .done(generation: 1, isGone: false))
            #expect(try await second.changes() == [own[0]])
            #expect(try await second.fleet.drain(1, false, on: second.loop).get())
            #expect(try await second.fleet.sharing().live == 2)
            #expect(try await !second.fleet.drain(99, false, on: second.loop).get())
            #expect(try await second.fleet.nodes().map(\.state) == [.up, .up])

            await second.spool.close()
            #expect(try await first.takenOver() == own + [other])
            await first.spool.close()
            // Who comes next is handed all.
            let third = try store.open(3)
            #expect(try await third.takenOver() == own + [other])
            #expect(try await third.spool.lease(after: own[0], count: 1).messages.map(\.id) == [own[1]])
            #expect(
                try await third.fleet.holders(after: own[1], count: 9)
                    == [
                        MessageHolder(own[2], generation: 0, holder: 3), MessageHolder(other, generation: 0, holder: 3),
                    ])
            await third.spool.close()
        }
        try await run(kind.make())
    }

    @Test(
        "what one node changes of another's message, that one is told; generations keep both from doing it twice",
        arguments: Kind.allCases)
    func changes(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second) = (try store.open(1), try store.open(2))
            for node in [first, second] { _ = try await node.fleet.look() }
            let message = try await first.accept()
            let own = try await second.accept()
            for node in [first, second] { _ = try await node.changes() }
            // An operator asks the other node.
            #expect(try await second.apply(.hold, [message.target(), own.target()]).changes.count == 2)
            #expect(try await first.changes().contains(message.id))
            #expect(try await first.settle(message, [.relayed]) == .stale)
            #expect(try await first.spool.message(message.id)?.recipients[0].state == .hold)
            let dropped = try await first.apply(
                .drop(undoUntil: Timestamp(milliseconds: 9)),
                [message.target(generation: 1), own.target(generation: 1)])
            #expect(try await second.changes().contains(own.id))
            let undone = try await second.undo(try #require(dropped.undo), at: 9)
            #expect(undone.changes.count == 2)
            #expect(try await first.changes().contains(message.id))
            #expect(try await first.apply(.release, [message.target(generation: 3)]).changes.count == 1)
            #expect(try await second.settle(message, [.relayed], generation: 4) == .done(generation: 5, isGone: true))
            #expect(try await first.changes() == [message.id])
            #expect(try await first.spool.message(message.id) == nil)
            #expect(try await first.fleet.messages([message.id, own.id]).map(\.message.id) == [own.id])
            let terms = StandingRule.Terms(.suspend(destination: "a.example:25"))
            let rule = try await first.spool.set(terms, at: message.arrived, by: "ann", on: first.loop).get()
            #expect(try await second.fleet.look().hasRules)
            #expect(try await second.spool.rules() == KeptRules([rule]))
            for node in [first, second] { await node.spool.close() }
        }
        try await run(kind.make())
    }

    @Test(
        "a lease that is not renewed ends, by itself and for others; what they have not taken is its node's again",
        .timeLimit(.minutes(1)))
    func leaseTime() async throws {
        let store = SharedMemory()
        let (first, second) = (try store.open(1), try store.open(2))
        let ids = [try await first.accept().id, try await first.accept().id, try await first.accept().id]
        let lease = try #require(first.spool.lease)
        store.wait(milliseconds: 1001)
        #expect(first.spool.lease == nil)
        #expect(try await second.spool.takeOver(1).messages.map(\.id) == [ids[0]])
        let own = try await first.accept().id
        #expect(try #require(first.spool.lease) > lease)
        #expect(try await first.held() == [ids[1], ids[2], own])
        #expect(try await second.takenOver() == [])
    }

    @Test(
        "a node hears at once what it has to do something about, and nothing of the mail that comes and goes",
        arguments: Kind.allCases)
    func listening(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second) = (try store.open(1), try store.open(2))
            let (heard, calls) = AsyncStream<Void>.makeStream()
            var news = heard.makeAsyncIterator()
            try first.fleet.listen { calls.yield() }
            // A database tells that it listens from now on.
            if case .postgresql = kind { await news.next() }
            let message = try await first.accept()
            let own = try await second.accept()
            #expect(try await second.settle(own, [.relayed]) == .done(generation: 1, isGone: true))
            #expect(try await first.apply(.hold, [message.target()]).changes.count == 1)
            _ = try await first.fleet.drain(2, true, on: first.loop).get()
            _ = try await first.fleet.drain(2, false, on: first.loop).get()

            #expect(try await second.apply(.release, [message.target(generation: 1)]).changes.count == 1)
            await news.next()
            let dropped = try await second.apply(
                .drop(undoUntil: Timestamp(milliseconds: 9)), [message.target(generation: 2)])
            await news.next()
            _ = try await second.undo(try #require(dropped.undo), at: 9)
            await news.next()
            let rule = try await second.spool.set(
                StandingRule.Terms(.suspend(destination: "a.example:25")), at: message.arrived, by: "ann",
                on: second.loop
            ).get()
            await news.next()
            _ = try await second.spool.end(rule: rule.id, at: message.arrived, by: "ann", on: second.loop).get()
            await news.next()
            _ = try await second.fleet.drain(1, true, on: second.loop).get()
            await news.next()
            _ = try await second.fleet.drain(1, false, on: second.loop).get()
            await news.next()
            await second.spool.close()
            await news.next()
            // Each call was one.
            calls.finish()
            #expect(await news.next() == nil)
            await first.spool.close()
        }
        try await run(kind.make())
    }

    @Test(
        "only the node that has a message tells its sender that it was not delivered; what was delivered any node writes down",
        arguments: Kind.allCases)
    func returning(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second) = (try store.open(1), try store.open(2))
            let message = try await first.accept(recipients: 3)
            for state in [RecipientState.bounced, .expired] {
                #expect(try await second.settle(message, [.relayed, state]) == .stale)
            }
            let notice = Settlement.Outcome(
                index: 0, generation: 0, state: .queued, countsAsTry: false, delayNoticed: true)
            let settlement = Settlement(message: message.id, at: message.arrived, outcomes: [notice])
            #expect(try await second.spool.settle([settlement], on: second.loop).get() == [.stale])
            #expect(try await second.settle(message, [.relayed]) == .done(generation: 1, isGone: false))
            let kinds = try await first.allFacts().facts.map(\.kind)
            #expect(kinds == [.accepted, .relayed])
            // Its own mail it returns; when it drained, and another took that over, no more.
            let left = [RecipientState.relayed, .bounced].enumerated().map { place, state in
                Settlement.Outcome(index: place + 1, generation: 0, state: state)
            }
            _ = try await second.fleet.drain(1, true, on: second.loop).get()
            try await first.fleet.letGo()
            #expect(try await second.takenOver() == [message.id])
            let late = Settlement(message: message.id, at: message.arrived, outcomes: left)
            #expect(try await first.spool.settle([late], on: first.loop).get() == [.stale])
            #expect(
                try await second.spool.settle([late], on: second.loop).get() == [.done(generation: 2, isGone: true)])
            for node in [first, second] { await node.spool.close() }
        }
        try await run(kind.make())
    }

    @Test(
        "permits for connections are had under a lease, by one node after the other, and are others' when a node is gone",
        arguments: Kind.allCases)
    func permits(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second, third) = (try store.open(1), try store.open(2), try store.open(3))
            let (heard, calls) = AsyncStream<Void>.makeStream()
            var news = heard.makeAsyncIterator()
            try first.fleet.listen { calls.yield() }
            if case .postgresql = kind { await news.next() }
            #expect(try await first.permits("a", wants: 1) == 1)
            #expect(try await first.permits("a", keeps: 1, wants: 1) == 1)
            #expect(try await second.permits("b", wants: 1) == 1)
            #expect(try await second.permits("a", wants: 1) == 0)
            // Who has it hears that another one waits.
            await news.next()
            #expect(try await third.permits("a", wants: 1) == 0)
            #expect(try await first.permits("a", wants: 1) == 0)
            #expect(try await third.permits("a", wants: 1) == 0)
            #expect(try await second.permits("a", wants: 1) == 1)
            // It stops, and the next one has it.
            await second.spool.close()
            #expect(try await third.permits("a", wants: 1) == 1)
            // What was had under a lease goes with it.
            let lease = try #require(try third.fleet.lease)
            let request = PermitRequest(site: "a", limit: 1, kept: 1, wanted: 1)
            await #expect(throws: SpoolError.self) {
                _ = try await third.fleet.permits([request], under: lease + 1)
            }
            await third.spool.close()
            #expect(try await first.permits("a", wants: 1) == 1)
            let again = try store.open(3)
            #expect(try await again.permits("a", keeps: 1, wants: 1) == 0)
            for node in [first, again] { await node.spool.close() }
        }
        try await run(kind.make(lease: 30_000))
    }

    @Test("a permit of a node whose lease is over is another's")
    func permitOfNodeThatIsGone() async throws {
        let store = SharedMemory()
        let (first, second) = (try store.open(1), try store.open(2))
        #expect(try await first.permits("a", wants: 1) == 1)
        store.wait(milliseconds: 600)
        _ = try await second.accept()
        #expect(try await second.permits("a", wants: 1) == 0)
        store.wait(milliseconds: 600)
        #expect(try await second.permits("a", wants: 1) == 1)
        _ = try await first.accept()
        #expect(try await first.permits("a", keeps: 1, wants: 1) == 0)
    }

    @Test(
        "who waits for a permit and asks no more blocks nobody, and is the last when it asks again",
        arguments: Kind.allCases)
    func silentInLine(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second, third) = (try store.open(1), try store.open(2), try store.open(3))
            #expect(try await first.permits("a", wants: 1) == 1)
            #expect(try await second.permits("a", wants: 1) == 0)
            #expect(try await third.permits("a", wants: 1) == 0)
            #expect(try await first.permits("a", wants: 0) == 0)
            // It is the second one's turn.
            #expect(try await third.permits("a", wants: 1) == 0)
            try await store.wait(milliseconds: PermitLine.patience)
            #expect(try await third.permits("a", wants: 1) == 1)
            #expect(try await second.permits("a", wants: 1) == 0)
            for node in [first, second, third] { await node.spool.close() }
        }
        try await run(kind.make(lease: 30_000))
    }

    @Test(
        "a node that comes up has a share of what sites take when each other one divides by as many nodes as there are",
        arguments: Kind.allCases)
    func division(_ kind: Kind) async throws {
        func run(_ store: some SharedStore) async throws {
            let first = try store.open(1)
            #expect(try await first.fleet.sharing().division == FleetDivision())
            #expect(try await first.divides(by: 1, of: 1))
            let second = try store.open(2)
            #expect(try await !second.divides(by: 2, of: 2))
            // It would be enough if the first one did not come back.
            #expect(try await first.divides(by: 2, of: 1))
            #expect(try await !second.divides(by: 2, of: 2))
            #expect(try await first.divides(by: 2, of: 2, crowded: ["a", "b"]))
            #expect(try await !second.divides(by: 1, of: 2))
            let sharing = try await second.fleet.sharing()
            #expect(sharing.live == 2 && sharing.known == 2 && sharing.crowded == ["a", "b"])
            // More may be crowded by now than when it looked.
            #expect(try await first.divides(by: 2, of: 2, crowded: ["b", "c"]))
            #expect(try await second.crowdedByOthers(by: 2, of: 2, crowded: ["d"]) == ["b", "c"])
            #expect(try await first.crowdedByOthers(by: 2, of: 2) == ["d"])
            #expect(try await second.fleet.sharing().crowded == [])
            // Another one has as much as before for as long as it is there.
            #expect(try await !first.divides(by: 1, of: 2))

            // Who drained and has nothing under way leaves its share to the others, and comes up as one that is new.
            _ = try await first.fleet.drain(2, true, on: first.loop).get()
            #expect(try await !first.divides(by: 1, of: 2))
            try await second.fleet.letGo()
            #expect(try await first.divides(by: 1, of: 2))
            #expect(try await !second.divides(by: 2, of: 2))
            _ = try await first.fleet.drain(2, false, on: first.loop).get()
            #expect(try await second.fleet.sharing().division.shares == 0)
            #expect(try await !second.divides(by: 2, of: 2))
            #expect(try await first.divides(by: 2, of: 2))
            #expect(try await second.divides(by: 2, of: 2))
            await second.spool.close()
            #expect(try await first.divides(by: 1, of: 2))
            // Under a lease that is not its own nothing is said.
            let lease = try #require(try first.fleet.lease)
            #expect(try await first.fleet.divide(FleetDivision(shares: 9, known: 9), under: lease + 1) == nil)
            await first.spool.close()
        }
        try await run(kind.make(lease: 30_000))
    }

    @Test("nodes that know of fewer than there are block each other only until they tell what they always may")
    func divisionOfOlder() async throws {
        func run(_ store: some SharedStore) async throws {
            let (first, second) = (try store.open(1), try store.open(2))
            for node in [first, second] { #expect(try await node.divides(by: 4, of: 4)) }
            let others = try (3...5).map { try store.open($0) }
            // Three of five are there.
            for node in others.dropLast() { await node.spool.close() }
            let fifth = others[2]
            #expect(try await fifth.fleet.sharing().known == 5)
            #expect(try await !first.divides(by: 3, of: 5))
            #expect(try await !second.divides(by: 3, of: 5))
            #expect(try await !fifth.divides(by: 3, of: 5))
            for node in [first, second] { #expect(try await node.divides(by: 4, of: 5)) }
            for node in [fifth, first, second] { #expect(try await node.divides(by: 3, of: 5)) }
            for node in [first, second, fifth] { await node.spool.close() }
        }
        // A store in memory forgets who has gone.
        try await run(Kind.postgresql.make(lease: 30_000))
    }

    @Test("facts and counters are the store's: each node reads what all of them did, in one order")
    func facts() async throws {
        let store = SharedMemory()
        let (first, second) = (try store.open(1), try store.open(2))
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
        let node = Node(spool: try MemorySpool(store, node: 1))
        let message = try await node.accept()
        store.fail(with: SpoolError(.full, "no space left"))
        let error = await #expect(throws: SpoolError.self) { try await node.accept() }
        #expect(error?.code == .full)
        await #expect(throws: SpoolError.self) { try await node.settle(message, [.relayed]) }
        #expect(try await node.held() == [message.id])
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
        #expect(try await node.held() == [message.id, other.id])
        #expect(try await node.spool.counters().bounced == 0)
        #expect(try await node.allFacts().facts.count == 2)
    }
}
