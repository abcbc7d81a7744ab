import Mail
public import Measures
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// How the engine is doing, for programs that look after it.
public struct EngineVitals: Sendable {
    private let relay: Relay
    private let known: SpoolFigures

    init(_ relay: Relay) {
        self.relay = relay
        self.known = SpoolFigures(relay.spool, loop: relay.queue.loop)
    }

    /// Why the engine does not live: loops that do not answer, a disk that does not. Empty: it lives.
    ///
    /// - Parameter patience: what a loop may take to answer.
    public func failures(within patience: Duration = .seconds(2)) async -> [String] {
        let loops = self.relay.allEventLoops
        let answered = NIOLockedValueBox(0)
        for loop in loops { loop.execute { answered.withLockedValue { $0 += 1 } } }
        let end = ContinuousClock.now + patience
        while answered.withLockedValue({ $0 }) < loops.count, ContinuousClock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(10))
        }
        let silent = loops.count - answered.withLockedValue { $0 }
        let stall = self.relay.spoolWatch.condition.troubles[.stall].map { "the spool: \($0)" }
        return (silent > 0 ? ["\(silent) of \(loops.count) event loops do not answer"] : [])
            + [stall].compactMap { $0 }
    }

    /// Why new mail is not taken now. Empty: it is.
    public func obstacles() -> [String] {
        self.relay.spoolWatch.isAsked()
        if self.relay.isStopping { return ["stopping: sessions may finish"] }
        if !self.relay.hasStarted { return ["starting: the queue is being read"] }
        let limit = self.relay.configuration.sessions
        let isFull = self.relay.registry.liveCounts.inbound >= limit
        return self.relay.spoolWatch.condition.troubles.values.sorted().map { "the spool: \($0)" }
            + (isFull ? ["all \(limit) inbound sessions are in use (limits.connections)"] : [])
    }

    /// What nobody counts as it goes.
    public func samples() async -> [Sample] {
        let figures = await self.known.now()
        let queue = (try? await self.relay.overview.samples()) ?? []
        let spool = self.relay.spoolWatch.condition
        return Self.samples(figures) + queue + self.sessions()
            + SpoolWatch.Cause.allCases.map { cause in
                Sample(.spoolTroubles, cause.word.rawValue, value: spool.troubles[cause] == nil ? 0 : 1)
            }
            + [spool.free.map { Sample(.spoolFree, value: $0) }].compactMap { $0 }
            + [
                Sample(.damaged, value: self.relay.spoolWatch.damagedMail.count),
                Sample(.ready, value: self.obstacles().isEmpty ? 1 : 0), Sample(.build, Relay.version, value: 1),
            ]
    }

    private func sessions() -> [Sample] {
        let live = self.relay.registry.liveCounts
        return SessionDirection.allCases.flatMap { direction in
            let totals = self.relay.registry.totals(direction == .inbound ? .inbound : .outbound)
            let word = direction.rawValue
            return [
                Sample(.sessions, word, value: direction == .inbound ? live.inbound : live.outbound),
                Sample(.sessionsOpened, word, value: totals.opened),
                Sample(.sessionsFailed, word, value: totals.failed),
                Sample(.octets, word, OctetFlow.received.rawValue, value: totals.octetsIn),
                Sample(.octets, word, OctetFlow.sent.rawValue, value: totals.octetsOut),
            ]
        }
    }

    private static func samples(_ figures: SpoolFigures.Values?) -> [Sample] {
        guard let figures else { return [] }
        let counters = figures.counters
        return [
            Sample(.received, value: counters.accepted - counters.reports), Sample(.reports, value: counters.reports),
            Sample(.settled, SettledOutcome.relayed.rawValue, value: counters.relayed),
            Sample(.settled, SettledOutcome.bounced.rawValue, value: counters.bounced),
            Sample(.settled, SettledOutcome.expired.rawValue, value: counters.expired),
            Sample(.settled, SettledOutcome.dropped.rawValue, value: counters.dropped),
            Sample(.deferrals, value: counters.deferredAttempts),
        ] + figures.behind.map { Sample(.factsBehind, $0.key, value: $0.value) }
    }
}

extension SpoolWatch.Cause {
    fileprivate var word: SpoolTrouble {
        switch self {
        case .space: .space
        case .access: .access
        case .write: .write
        case .stall: .stall
        case .drain: .drain
        }
    }
}
