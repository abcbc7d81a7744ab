package import Mail
import NIOConcurrencyHelpers
import NIOCore
import SMTP
package import Spool

/// What the nodes of a ``MemorySpool`` share, durable as long as this object lives: messages, drops, facts and who reads
/// them, counters, leases. One transaction at a time; where it fails, nothing of it remains.
///
/// It keeps the promises of ``Spool`` but for those of a disk, so that a test of what stands on a spool needs none, and can
/// have as many nodes as it likes.
package final class MemoryStore: Sendable {
    /// How many messages one call takes back or forgets the drops of.
    static let messagesInPart = 500

    /// Nodes are told by their numbers, which queue IDs carry.
    typealias Node = UInt8

    struct Stored {
        var message: SpooledMessage
        var content: ByteBuffer
        var isRowDamaged = false
        var isContentDamaged = false
        var holder: Node

        func with(_ message: SpooledMessage) -> Stored {
            var stored = self
            stored.message = message
            return stored
        }
    }

    struct State {
        /// What becomes of single messages. Change them by ``change(_:_:)`` alone.
        private(set) var messages: [QueueID: Stored] = [:]
        private(set) var drops: [QueueID: [Int: Drop]] = [:]
        var totals = Totals()
        /// The first of these has the sequence behind `forgotten`.
        var facts: ArraySlice<Fact> = []
        var forgotten = 0
        /// The nodes that have the store open, and what they are still to be told.
        var nodes: [Node: Member] = [:]
        /// By site, of nodes that there were when somebody asked last.
        var permits: [String: [PermitLine.Place]] = [:]
        /// When who waits for some asked last.
        var asked: [Node: [String: Timestamp]] = [:]
        /// What the transaction under way has changed, as it was.
        private var before: [QueueID: (stored: Stored?, drops: [Int: Drop]?)] = [:]

        var lastFact: Int { self.forgotten + self.facts.count }

        mutating func change(
            _ id: QueueID, _ body: (_ stored: inout Stored?, _ drops: inout [Int: Drop]) throws -> Void
        ) rethrows {
            let drops = self.drops[id]
            if self.before[id] == nil { self.before[id] = (self.messages[id], drops) }
            var changing = drops ?? [:]
            try body(&self.messages[id], &changing)
            self.drops[id] = changing.isEmpty ? nil : changing
        }

        mutating func begin() { self.before = [:] }

        mutating func undo(_ totals: Totals, lastFact: Int) {
            for (id, was) in self.before {
                self.messages[id] = was.stored
                self.drops[id] = was.drops
            }
            self.totals = totals
            self.facts.removeLast(self.lastFact - lastFact)
        }

        /// Messages that the transaction changed.
        var changed: [QueueID] { Array(self.before.keys) }

        mutating func take(_ id: QueueID, as node: Node) { self.messages[id]?.holder = node }

        func holder(of id: QueueID) -> MessageHolder {
            let stored = self.messages[id]
            return MessageHolder(id, generation: stored?.message.generation, holder: stored?.holder)
        }
    }

    /// A node that has the store open.
    struct Member {
        /// When its lease ends; `nil`: when it goes.
        var until: Timestamp?
        /// The number of its lease.
        var lease: Int64 = 1
        var isDraining = false
        /// It drains, and has nothing under way.
        var isQuiet = false
        var division = FleetDivision()
        var news = FleetNews()
        var heard: @Sendable () -> Void = {}

        /// It drained, and nothing of it is left.
        var isAway: Bool { self.isDraining && self.isQuiet }
        func isLive(at now: Timestamp) -> Bool { (self.until.map { $0 > now } ?? true) && !self.isAway }
    }

    struct Totals {
        var counters = Counters()
        var readers: [String: Int] = [:]
        var policies: [String: KeptPolicy] = [:]
        var tallies: [Tally.Key: Int] = [:]
        var lastID: QueueID?
        var lastToken: Int64 = 0
        var rules: [StandingRule] = []
        var lastRule: Int64 = 0
    }

    let state = NIOLockedValueBox(State())
    private let factsKept: Int
    private let leaseMilliseconds: Int64?
    private let now: @Sendable () -> Timestamp
    private let failure = NIOLockedValueBox<SpoolError?>(nil)

    /// - Parameters:
    ///   - factsKept: the latest; older ones go when no reader needs them.
    ///   - leaseMilliseconds: how long messages are a node's; `nil`: until it goes.
    ///   - now: the time by which leases end.
    package init(
        factsKept: Int = 200_000, leaseMilliseconds: Int64? = nil, now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.factsKept = factsKept
        self.leaseMilliseconds = leaseMilliseconds
        self.now = now
    }

    /// Makes every change fail from now on, as a full disk does; `nil`: they work again.
    package func fail(with error: SpoolError?) { self.failure.withLockedValue { $0 = error } }
    var currentFailure: SpoolError? { self.failure.withLockedValue { $0 } }

    /// What a disk does that changes a message's row.
    package func damageRow(of id: QueueID) {
        self.state.withLockedValue { $0.change(id) { stored, _ in stored?.isRowDamaged = true } }
    }
    /// What a disk does that changes a content.
    package func damageContent(of id: QueueID) {
        self.state.withLockedValue { $0.change(id) { stored, _ in stored?.isContentDamaged = true } }
    }

    func open(as node: Node) throws(SpoolError) {
        let isFree = self.state.withLockedValue { state in
            guard state.nodes[node] == nil else { return false }
            state.nodes[node] = Member(until: self.leaseEnd)
            return true
        }
        guard isFree else { throw SpoolError(.inUse, "node \(node) has the store open") }
    }

    /// What the node held is for others, or for who comes next.
    func close(_ node: Node) {
        self.state.withLockedValue { state in
            state.nodes[node] = nil
            for site in state.permits.keys { state.permits[site]?.removeAll { $0.node == node } }
            Self.wake(all: state.nodes, but: node)
        }
    }

    private var leaseEnd: Timestamp? { self.leaseMilliseconds.map { self.now().adding(milliseconds: $0) } }

    /// One transaction of one node.
    func write<Value>(as node: Node, _ body: (MemoryStore, inout State) throws -> Value) throws -> Value {
        if let failure = self.currentFailure { throw failure }
        return try self.state.withLockedValue { state in
            guard state.nodes[node] != nil else { throw Self.closed }
            let (totals, lastFact) = (state.totals, state.lastFact)
            state.begin()
            do {
                let value = try body(self, &state)
                self.prune(&state)
                self.tell(node, of: lastFact, &state)
                return value
            } catch {
                state.undo(totals, lastFact: lastFact)
                throw error
            }
        }
    }

    /// A node wrote: its lease goes on, and others learn what changed.
    private func tell(_ node: Node, of lastFact: Int, _ state: inout State) {
        let now = self.now()
        if let until = state.nodes[node]?.until, until <= now {
            state.nodes[node]?.lease += 1
            state.nodes[node]?.division = FleetDivision()
            for site in state.permits.keys { state.permits[site]?.removeAll { $0.node == node } }
        }
        state.nodes[node]?.until = self.leaseEnd
        let hasRules = state.facts.dropFirst(max(0, lastFact - state.forgotten)).contains { $0.message == nil }
        let changed = state.changed.map { state.holder(of: $0) }
        for other in Array(state.nodes.keys) where other != node {
            if hasRules { state.nodes[other]?.news.hasRules = true }
            state.nodes[other]?.news.changed += changed
            if hasRules || changed.contains(where: { $0.holder == other }) { state.nodes[other]?.heard() }
        }
    }

    func read<Value>(as node: Node, _ body: (State) throws -> Value) throws -> Value {
        try self.state.withLockedValue { state in
            guard state.nodes[node] != nil else { throw Self.closed }
            return try body(state)
        }
    }

    static let closed = SpoolError(.unavailable, "the spool is closed")

    // MARK: changes

    func insert(_ new: NewMessage, as node: Node, _ state: inout State) throws {
        let id = new.message.id
        guard state.messages[id] == nil else {
            throw SpoolError(.unavailable, "there is a message \(id) already", queueID: id)
        }
        let content: ByteBuffer
        switch new.content {
        case .buffer(let octets): content = octets
        case .file(let file):
            guard let file = file as? MemoryStream else {
                throw SpoolError(.foreign, "content of another spool", queueID: id)
            }
            content = try file.finishedOctets
        }
        state.change(id) { stored, _ in
            stored = Stored(message: new.message, content: content, holder: node)
        }
        state.totals.lastID = max(state.totals.lastID ?? id, id)
        state.totals.counters.accepted += 1
        state.facts.append(new.acceptance)
        state.facts += new.holds.flatMap(\.each)
    }

    func message(_ id: QueueID, _ state: State) throws -> SpooledMessage? {
        guard let stored = state.messages[id] else { return nil }
        guard !stored.isRowDamaged else { throw Self.damagedRow(id) }
        return stored.message
    }

    static func damagedRow(_ id: QueueID) -> SpoolError {
        SpoolError(.damaged, "the spool's row of \(id) is damaged", queueID: id)
    }

    func settle(_ settlement: Settlement, as node: Node, _ state: inout State) throws -> Settled {
        let id = settlement.message
        guard let message = try self.message(id, state),
            let effect = message.settling(
                settlement, isKept: state.drops[id] != nil, isHolders: state.holder(of: id).holder == node)
        else { return .stale }
        state.totals.counters += effect.counts
        state.facts += effect.facts.flatMap(\.each)
        for report in settlement.reports { try self.insert(report, as: node, &state) }
        state.change(id) { stored, _ in stored = effect.message.flatMap { stored?.with($0) } }
        return .done(generation: effect.generation, isGone: effect.message == nil)
    }

    func apply(_ order: Order, on targets: [RecipientTarget], _ state: inout State) throws -> Applied {
        var applied = Applied()
        state.totals.lastToken += 1
        for (id, targets) in RecipientTarget.byMessage(targets) {
            guard let message = try self.message(id, state) else {
                applied.skipped[.gone, default: 0] += targets.count
                continue
            }
            let effect = message.applying(order, to: targets, token: state.totals.lastToken)
            applied.add(effect)
            guard !effect.changed.isEmpty else { continue }
            state.totals.counters += effect.counts
            state.facts += effect.facts
            state.change(id) { stored, drops in
                for drop in effect.drops { drops[drop.before.index] = drop }
                stored = effect.message.isOver(isKept: !drops.isEmpty) ? nil : stored?.with(effect.message)
            }
        }
        return applied
    }

    func undo(
        _ token: Int64, after last: QueueID?, at now: Timestamp, by actor: String, _ state: inout State
    ) -> Applied {
        var applied = Applied()
        let dropped = state.drops.filter { id, drops in
            (last.map { id > $0 } ?? true) && drops.values.contains { $0.token == token }
        }
        for (id, drops) in dropped.sorted(by: { $0.key < $1.key }).prefix(Self.messagesInPart) {
            applied.end = id
            let named = drops.values.filter { $0.token == token }.sorted { $0.before.index < $1.before.index }
            let effect = UndoEffect(named, of: try? self.message(id, state), at: now, by: actor)
            applied.add(effect)
            guard let message = effect.message else { continue }
            state.totals.counters += effect.counts
            state.facts += effect.facts
            state.change(id) { stored, drops in
                for recipient in effect.changed { drops[recipient.index] = nil }
                stored = stored?.with(message)
            }
        }
        return applied
    }

    /// - Returns: whether there may be more.
    func purge(at time: Timestamp, by order: PurgeOrder?, _ state: inout State) -> Bool {
        let over = state.drops.filter { $0.value.values.contains { $0.isOver(at: time) } }.keys.sorted()
            .prefix(Self.messagesInPart)
        for id in over {
            let message = try? self.message(id, state)
            let forgotten = state.drops[id, default: [:]].filter { $0.value.isOver(at: time) }.keys
            state.facts += order?.facts(Array(forgotten), of: id, message) ?? []
            state.change(id) { stored, drops in
                drops = drops.filter { !$0.value.isOver(at: time) }
                if message?.isOver(isKept: !drops.isEmpty) == true { stored = nil }
            }
        }
        return over.count == Self.messagesInPart
    }

    // MARK: standing rules

    func set(_ terms: StandingRule.Terms, at now: Timestamp, by actor: String, _ state: inout State) -> StandingRule {
        state.totals.lastRule += 1
        let rule = StandingRule(id: state.totals.lastRule, terms, at: now, by: actor)
        state.totals.rules.append(rule)
        state.facts.append(rule.setFact)
        return rule
    }

    func end(rule id: Int64, at now: Timestamp, by actor: String?, _ state: inout State) -> StandingRule? {
        guard let place = state.totals.rules.firstIndex(where: { $0.id == id }) else { return nil }
        let rule = state.totals.rules.remove(at: place)
        state.facts.append(rule.endFact(at: now, by: actor))
        return rule
    }

    /// Facts that are too old and that every reader has behind it go.
    private func prune(_ state: inout State) {
        let last = min(state.lastFact - self.factsKept, state.totals.readers.values.min() ?? .max)
        guard last > state.forgotten else { return }
        state.facts = state.facts.dropFirst(last - state.forgotten)
        state.forgotten = last
    }

    // MARK: leases

    /// No transaction: it works also when changes fail.
    func lease(after last: QueueID?, count: Int, to node: Node) throws -> Lease {
        try self.read(as: node) { state in
            Self.lease(state, after: last, count: count) { $0.holder == node }
        }
    }

    /// What others hold that are not there, drain, or have lost their lease.
    func takeOver(_ count: Int, as node: Node) throws -> Lease {
        let now = self.now()
        return try self.state.withLockedValue { state in
            guard let own = state.nodes[node] else { throw Self.closed }
            guard !own.isDraining else { return Lease([]) }
            let lease = Self.lease(state, after: nil, count: count) { stored in
                guard stored.holder != node, let holder = state.nodes[stored.holder] else {
                    return stored.holder != node
                }
                return holder.isQuiet || holder.until.map { $0 < now } ?? false
            }
            for message in lease.messages { state.take(message.id, as: node) }
            for damage in lease.damaged { state.take(damage.message, as: node) }
            if lease.end != nil {
                for other in Array(state.nodes.keys) where other != node {
                    state.nodes[other]?.news.hasTakeovers = true
                }
            }
            return lease
        }
    }

    private static func lease(
        _ state: State, after last: QueueID?, count: Int, where isWanted: (Stored) -> Bool
    ) -> Lease {
        var lease = Lease([])
        for id in state.messages.keys.sorted() where last.map({ id > $0 }) ?? true {
            guard lease.messages.count + lease.damaged.count < count else { break }
            guard let stored = state.messages[id], isWanted(stored) else { continue }
            lease.end = id
            if stored.isRowDamaged {
                lease.damaged.append(Damage(id, Self.damagedRow(id).description))
            } else {
                lease.messages.append(stored.message)
            }
        }
        return lease
    }

    func lease(of node: Node) -> Int64? {
        let now = self.now()
        return self.state.withLockedValue { state in
            state.nodes[node].flatMap { member in member.until.map { $0 > now } ?? true ? member.lease : nil }
        }
    }

    func listen(as node: Node, _ heard: @escaping @Sendable () -> Void) {
        self.state.withLockedValue { $0.nodes[node]?.heard = heard }
    }

    private static func wake(all nodes: [Node: Member], but node: Node) {
        for (other, member) in nodes where other != node { member.heard() }
    }

    func look(as node: Node) throws -> FleetNews {
        try self.state.withLockedValue { state in
            guard let member = state.nodes[node] else { throw Self.closed }
            state.nodes[node]?.news = FleetNews()
            var news = member.news
            news.isFirst = state.nodes.keys.allSatisfy { $0 >= node }
            news.isDraining = member.isDraining
            return news
        }
    }

    func drain(_ node: Node, _ isDraining: Bool, as fact: Fact?, _ state: inout State) -> Bool {
        guard state.nodes[node] != nil else { return false }
        if let fact { state.facts.append(fact) }
        state.nodes[node]?.isDraining = isDraining
        state.nodes[node]?.isQuiet = false
        state.nodes[node]?.heard()
        return true
    }

    func sharing(as node: Node) throws -> FleetSharing {
        let now = self.now()
        return try self.read(as: node) { state in
            let own = state.nodes[node] ?? Member()
            var sharing = FleetSharing()
            sharing.live = state.nodes.count { $0.key == node ? !$0.value.isAway : $0.value.isLive(at: now) }
            sharing.known = state.nodes.count
            (sharing.division, sharing.isDraining) = (own.division, own.isDraining)
            sharing.crowded = Self.crowded(state.nodes, but: node, at: now)
            return sharing
        }
    }

    /// The sites that others crowd.
    private static func crowded(_ nodes: [Node: Member], but node: Node, at now: Timestamp) -> Set<String> {
        nodes.reduce(into: []) { crowded, other in
            guard other.key != node, other.value.isLive(at: now), other.value.division.shares > 0 else { return }
            crowded.formUnion(other.value.division.crowded)
        }
    }

    func divide(_ division: FleetDivision, as node: Node, under lease: Int64) -> Set<String>? {
        let now = self.now()
        return self.state.withLockedValue { state in
            guard let own = state.nodes[node], own.lease == lease, own.until.map({ $0 > now }) ?? true, !own.isAway
            else { return nil }
            let live = state.nodes.filter { $0.key == node || $0.value.isLive(at: now) }
            let isLess =
                own.division.shares > 0 && division.shares >= own.division.shares
                && division.known >= own.division.known
            let mayHaveMore =
                division.shares >= live.count && division.known >= state.nodes.count
                && live.allSatisfy { other, member in
                    other == node || member.division.shares == 0
                        || member.division.shares >= live.count && member.division.known >= state.nodes.count
                }
            guard isLess || mayHaveMore else { return nil }
            state.nodes[node]?.division = division
            Self.wake(all: state.nodes, but: node)
            return Self.crowded(state.nodes, but: node, at: now)
        }
    }

    func permits(_ requests: [PermitRequest], as node: Node, under lease: Int64) throws -> [PermitGrant] {
        let now = self.now()
        return try self.state.withLockedValue { state in
            func isThere(_ node: Node) -> Bool { state.nodes[node].map { $0.until.map { $0 > now } ?? true } ?? false }
            guard isThere(node), state.nodes[node]?.lease == lease else { throw Self.closed }
            return requests.map { request in
                let places = (state.permits[request.site] ?? []).filter { isThere($0.node) }
                state.asked[node, default: [:]][request.site] = now
                let answer = PermitLine(
                    places.map { place in
                        var place = place
                        let asked = state.asked[place.node]?[request.site]
                        if asked.map({ now.since($0) >= PermitLine.patience }) ?? true { place.wanted = place.held }
                        return place
                    }
                ).answer(request, of: node)
                state.permits[request.site] =
                    places.filter { $0.node != node } + (answer.place.map { [$0] } ?? [])
                if answer.concernsOthers { Self.wake(all: state.nodes, but: node) }
                return answer.grant
            }
        }
    }

    func letGo(as node: Node) {
        self.state.withLockedValue { state in
            guard state.nodes[node]?.isDraining ?? false else { return }
            state.nodes[node]?.isQuiet = true
            state.nodes[node]?.division = FleetDivision()
            Self.wake(all: state.nodes, but: node)
        }
    }
}
