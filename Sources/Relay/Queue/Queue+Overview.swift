import Mail
import Monitor
import NIOCore
import Spool

/// What the first view shows of the queue.
extension Queue {
    private static let destinationsShown = 200

    /// From any thread. What the engine knows beside the queue is filled in by the caller.
    func overview() async throws -> Overview {
        try await self.loop.flatSubmit {
            self.agesNow().map { ages in self.overview(ages) }
        }.get()
    }

    private func overview(_ ages: DestinationAgesCache) -> Overview {
        let now = self.now
        let rates = self.flow.rates(at: now)
        let p95 = self.flow.p95(at: now)
        var counts = RecipientCounts()
        for state in RecipientState.allCases { counts[state] = self.index.counts[state] }
        let rows = self.destinationRows(ages)
        return Overview(
            node: self.node, started: now, at: now,
            queuedMessages: self.index.messages, queuedOctets: self.index.contentOctets, recipients: counts,
            received: rates.received, relayed: rates.relayed, deferred: rates.deferred, bounced: rates.bounced,
            receiveP95: p95.receive, relayP95: p95.relay,
            sessionsInLimit: self.configuration.limits.sessions, oldest: ages.oldest,
            attention: self.attention(ages), destinations: Array(rows.prefix(Self.destinationsShown)),
            moreDestinations: max(rows.count - Self.destinationsShown, 0))
    }

    private func destinationRows(_ ages: DestinationAgesCache) -> [DestinationAges] {
        let now = self.now
        var rows: [DestinationAges] = []
        for destination in self.destinations {
            let counts = self.index.countsByDestination[Int(destination.index)]
            guard counts.unsettled > 0 || !destination.connections.isEmpty else { continue }
            let isBackingOff = destination.isBackingOff(at: now)
            let isHeld = counts.unsettled > 0 && counts[.hold] == counts.unsettled
            rows.append(
                DestinationAges(
                    destination: destination.nextHop.description,
                    condition: isBackingOff ? .backoff : isHeld ? .hold : .ok,
                    reason: isBackingOff ? destination.reason : nil,
                    until: isBackingOff ? destination.backoffUntil : nil,
                    connections: destination.connections.count,
                    connectionLimit: self.configuration.delivery.connections, total: counts.unsettled,
                    ages: ages.byDestination[destination.index] ?? DestinationAgesCache.none))
        }
        if let unrouted = ages.byDestination[QueueIndex.unrouted] {
            rows.append(
                DestinationAges(
                    destination: "no route", condition: .unrouted, reason: ages.unroutedReason,
                    total: unrouted.reduce(0, +), ages: unrouted))
        }
        return rows.sorted { ($1.total, $0.destination) < ($0.total, $1.destination) }
    }

    private func attention(_ ages: DestinationAgesCache) -> [Attention] {
        var attention: [Attention] = []
        if let unrouted = ages.byDestination[QueueIndex.unrouted] {
            attention.append(
                Attention(
                    severity: .warning, subject: "no route", text: ages.unroutedReason ?? "mail matches no route",
                    count: unrouted.reduce(0, +), filter: Filter("route")))
        }
        let now = self.now
        for destination in self.destinations where destination.isBackingOff(at: now) {
            let waiting = self.index.countsByDestination[Int(destination.index)].unsettled
            guard waiting > 0 else { continue }
            attention.append(
                Attention(
                    severity: .warning, subject: destination.nextHop.description,
                    text: destination.reason ?? "does not answer", count: waiting,
                    filter: Filter(destination.nextHop.description)))
        }
        return Array(attention.prefix(20))
    }

    /// The matrix is counted anew when the queue has changed; a large queue's once a second.
    private func agesNow() -> EventLoopFuture<DestinationAgesCache> {
        let now = self.now
        let isFresh = now.since(self.ages.at) < (self.index.messages > 2000 ? 1000 : 0)
        guard !isFresh else { return self.loop.makeSucceededFuture(self.ages) }
        let counting = UncheckedTransfer(AgesCounting(at: now))
        return self.scan { slot in
            let arrived = Timestamp(milliseconds: self.index.arrived[Int(slot)])
            for row in self.index.rows(of: slot) where !self.index.states[Int(row)].isSettled {
                counting.value.add(self.index.destinations[Int(row)], arrived: arrived)
                if counting.value.ages.unroutedReason == nil {
                    // Beside the words "no route" it need not begin with them again.
                    counting.value.ages.unroutedReason = self.missingRoute(row).map {
                        $0.hasPrefix("no route for ") ? String($0.dropFirst("no route for ".count)) : $0
                    }
                }
            }
        }.map {
            self.ages = counting.value.ages
            return self.ages
        }
    }
}

/// Unsettled recipients by destination and age of their message.
struct DestinationAgesCache: Sendable {
    static let none = [Int](repeating: 0, count: DestinationAges.bounds.count + 1)
    var at = Timestamp(milliseconds: 0)
    var byDestination: [QueueIndex.DestinationIndex: [Int]] = [:]
    var oldest: Timestamp?
    /// Why one of those without a route waits.
    var unroutedReason: String?
}

/// A count under way; a reference, so that the scan's closure can add to it.
private final class AgesCounting {
    var ages: DestinationAgesCache

    init(at now: Timestamp) { self.ages = DestinationAgesCache(at: now) }

    func add(_ destination: QueueIndex.DestinationIndex, arrived: Timestamp) {
        let minutes = self.ages.at.since(arrived) / 60_000
        let column =
            DestinationAges.bounds.firstIndex { minutes < Int64($0) } ?? DestinationAges.bounds.count
        self.ages.byDestination[destination, default: DestinationAgesCache.none][column] += 1
        if self.ages.oldest.map({ arrived < $0 }) ?? true { self.ages.oldest = arrived }
    }
}
