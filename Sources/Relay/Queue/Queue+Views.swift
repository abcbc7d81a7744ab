import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// What the Queue view and the Overview ask of the index. Long work is cut into turns of the loop, sorting happens on
/// another thread, and an order serves until the queue has changed and some time has passed.
extension Queue {
    /// The order of a query's messages at one moment.
    struct Ranking {
        var query: QueueQuery
        var version: Int
        var made: NIODeadline
        var cost: TimeAmount
        var slots: [QueueIndex.Slot]
        var ids: [Int64]
    }

    /// From any thread.
    func window(_ query: QueueQuery, _ request: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.loop.flatSubmit {
            self.order(query).map { self.window(of: $0, request) }
        }.get()
    }

    private func live(_ order: Ranking) -> [QueueIndex.Slot] {
        zip(order.slots, order.ids).filter { self.scheduler.index.ids[Int($0)] == $1 }.map(\.0)
    }

    private func window(of order: Ranking, _ request: WindowRequest<MessageRef>) -> Window<QueueRow> {
        let live = self.live(order)
        let matcher = QueueMatcher(order.query.filter, in: self)
        let shown = request.rows(of: live.count) { ref in
            QueueID(ref.id).flatMap { self.scheduler.index.slot(of: $0) }.flatMap { live.firstIndex(of: $0) }
        }
        return Window(
            rows: live[shown].map { self.queueRow($0, matcher) }, first: shown.lowerBound, matched: live.count,
            total: self.scheduler.index.messages, at: self.now)
    }

    /// The next message of the query's order that matches. From any thread.
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.loop.flatSubmit {
            self.order(query).flatMap { order in
                let hit = self.loop.makePromise(of: SearchHit<MessageRef>?.self)
                let live = self.live(order)
                self.find(
                    QueueMatcher(search.wanted, in: self), among: live, rows: Array(search.rows(of: live.count))[...],
                    hit)
                return hit.futureResult
            }
        }.get()
    }

    /// Some thousands a turn of the loop.
    private func find(
        _ matcher: QueueMatcher, among live: [QueueIndex.Slot], rows: ArraySlice<Int>,
        _ hit: EventLoopPromise<SearchHit<MessageRef>?>
    ) {
        if let row = rows.prefix(8192).first(where: { self.scheduler.index.ids[Int(live[$0])] != 0 && matcher.matches(live[$0]) })
        {
            return hit.succeed(SearchHit(self.reference(live[row]), row: row))
        }
        let rest = rows.dropFirst(8192)
        guard !rest.isEmpty else { return hit.succeed(nil) }
        self.loop.assumeIsolated().execute { self.find(matcher, among: live, rows: rest, hit) }
    }

    // MARK: orders

    private func order(_ query: QueueQuery) -> EventLoopFuture<Ranking> {
        if let known = self.rankings[query], self.isCurrent(known) { return self.loop.makeSucceededFuture(known) }
        let begun = NIODeadline.now()
        let version = self.scheduler.index.version
        let matcher = QueueMatcher(query.filter, in: self)
        let keys = NIOLoopBound(SortKeys(query.sort), eventLoop: self.loop)
        return self.scan { slot in
            if matcher.matches(slot) { keys.value.append(slot, as: matcher, of: self) }
        }.flatMap {
            self.sorted(keys.value.entries, descending: query.descending)
        }.map { entries in
            let order = Ranking(
                query: query, version: version, made: .now(), cost: .now() - begun, slots: entries.map(\.slot),
                ids: entries.map { self.scheduler.index.ids[Int($0.slot)] })
            self.rankings[query] = order
            return order
        }
    }

    /// A large queue is not sorted anew ten times a second: an order serves for ten times what it cost.
    private func isCurrent(_ order: Ranking) -> Bool {
        if order.version == self.scheduler.index.version { return true }
        guard self.scheduler.index.messages > 2000 else { return false }
        return .now() - order.made < max(.milliseconds(250), .nanoseconds(order.cost.nanoseconds * 10))
    }

    private func sorted(_ entries: [SortKeys.Entry], descending: Bool) -> EventLoopFuture<[SortKeys.Entry]> {
        let sort: @Sendable () -> [SortKeys.Entry] = {
            descending ? entries.sorted { $1 < $0 } : entries.sorted()
        }
        guard entries.count > 2000 else { return self.loop.makeSucceededFuture(sort()) }
        return self.loop.makeFutureWithTask { sort() }
    }

    // MARK: rows

    /// The recipient whose state the message shows: its least happy unsettled one, among those that match.
    func leadingRow(_ slot: QueueIndex.Slot, _ matcher: QueueMatcher) -> QueueIndex.Row {
        var leading = self.scheduler.index.firstRow[Int(slot)]
        // One that matches goes before all others.
        var unhappiness = -1
        for row in self.scheduler.index.rows(of: slot) {
            let other = Self.unhappiness(self.scheduler.index.states[Int(row)])
            if other > unhappiness, matcher.matches(row, of: slot) { (leading, unhappiness) = (row, other) }
        }
        return leading
    }

    static func unhappiness(_ state: RecipientState) -> Int {
        switch state {
        case .deferred: 4
        case .hold: 3
        case .queued: 2
        case .active: 1
        case .relayed, .bounced, .expired, .dropped: 0
        }
    }

    func reference(_ slot: QueueIndex.Slot) -> MessageRef {
        MessageRef(
            node: self.node, id: self.scheduler.index.id(slot).description, generation: Int(self.scheduler.index.generations[Int(slot)]))
    }

    func queueRow(_ slot: QueueIndex.Slot, _ matcher: QueueMatcher) -> QueueRow {
        let leading = self.leadingRow(slot, matcher)
        var counts = RecipientCounts()
        var matching = 0
        for row in self.scheduler.index.rows(of: slot) {
            let state = self.scheduler.index.states[Int(row)]
            counts[state] += 1
            if !state.isSettled, matcher.matches(row, of: slot) { matching += 1 }
        }
        return QueueRow(
            ref: self.reference(slot), arrived: Timestamp(milliseconds: self.scheduler.index.arrived[Int(slot)]),
            contentOctets: self.scheduler.index.octets[Int(slot)], state: self.scheduler.index.states[Int(leading)], recipients: counts,
            matching: matching, from: self.scheduler.index.reversePath(slot), to: self.scheduler.index.forwardPath(leading),
            tries: Int(self.scheduler.index.tries[Int(leading)]),
            nextAttempt: self.scheduler.nextAttempt(leading, at: self.now),
            destination: self.scheduler.destination(of: leading).map {
                self.scheduler.destinations[$0].nextHop.description
            }, lastReply: self.scheduler.reason(leading, at: self.now),
            tls: self.scheduler.index.string(self.scheduler.index.tls[Int(slot)]), user: self.scheduler.index.string(self.scheduler.index.users[Int(slot)]),
            progress: self.progress(leading))
    }

    func progress(_ row: QueueIndex.Row) -> DeliveryProgress? {
        guard let session = self.scheduler.session(of: row).flatMap({ self.session($0) }) else { return nil }
        return DeliveryProgress(
            session: session.ref, phase: session.phase, contentOctetsSent: session.contentOctetsDone,
            contentOctets: session.contentOctets)
    }
}

