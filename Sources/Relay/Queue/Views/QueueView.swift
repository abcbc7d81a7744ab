import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// The queue's messages in the order that a watcher wants, window by window. Long work is cut into turns of the loop, sorting
/// happens on another thread, and an order serves until the queue has changed and some time has passed.
struct QueueView: Sendable {
    private let queue: Queue
    /// Who takes what is found so far has it after that time, if anything is found.
    private let patience: TimeAmount
    private let rankings: NIOLoopBoundBox<QueueRankings>
    private let inTheMaking: NIOLoopBoundBox<[QueueQuery: OrderInTheMaking]>
    /// The count that was asked for last.
    private let grouped: NIOLoopBoundBox<GroupedQueue?>
    /// Somebody was given rows that are no longer so, and will be told to read again.
    private let isBehind: NIOLoopBoundBox<Bool>

    /// - Parameter patience: by default such that it is on a screen within a twentieth of a second.
    init(_ queue: Queue, patience: TimeAmount = .milliseconds(10)) {
        self.queue = queue
        self.patience = patience
        self.rankings = .makeBoxSendingValue(QueueRankings(), eventLoop: queue.loop)
        self.inTheMaking = .makeBoxSendingValue([:], eventLoop: queue.loop)
        self.grouped = .makeBoxSendingValue(nil, eventLoop: queue.loop)
        self.isBehind = .makeBoxSendingValue(false, eventLoop: queue.loop)
    }

    /// Nothing serves any longer.
    func forgetRankings() {
        self.rankings.value = QueueRankings()
        self.inTheMaking.value = [:]
        self.grouped.value = nil
    }

    /// From any thread.
    func window(_ query: QueueQuery, _ request: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.queue.loop.flatSubmit {
            let order = request.takesPart == true ? self.orderSoFar(query) : self.order(query).map { ($0, false) }
            return order.map { self.window(of: $0, isPart: $1, request) }
        }.get()
    }

    private func live(_ order: QueueRanking) -> [QueueIndex.Slot] {
        zip(order.slots, order.ids).filter { self.queue.scheduler.index.ids[Int($0)] == $1 }.map(\.0)
    }

    private func window(
        of order: QueueRanking, isPart: Bool, _ request: WindowRequest<MessageRef>
    ) -> Window<QueueRow> {
        if order.age.version != self.queue.scheduler.index.version { self.callBack(behind: order.age) }
        let live = self.live(order)
        let matcher = QueueMatcher(order.query.filter, in: self.queue)
        let shown = request.rows(of: live.count) { ref in
            QueueID(ref.id).flatMap { self.queue.scheduler.index.slot(of: $0) }.flatMap { live.firstIndex(of: $0) }
        }
        return Window(
            rows: live[shown].map { QueueRow($0, as: matcher, of: self.queue) }, first: shown.lowerBound,
            matched: live.count,
            total: self.queue.scheduler.index.messages, at: self.queue.now, isPart: isPart ? true : nil)
    }

