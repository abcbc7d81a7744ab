package import Mail
import NIOConcurrencyHelpers
package import NIOCore
package import Spool

/// A node's spool in memory: the same rules as on a disk, and another node may share its ``MemoryStore``.
package final class MemorySpool: Spool, Fleet, SpoolCondition, PolicyStore, TallyStore {
    private let store: MemoryStore
    package let node: UInt8
    private let identifiers: NIOLockedValueBox<QueueIDGenerator>
    private let free = NIOLockedValueBox<Int?>(nil)
    private let readersFail = NIOLockedValueBox(false)

    /// - Throws: `.inUse` when the node has the store open already.
    package init(_ store: MemoryStore = MemoryStore(), node: UInt8 = 0) throws(SpoolError) {
        self.store = store
        self.node = node
        try store.open(as: node)
        self.identifiers = NIOLockedValueBox(
            QueueIDGenerator(node: node, after: store.state.withLockedValue { $0.totals.lastID }))
    }

    /// The change is made at once, and told on the loop.
    private func change<Value: Sendable>(
        on eventLoop: any EventLoop, _ body: (MemoryStore, inout MemoryStore.State) throws -> Value
    ) -> EventLoopFuture<Value> {
        let result = Result { try self.store.write(as: self.node, body) }
        return eventLoop.submit { try result.get() }
    }

    private func read<Value>(_ body: (MemoryStore.State) throws -> Value) throws -> Value {
        try self.store.read(as: self.node, body)
    }

    // MARK: changes

    package func nextID(at now: Timestamp) -> QueueID { self.identifiers.withLockedValue { $0.next(at: now) } }
    package func newContentFile(for id: QueueID) -> any StreamedContent { MemoryStream(id) }

    package func accept(
        _ message: NewMessage, expectingMore: Bool, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { try $0.insert(message, as: self.node, &$1) }
    }

    /// Each settlement wholly or not at all, as in a store whose transaction fails for one of them.
    package func settle(_ settlements: [Settlement], on eventLoop: any EventLoop) -> EventLoopFuture<[Settled]> {
        self.change(on: eventLoop) { store, state in
            try settlements.map { try store.settle($0, as: self.node, &state) }
        }
    }

    package func apply(
        _ order: Order, on targets: [RecipientTarget], on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.change(on: eventLoop) { try $0.apply(order, on: targets, &$1) }
    }

    package func undo(
        _ token: Int64, after id: QueueID?, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.change(on: eventLoop) { $0.undo(token, after: id, at: now, by: actor, &$1) }
    }

    package func purge(
        at time: Timestamp, by order: PurgeOrder?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Bool> {
        self.change(on: eventLoop) { $0.purge(at: time, by: order, &$1) }
    }

    package func set(
        _ terms: StandingRule.Terms, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule> {
        self.change(on: eventLoop) { $0.set(terms, at: now, by: actor, &$1) }
    }

    package func end(
        rule id: Int64, at now: Timestamp, by actor: String?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule?> {
        self.change(on: eventLoop) { $0.end(rule: id, at: now, by: actor, &$1) }
    }

    package func rules() async throws -> KeptRules { try self.read { KeptRules($0.totals.rules) } }

    package func note(_ facts: [Fact], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { $1.facts += facts }
    }

    // MARK: reads

    package func content(of id: QueueID, on eventLoop: any EventLoop) -> EventLoopFuture<any ContentSource> {
        let result = Result { () -> any ContentSource in
            try self.read { state in
                guard let stored = state.messages[id], !stored.isContentDamaged else {
                    throw SpoolError(.damaged, "the content of \(id) is not what was accepted", queueID: id)
                }
                return BufferedContent(buffer: stored.content)
            }
        }
        return eventLoop.submit { try result.get() }
    }

    package func message(_ id: QueueID) async throws -> SpooledMessage? {
        try self.read { try self.store.message(id, $0) }
    }

    package func lease(after id: QueueID?, count: Int) async throws -> Lease {
        try self.store.lease(after: id, count: count, to: self.node)
    }

    // MARK: other nodes

    package var fleet: (any Fleet)? { self }
    package var lease: Int64? { self.store.lease(of: self.node) }
    package func listen(_ heard: @escaping @Sendable () -> Void) { self.store.listen(as: self.node, heard) }
    package func look() async throws -> FleetNews { try self.store.look(as: self.node) }
    package func holders(after id: QueueID?, count: Int) async throws -> [MessageHolder] {
        try self.read { state in
            let ids = state.messages.keys.filter { other in id.map { other > $0 } ?? true }.sorted().prefix(count)
            return ids.map { state.holder(of: $0) }
        }
    }
    package func messages(_ ids: [QueueID]) async throws -> [HeldMessage] {
        try self.read { state in
            ids.sorted().compactMap { state.messages[$0] }.filter { !$0.isRowDamaged }
                .map { HeldMessage($0.message, holder: $0.holder) }
        }
    }
    package func takeOver(_ count: Int) async throws -> Lease { try self.store.takeOver(count, as: self.node) }
    package func nodes() async throws -> [FleetNode] {
        try self.read { state in
            state.nodes.sorted { $0.key < $1.key }.map { node, member in
                FleetNode(
                    node: node, name: "node \(node)", state: member.isDraining ? .draining : .up,
                    isDrained: member.isDraining, age: 0,
                    messages: state.messages.values.count { $0.holder == node }, software: "")
            }
        }
    }
    package func drain(
        _ node: UInt8, _ isDraining: Bool, as fact: Fact?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Bool> {
        self.change(on: eventLoop) { $0.drain(node, isDraining, as: fact, &$1) }
    }
    /// Only those that have it open are nodes.
    package func forget(_ node: UInt8, as fact: Fact, on eventLoop: any EventLoop) -> EventLoopFuture<FleetForgetting> {
        self.change(on: eventLoop) { _, state in state.nodes[node] == nil ? .unknown : .live }
    }
    package func sharing() async throws -> FleetSharing { try self.store.sharing(as: self.node) }
    package func divide(_ division: FleetDivision, under lease: Int64) async throws -> Set<String>? {
        self.store.divide(division, as: self.node, under: lease)
    }
    package func letGo() async throws { self.store.letGo(as: self.node) }
    package func permits(_ requests: [PermitRequest], under lease: Int64) async throws -> [PermitGrant] {
        try self.store.permits(requests, as: self.node, under: lease)
    }

    package func undoable(at now: Timestamp) async throws -> [UndoableDrop] {
        try self.read { state in
            let kept = state.drops.values.flatMap(\.values).filter { !$0.isOver(at: now) }
            return Dictionary(grouping: kept, by: \.token).map { token, drops in
                let messages = Set(drops.map(\.message))
                let last = state.facts.last { $0.kind == .dropped && $0.message == messages.min() }
                return UndoableDrop(
                    token: token, recipients: drops.count, messages: messages.count,
                    until: drops.map(\.until).max() ?? now, actor: last?.actor)
            }.sorted { ($0.until, $0.token) < ($1.until, $1.token) }
        }
    }

    package func facts(after cursor: FactCursor, count: Int) async throws -> FactPage {
        try self.read { state in
            let start = try Self.place(cursor)
            let first = max(start, state.forgotten)
            let facts = Array(state.facts.dropFirst(first - state.forgotten).prefix(count))
            guard !facts.isEmpty else { return FactPage([], end: cursor) }
            return FactPage(facts, end: Self.cursor(first + facts.count), missing: first - start)
        }
    }

    package func newestFacts(count: Int) async throws -> FactPage {
        try self.read { FactPage(Array($0.facts.suffix(count)), end: Self.cursor($0.lastFact)) }
    }

    package func facts(of id: QueueID) async throws -> [Fact] {
        try self.read { $0.facts.filter { $0.message == id } }
    }

    /// The store's own, so that nobody can take it for a number.
    private static func cursor(_ place: Int) -> FactCursor { place > 0 ? FactCursor("memory-\(place)") : .start }

    private static func place(_ cursor: FactCursor) throws(SpoolError) -> Int {
        if cursor == .start { return 0 }
        guard cursor.description.hasPrefix("memory-"), let place = Int(cursor.description.dropFirst(7)), place > 0
        else { throw SpoolError(.foreign, "\(cursor) is no place among this spool's facts") }
        return place
    }

    package func acknowledge(
        _ cursor: FactCursor, as reader: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { _, state in
            state.totals.readers[reader] = max(state.totals.readers[reader] ?? 0, try Self.place(cursor))
        }
    }

    package func acknowledged(by reader: String) async throws -> FactCursor? {
        if self.readersFail.withLockedValue({ $0 }) { throw SpoolError(.unavailable, "readers cannot be read") }
        return try self.read { $0.totals.readers[reader].map(Self.cursor) }
    }
    /// How far readers have come cannot be read from now on, or can again.
    package func failReaders(_ fail: Bool) { self.readersFail.withLockedValue { $0 = fail } }

    package func forget(reader: String, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { $1.totals.readers[reader] = nil }
    }

    // MARK: policies

    package var policies: any PolicyStore { self }

    package func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { $1.totals.policies[policy.domain] = policy }
    }

    package func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? {
        try self.read { state in state.totals.policies[domain].flatMap { $0.until > now ? $0 : nil } }
    }

    package func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy] {
        try self.read { state in
            let due = state.totals.policies.values.filter { $0.due <= now && $0.until > now }
            return Array(due.sorted { $0.fetched < $1.fetched }.prefix(count))
        }
    }

    // MARK: tallies

    package var tallies: any TallyStore { self }

    package func add(_ tallies: [Tally], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { _, state in
            for tally in tallies { state.totals.tallies[tally.key, default: 0] += tally.count }
        }
    }

    package func talliedDays(before day: Int) async throws -> [TalliedDay] {
        try self.read { state in
            var days: [[String]: TalliedDay] = [:]
            for (key, count) in state.totals.tallies where key.day < day {
                var day =
                    days[["\(key.day)", key.domain]]
                    ?? TalliedDay(domain: key.domain, day: key.day, kinds: 0, octets: 0, count: 0)
                day.kinds += 1
                day.octets += key.what.utf8.count
                day.count += count
                days[["\(key.day)", key.domain]] = day
            }
            return days.values.sorted { ($0.day, $0.domain) < ($1.day, $1.domain) }
        }
    }

    package func tallies(of domain: String, on day: Int) async throws -> [Tally] {
        try self.read { state in
            state.totals.tallies.filter { $0.key.domain == domain && $0.key.day == day }
                .map { Tally(domain: domain, day: day, what: $0.key.what, count: $0.value) }
                .sorted { $0.what < $1.what }
        }
    }

    package func forgetTallies(
        of domain: String, on day: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { _, state in
            for key in state.totals.tallies.keys where key.domain == domain && key.day == day {
                state.totals.tallies[key] = nil
            }
        }
    }

    package func counters() async throws -> Counters { try self.read { $0.totals.counters } }

    package func close() async { self.store.close(self.node) }

    // MARK: its condition

    package var condition: any SpoolCondition { self }

    /// Says from now on that there is room for so much.
    package func setFree(octets: Int?) { self.free.withLockedValue { $0 = octets } }

    package func freeOctets() throws(SpoolError) -> Int? { self.free.withLockedValue { $0 } }
    package func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.change(on: eventLoop) { _, _ in }
    }
    package func factsBehind() async throws -> [String: Int] {
        try self.read { state in state.totals.readers.mapValues { state.lastFact - $0 } }
    }
    package var writingSince: NIODeadline? { nil }
    package func restartWrites(since time: NIODeadline) -> Int { 0 }
}
