import Mail
import Monitor
import NIOCore
import Spool

/// What the first view shows of the queue.
extension Queue {
    private static let destinationsShown = 200
    private static let attentionShown = 20

    /// From any thread. What the engine knows beside the queue is filled in by the caller.
    func overview() async throws -> Overview {
        try await self.loop.flatSubmit {
            self.censusNow().map { self.overview($0) }
        }.get()
    }

    private func overview(_ census: QueueCensus) -> Overview {
        let now = self.now
        let rates = self.flow.rates(at: now)
        let p95 = self.flow.p95(at: now)
        var counts = RecipientCounts()
        for state in RecipientState.allCases { counts[state] = self.scheduler.index.counts[state] }
        let rows = self.destinationRows(census)
        return Overview(
            node: self.node, started: now, at: now,
            queuedMessages: self.scheduler.index.messages, queuedOctets: self.scheduler.index.contentOctets, recipients: counts,
            received: rates.received, relayed: rates.relayed, deferred: rates.deferred, bounced: rates.bounced,
            receiveP95: p95.receive, relayP95: p95.relay,
            sessionsInLimit: self.scheduler.configuration.limits.sessions, oldest: census.oldest,
            attention: Self.attention(rows, census),
            destinations: rows.prefix(Self.destinationsShown).map(\.ages),
            moreDestinations: max(rows.count - Self.destinationsShown, 0))
    }

    private typealias Row = (ages: DestinationAges, deferred: Int)

    private func destinationRows(_ census: QueueCensus) -> [Row] {
        let now = self.now
        var rows: [Row] = []
        for index in self.scheduler.destinations.all {
            let destination = self.scheduler.destinations[index]
            let counts = self.scheduler.index.countsByDestination[Int(index)]
            guard counts.unsettled > 0 || destination.sessions > 0 else { continue }
            let counted = destination.number <= census.newest ? census.byDestination[index] : nil
            var row = DestinationAges(
                destination: destination.nextHop.description, condition: .ok,
                connections: destination.sessions,
                connectionLimit: self.scheduler.configuration.delivery.connections, total: counts.unsettled,
                ages: counted?.ages ?? AgeCounts())
            if destination.isBackingOff(at: now) {
                row.condition = .backoff
                row.reason = destination.reason
                row.until = destination.backoffUntil
            } else if counts[.deferred] > 0 {
                row.condition = .deferring
                row.reason = counted?.reply
            } else if counts.unsettled > 0, counts[.hold] == counts.unsettled {
                row.condition = .hold
            }
            rows.append((row, counts[.deferred]))
        }
        if let unrouted = census.byDestination[QueueIndex.unrouted] {
            let row = DestinationAges(
                destination: noRoute, condition: .unrouted, reason: census.unroutedDomains.example,
                total: unrouted.ages.total, ages: unrouted.ages)
            rows.append((row, unrouted.deferred))
        }
        return rows.sorted { ($1.ages.total, $0.ages.destination) < ($0.ages.total, $1.ages.destination) }
    }

    /// What concerns most recipients first.
    private static func attention(_ rows: [Row], _ census: QueueCensus) -> [Attention] {
        let attention = rows.compactMap { row, deferred -> Attention? in
            guard row.total > 0 else { return nil }
            switch row.condition {
            case .ok, .hold: return nil
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
        return Array(attention.sorted { ($1.count ?? 0) < ($0.count ?? 0) }.prefix(self.attentionShown))
    }

    /// The queue is counted anew when it has changed; a large one once a second.
    private func censusNow() -> EventLoopFuture<QueueCensus> {
        let now = self.now
        let isFresh = now.since(self.census.at) < (self.scheduler.index.messages > 2000 ? 1000 : 0)
        guard !isFresh else { return self.loop.makeSucceededFuture(self.census) }
        let counting = NIOLoopBound(QueueCount(at: now, newest: self.scheduler.destinations.newest), eventLoop: self.loop)
        return self.scan { slot in
            let arrived = Timestamp(milliseconds: self.scheduler.index.arrived[Int(slot)])
            for row in self.scheduler.index.rows(of: slot) where !self.scheduler.index.states[Int(row)].isSettled {
                counting.value.add(row, arrived: arrived, of: self.scheduler.index)
            }
        }.map {
            self.census = counting.value.census(self.scheduler.index)
            return self.census
        }
    }
}

/// What a walk over the whole queue counted: unsettled recipients by where they go, and how long they are here.
struct QueueCensus: Sendable {
    /// One destination's.
    struct Group: Sendable {
        var ages = AgeCounts()
        var deferred = 0
        /// The reply that most of the deferred ones had last, if most of them had the same, else one of those.
        var reply: String?
    }
    var at = Timestamp(milliseconds: 0)
    var byDestination: [QueueIndex.DestinationIndex: Group] = [:]
    /// The newest destination when the walk began.
    var newest = 0
    var oldest: Timestamp?
    /// Domains that no route takes.
    var unroutedDomains: (count: Int, example: String?) = (0, nil)
}

/// A count under way; a reference, so that the scan's closure can add to it.
private final class QueueCount {
    /// Domains beyond this many are not told apart; a set of them all could be as large as the queue.
    private static let domainsLimit = 10_000

    private var census: QueueCensus
    private var domains: Set<[UInt8]> = []
    /// Of each destination: the reply that leads, and by how many (the majority vote of Boyer and Moore).
    private var leading: [QueueIndex.DestinationIndex: (reply: Interner.Name, votes: Int)] = [:]

    init(at now: Timestamp, newest: Int) { self.census = QueueCensus(at: now, newest: newest) }

    func add(_ row: QueueIndex.Row, arrived: Timestamp, of index: QueueIndex) {
        let destination = index.destinations[Int(row)]
        let minutes = self.census.at.since(arrived) / 60_000
        let isDeferred = index.states[Int(row)] == .deferred
        self.census.byDestination[destination, default: QueueCensus.Group()].add(
            minutes: minutes, isDeferred: isDeferred)
        if isDeferred, destination >= 0 { self.vote(index.replies[Int(row)], of: destination) }
        if destination < 0, self.domains.count < Self.domainsLimit {
            self.domains.insert(index.text.routedDomain(index.toText[Int(row)]))
        }
        if self.census.oldest.map({ arrived < $0 }) ?? true { self.census.oldest = arrived }
    }

    private func vote(_ reply: Interner.Name, of destination: QueueIndex.DestinationIndex) {
        var vote = self.leading[destination] ?? (reply, 0)
        if vote.votes == 0 { vote.reply = reply }
        vote.votes += vote.reply == reply ? 1 : -1
        self.leading[destination] = vote
    }

    func census(_ index: QueueIndex) -> QueueCensus {
        for (destination, vote) in self.leading {
            self.census.byDestination[destination]?.reply = index.string(vote.reply)
        }
        let example = self.domains.min { $0.lexicographicallyPrecedes($1) }
        self.census.unroutedDomains = (self.domains.count, example.map { String(decoding: $0, as: UTF8.self) })
        return self.census
    }
}

extension QueueCensus.Group {
    fileprivate mutating func add(minutes: Int64, isDeferred: Bool) {
        self.ages.add(minutes: minutes)
        if isDeferred { self.deferred += 1 }
    }
}
