import Mail
import Measures
import Monitor
import NIOCore

/// The queue, for those who scrape it.
extension QueueOverview {
    /// From any thread. It walks over the queue no more often than a screen does.
    func samples() async throws -> [Sample] {
        try await self.queue.loop.flatSubmit { self.censusNow().map { self.samples($0) } }.get()
    }

    private func samples(_ census: QueueCensus) -> [Sample] {
        let index = self.queue.scheduler.index
        let oldest = index.messages == 0 ? nil : census.oldest
        let age = oldest.map { max(self.queue.now.since($0), 0) } ?? 0
        let unrouted = census.byDestination[QueueIndex.unrouted]?.ages.total ?? 0
        var conditions: [DestinationCondition: Int] = [:]
        for row in self.destinationRows(census) {
            conditions[DestinationCondition(row.ages.condition), default: 0] += 1
        }
        return [
            Sample(.queueMessages, value: index.messages), Sample(.queueOctets, value: index.contentOctets),
            Sample(.oldestAge, value: Double(age) / 1000), Sample(.unrouted, value: unrouted),
            Sample(.sessionsLimit, value: self.queue.scheduler.configuration.sessions),
        ]
            + QueueState.allCases.map {
                Sample(.queueRecipients, $0.rawValue, value: index.counts[RecipientState($0)])
            }
            + DestinationCondition.allCases.map { Sample(.destinations, $0.rawValue, value: conditions[$0] ?? 0) }
    }
}

extension RecipientState {
    fileprivate init(_ word: QueueState) {
        self =
            switch word {
            case .queued: .queued
            case .active: .active
            case .deferred: .deferred
            case .hold: .hold
            }
    }
}

extension DestinationCondition {
    fileprivate init(_ condition: DestinationAges.Condition) {
        self =
            switch condition {
            case .ok: .ok
            case .backoff: .backoff
            case .deferring: .deferring
            case .unrouted: .unrouted
            case .suspended: .suspended
            case .hold: .hold
            }
    }
}