    /// From any thread.
    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        try await self.queue.loop.flatSubmit {
            if let known = self.grouped.value, known.query == query, known.grouping == grouping,
                self.isCurrent(known.age)
            {
                return self.queue.loop.makeSucceededFuture(known.groups)
            }
            let begun = NIODeadline.now()
            let version = self.queue.scheduler.index.version
            let matcher = QueueMatcher(query.filter, in: self.queue)
            let count = NIOLoopBound(GroupCount(grouping, at: self.queue.now), eventLoop: self.queue.loop)
            return self.queue.scan { slot in count.value.add(slot, as: matcher, of: self.queue) }.map {
                let groups = count.value.groups
                self.grouped.value = GroupedQueue(
                    query: query, grouping: grouping, age: QueueViewAge(version: version, since: begun), groups: groups)
                return groups
            }
        }.get()
    }

    /// The next message of the query's order that matches. From any thread.
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.queue.loop.flatSubmit {
            self.order(query).flatMap { order in
                let hit = self.queue.loop.makePromise(of: SearchHit<MessageRef>?.self)
                let live = self.live(order)
                self.find(
                    QueueMatcher(search.wanted, in: self.queue), among: live,
                    rows: Array(search.rows(of: live.count))[...],
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
        if let row = rows.prefix(8192).first(where: {
            self.queue.scheduler.index.ids[Int(live[$0])] != 0 && matcher.matches(live[$0])
        }) {
            return hit.succeed(SearchHit(MessageRef(live[row], of: self.queue), row: row))
        }
        let rest = rows.dropFirst(8192)
        guard !rest.isEmpty else { return hit.succeed(nil) }
        self.queue.loop.assumeIsolated().execute { self.find(matcher, among: live, rows: rest, hit) }
    }

    // MARK: orders

    private func known(_ query: QueueQuery) -> QueueRanking? {
        self.rankings.value[query].flatMap { self.isCurrent($0.age) ? $0 : nil }
    }

    private func order(_ query: QueueQuery) -> EventLoopFuture<QueueRanking> {
        if let known = self.known(query) { return self.queue.loop.makeSucceededFuture(known) }
        let making = NIOLoopBound(self.making(query), eventLoop: self.queue.loop)
        return making.value.findAll().flatMap {
            // Somebody else who waited may have put it in order by now.
            self.known(query).map { self.queue.loop.makeSucceededFuture($0) } ?? self.ranking(making.value, query)
        }.map { ranking in
            self.rankings.value[query] = ranking
            if self.inTheMaking.value[query] === making.value { self.inTheMaking.value[query] = nil }
            return ranking
        }
    }

    /// Of what was found when there is something worth showing.
    private func orderSoFar(_ query: QueueQuery) -> EventLoopFuture<(QueueRanking, isPart: Bool)> {
        if let known = self.known(query) { return self.queue.loop.makeSucceededFuture((known, false)) }
        let making = NIOLoopBound(self.making(query), eventLoop: self.queue.loop)
        return making.value.findPart().flatMap {
            making.value.isWhole
                ? self.order(query).map { ($0, false) } : self.ranking(making.value, query).map { ($0, true) }
        }
    }

    private func making(_ query: QueueQuery) -> OrderInTheMaking {
        if let known = self.inTheMaking.value[query], self.isYoung(known) { return known }
        // Nobody came back for the others.
        self.inTheMaking.value = self.inTheMaking.value.filter { !$0.value.isStopped || self.isYoung($0.value) }
        let making = OrderInTheMaking(query, in: self.queue, patience: self.patience)
        self.inTheMaking.value[query] = making
        return making
    }

    /// What it found is so as of now.
    private func isYoung(_ making: OrderInTheMaking) -> Bool {
        .now() - making.started < .seconds(1)
            && (making.version == self.queue.scheduler.index.version || self.queue.scheduler.index.messages > 2000)
    }

    /// What was found, in the query's order.
    private func ranking(_ order: OrderInTheMaking, _ query: QueueQuery) -> EventLoopFuture<QueueRanking> {
        let (version, begun) = (order.version, order.begun)
        return self.sorted(order.entries, descending: query.descending).map { entries in
            QueueRanking(
                query: query, age: QueueViewAge(version: version, since: begun), slots: entries.map(\.slot),
                ids: entries.map(\.id))
        }
    }

    /// A large queue is not sorted anew ten times a second: an order serves for ten times what it cost.
    private func isCurrent(_ age: QueueViewAge) -> Bool {
        if age.version == self.queue.scheduler.index.version { return true }
        guard self.queue.scheduler.index.messages > 2000 else { return false }
        return .now() < Self.end(of: age)
    }

    private static func end(of age: QueueViewAge) -> NIODeadline {
        age.made + max(.milliseconds(250), .nanoseconds(age.cost.nanoseconds * 10))
    }

    /// What changed since was told before somebody got rows of an earlier moment: where nothing else changes, nobody would look
    /// again when those no longer serve.
    private func callBack(behind age: QueueViewAge) {
        guard !self.isBehind.value else { return }
        self.isBehind.value = true
        self.queue.loop.assumeIsolated().scheduleTask(deadline: max(Self.end(of: age), .now() + .milliseconds(250))) {
            self.isBehind.value = false
            self.queue.signal.raise(.queue)
        }
    }

    private func sorted(_ entries: [SortKeys.Entry], descending: Bool) -> EventLoopFuture<[SortKeys.Entry]> {
        let sort: @Sendable () -> [SortKeys.Entry] = {
            descending ? entries.sorted { $1 < $0 } : entries.sorted()
        }
        guard entries.count > 2000 else { return self.queue.loop.makeSucceededFuture(sort()) }
        return self.queue.loop.makeFutureWithTask { sort() }
    }
}
