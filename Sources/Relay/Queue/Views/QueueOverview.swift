import Mail
import Monitor
import NIOCore
import Spool

/// What the first view shows of the queue.
struct QueueOverview: Sendable {
    private static let destinationsShown = 200
    private static let attentionShown = 20

    let queue: Queue
    private let census: NIOLoopBoundBox<QueueCensus>

    init(_ queue: Queue) {
        self.queue = queue
        self.census = .makeBoxSendingValue(QueueCensus(), eventLoop: queue.loop)
    }

    /// From any thread. What the engine knows beside the queue is filled in by the caller.
    func now() async throws -> Overview {
        try await self.queue.loop.flatSubmit {
            self.censusNow().map { self.overview($0) }
        }.get()
    }

    private func overview(_ census: QueueCensus) -> Overview {
        let now = self.queue.now
        let rates = self.queue.flow.rates(at: now)
        let p50 = self.queue.flow.percentile(50, at: now)
        let p95 = self.queue.flow.percentile(95, at: now)
        let p99 = self.queue.flow.percentile(99, at: now)
        var counts = RecipientCounts()
        for state in RecipientState.allCases { counts[state] = self.queue.scheduler.index.counts[state] }
        let rows = self.destinationRows(census)
        let suspended = self.suspended(rows)
        let waiting = Self.attention(rows, census)
        var overview = Overview(
            node: self.queue.node, started: now, at: now,
            queuedMessages: self.queue.scheduler.index.messages, queuedOctets: self.queue.scheduler.index.contentOctets,
            recipients: counts,
            received: rates.received, relayed: rates.relayed, deferred: rates.deferred, bounced: rates.bounced,
            receiveP95: p95.receive, relayP95: p95.relay,
            sessionsInLimit: self.queue.scheduler.configuration.sessions, oldest: census.oldest,
            attention: Array(suspended.prefix(Self.attentionShown)) + Array(waiting.prefix(Self.attentionShown)),
            moreAttention: [suspended, waiting].reduce(0) { $0 + max($1.count - Self.attentionShown, 0) },
            failures: census.failures.failures(self.queue.bounces, at: now),
            destinations: rows.prefix(Self.destinationsShown).map(\.ages),
            moreDestinations: max(rows.count - Self.destinationsShown, 0),
            neighbours: self.neighbours(rows.map(\.ages)))
        overview.receiveP50 = p50.receive
        overview.relayP50 = p50.relay
        // What the disk does is filled in by the caller.
        overview.durability = Overview.Durability(
            syncs: 0, changes: 0, replyP50: p50.receive, replyP99: p99.receive)
        overview.domains = self.domainRows(census)
        return overview
    }

    /// The same mail by the domains that it is for.
    private func domainRows(_ census: QueueCensus) -> [DestinationAges] {
        census.largestDomains.map { domain in
            var row = DestinationAges(
                destination: domain.name, condition: .unrouted, total: domain.group.ages.total, ages: domain.group.ages)
            row.via = noRoute
            let all = self.queue.scheduler.destinations
            guard let index = domain.destination, !all[index].isRemoved, all[index].number <= census.newest else {
                return row
            }
            let state = self.state(of: index, domain.group, at: self.queue.now)
            row.condition = state.condition
            // What others of the same next hop got is not said of this domain.
            if domain.group.deferred == 0, state.condition == .deferring { row.condition = .ok }
            row.reason = state.reason
            row.until = state.until
            row.via = all[index].nextHop.description
            return row
        }
    }

    /// - Parameter destination: `nil`: no route takes it.
    typealias Row = (ages: DestinationAges, deferred: Int, destination: DestinationTable.Index?)