/// The sorts of the last few queries; several watchers may look at once.
struct QueueRankings {
    private var rankings: [Queue.Ranking] = []
    subscript(query: QueueQuery) -> Queue.Ranking? {
        get { self.rankings.first { $0.query == query } }
        set {
            self.rankings.removeAll { $0.query == query }
            if let newValue { self.rankings.insert(newValue, at: 0) }
            if self.rankings.count > 4 { self.rankings.removeLast() }
        }
    }
}

/// What a sort compares: numbers, since a million strings would be slow. Texts compare by their first 16 octets.
final class SortKeys {
    struct Entry: Comparable, Sendable {
        var high: UInt64
        var low: UInt64
        /// The queue ID: what came first goes first among equals.
        var id: Int64
        var slot: QueueIndex.Slot
        static func < (left: Entry, right: Entry) -> Bool {
            (left.high, left.low, left.id) < (right.high, right.low, right.id)
        }
    }
    private let key: QueueQuery.SortKey
    private(set) var entries: [Entry] = []

    init(_ key: QueueQuery.SortKey) { self.key = key }

    func append(_ slot: QueueIndex.Slot, as matcher: QueueMatcher, of queue: Queue) {
        let index = queue.scheduler.index
        let leading = queue.leadingRow(slot, matcher)
        var entry = Entry(high: 0, low: 0, id: index.ids[Int(slot)], slot: slot)
        switch self.key {
        // Descending is what an operator expects at first: the oldest on top.
        case .age: entry.high = .max - UInt64(clamping: index.arrived[Int(slot)])
        case .size: entry.high = UInt64(clamping: index.octets[Int(slot)])
        case .tries: entry.high = UInt64(index.tries[Int(leading)])
        case .next: entry.high = queue.scheduler.nextAttempt(leading, at: queue.now).map { UInt64(clamping: $0.milliseconds) } ?? .max
        case .state: entry.high = UInt64(Queue.unhappiness(index.states[Int(leading)]))
        case .from: (entry.high, entry.low) = Self.prefix(index.text, index.fromText[Int(slot)])
        case .to: (entry.high, entry.low) = Self.prefix(index.text, index.toText[Int(leading)])
        }
        self.entries.append(entry)
    }

    private static func prefix(_ text: TextArena, _ start: UInt32) -> (UInt64, UInt64) {
        var octets = [UInt64](repeating: 0, count: 16)
        for place in 0..<16 {
            let octet = text.octets[Int(start) + place]
            guard octet != 0 else { break }
            octets[place] = UInt64(octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet)
        }
        return (octets[..<8].reduce(0) { $0 << 8 | $1 }, octets[8...].reduce(0) { $0 << 8 | $1 })
    }
}