    func destinationRows(_ census: QueueCensus) -> [Row] {
        let now = self.queue.now
        var rows: [Row] = []
        for index in self.queue.scheduler.destinations.all {
            let destination = self.queue.scheduler.destinations[index]
            let counts = self.queue.scheduler.index.countsByDestination[Int(index)]
            let sessions = self.queue.scheduler.gate(of: index)?.sessions ?? 0
            guard counts.unsettled > 0 || sessions > 0 else { continue }
            let counted = destination.number <= census.newest ? census.byDestination[index] : nil
            let state = self.state(of: index, counted, at: now)
            let limit = self.queue.scheduler.limit(ofDestination: index)
            var row = DestinationAges(
                destination: destination.nextHop.description, condition: state.condition,
                reason: destination.suspension?.description ?? state.reason, until: state.until,
                connections: sessions, connectionLimit: limit.sessions,
                // Of one moment with the ages beside it.
                total: counted?.ages.total ?? counts.unsettled, ages: counted?.ages ?? AgeCounts())
            row.isLimitOfAll = limit.isOfAll ? true : nil
            if counts[.queued] > 0 { row.remaining = self.queue.scheduler.remaining(CollectionOfOne(index), at: now) }
            rows.append((row, counts[.deferred], index))
        }
        if let unrouted = census.byDestination[QueueIndex.unrouted] {
            let row = DestinationAges(
                destination: noRoute, condition: .unrouted,
                // One of several would be taken for the only one.
                reason: census.unroutedDomains.count == 1 ? census.unroutedDomains.example : nil,
                total: unrouted.ages.total, ages: unrouted.ages)
            rows.append((row, unrouted.deferred, nil))
        }
        return rows.sorted { ($1.ages.total, $0.ages.destination) < ($0.ages.total, $1.ages.destination) }
    }

    /// What an operator suspended, also where no mail waits for it: it may have been forgotten.
    private func suspended(_ rows: [Row]) -> [Attention] {
        let orders = self.queue.scheduler.destinations.orders
        let kept = rows.filter { $0.ages.condition == .suspended }
        return orders.suspensions.sorted { $0.key < $1.key }.map { name, suspension in
            let rows = kept.filter { row in
                row.destination.map { self.queue.scheduler.backlog.isKeptBack($0, by: name, orders) } ?? false
            }
            let waiting = rows.reduce(0) { $0 + $1.ages.total }
            // Mail of a domain waits under its own name where the suspension is that of its hosts.
            let names = Set(rows.map { $0.ages.destination.lowercased() })
            return Attention(
                .warning,
                .suspended(
                    destination: name, by: suspension.by, until: suspension.until, reason: suspension.reason),
                count: waiting, door: FilterExpression(.dest, is: names.count == 1 ? names.first ?? name : name))
        }
    }

    /// What concerns most recipients first.
    private static func attention(_ rows: [Row], _ census: QueueCensus) -> [Attention] {
        let attention = rows.compactMap { row, deferred, _ -> Attention? in
            guard row.total > 0 else { return nil }
            switch row.condition {
            case .ok, .hold, .suspended: return nil
            case .unrouted:
                let domains = census.unroutedDomains
                return Attention(
                    .warning, .unrouted(domains: domains.count, example: domains.example ?? ""), count: row.total,
                    door: row.door)
            case .backoff:
                return Attention(
                    .warning, .backoff(destination: row.destination, reason: row.reason, until: row.until),
                    count: row.total, door: row.door)
            case .deferring:
                return Attention(
                    .warning, .deferring(destination: row.destination, reply: row.reason ?? ""), count: deferred,
                    door: FilterExpression([(.dest, "=", row.destination), (.state, ":", RecipientState.deferred.word)])
                )
            }
        }
        return attention.sorted { ($1.count ?? 0) < ($0.count ?? 0) }
    }

    /// The queue is counted anew when it has changed; a large one once a second.
    func censusNow() -> EventLoopFuture<QueueCensus> {
        let queue = self.queue
        let known = self.census.value
        let isFresh = known.made.map { .now() - $0 < .seconds(1) && queue.scheduler.index.messages > 2000 } ?? false
        guard !isFresh else { return queue.loop.makeSucceededFuture(known) }
        let newest = queue.scheduler.destinations.newest
        let places = queue.scheduler.index.countsByDestination.count
        let counting = NIOLoopBound(
            QueueCount(at: queue.now, destinations: places, newest: newest), eventLoop: queue.loop)
        return queue.scan(parts: { counting.value.add($0, of: queue.scheduler.index) }).map {
            let census = counting.value.census(queue.scheduler.index)
            self.census.value = census
            return census
        }
    }
}
