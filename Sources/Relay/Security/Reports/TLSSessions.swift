import DNS
import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import Spool
import TLSPolicy

/// Counts how TLS with the hosts of domains goes, for those that want to be told (RFC 8460).
///
/// Sessions tell it from their event loops, and wait for nothing. What is counted is written to the spool every ten seconds,
/// and at the end; a crash loses no more than that.
final class TLSSessions: Sendable {
    private static let betweenWrites = TimeAmount.seconds(10)
    private static let talliesInWrite = 500
    /// Domains whose wish is remembered.
    private static let remembered = 10_000
    /// How long a domain's wish is remembered: its record's TTL, within these.
    private static let seconds = (least: 60, most: 3600)

    private struct State {
        var isOn: Bool
        var wishes: [String: (wants: Bool, until: NIODeadline)] = [:]
        var budget: TallyBudget
        var pending: [Tally.Key: Int] = [:]
        var isWriting = false
    }
    private let dns: StubResolver
    private let store: any TallyStore
    private let loop: any EventLoop
    private let clock: Clock
    private let log: Logger
    private let state: NIOLockedValueBox<State>

    init(
        _ dns: StubResolver, store: any TallyStore, loop: any EventLoop, _ configuration: RelayConfiguration,
        clock: Clock,
        log: Logger
    ) {
        self.dns = dns
        self.store = store
        self.loop = loop
        self.clock = clock
        self.log = log
        self.state = NIOLockedValueBox(
            State(isOn: configuration.tlsReporting.from != nil, budget: TallyBudget(day: clock.now().day)))
    }

    func reload(_ configuration: RelayConfiguration) {
        self.state.withLockedValue { $0.isOn = configuration.tlsReporting.from != nil }
    }

    /// Finds out how much of today is kept already.
    func load() async {
        let today = self.clock.now().day
        guard let days = try? await self.store.talliedDays(before: today + 1) else { return }
        self.state.withLockedValue { state in
            // Sessions that ended before are counted twice here, and once in the spool.
            for day in days { state.budget.add(day) }
        }
    }

    /// From any thread.
    func ended(_ result: TLSSessionResult) {
        let now = self.clock.now()
        let wish = self.state.withLockedValue { state -> Bool? in
            guard state.isOn else { return false }
            return state.wishes[result.domain].flatMap { $0.until > .now() ? $0.wants : nil }
        }
        switch wish {
        case true?: self.count(result, at: now)
        case false?: break
        case nil:
            self.dns.lookUp(TXT.self, of: TLSReportRecord.name(of: result.domain), on: self.loop).whenSuccess {
                answer in
                if self.remember(answer, of: result.domain) { self.count(result, at: now) }
            }
        }
    }

    private func remember(_ answer: Answer<TXT>, of domain: String) -> Bool {
        let wants: Bool
        switch answer.content {
        case .records(let records): wants = TLSReportRecord(records: records.map(\.text)) != nil
        case .noRecords, .noSuchName: wants = false
        // It is asked again before the report is sent.
        case .failed: wants = true
        }
        let seconds = min(max(answer.ttl, Self.seconds.least), Self.seconds.most)
        self.state.withLockedValue { state in
            if state.wishes.count >= Self.remembered { state.wishes = [:] }
            state.wishes[domain] = (wants, .now() + .seconds(Int64(seconds)))
        }
        return wants
    }

    private func count(_ result: TLSSessionResult, at now: Timestamp) {
        let key = Tally.Key(domain: result.domain, day: now.day, what: TLSTally(result).text)
        let (isFirst, isExceeded) = self.state.withLockedValue { state in
            let before = state.budget.isExceeded
            guard state.budget.takes(key) else { return (false, !before) }
            state.pending[key, default: 0] += 1
            defer { state.isWriting = true }
            return (!state.isWriting, false)
        }
        if isExceeded {
            self.log.warning(
                "not all is counted for the TLS reports of today, which are limited",
                metadata: ["domain": "\(key.domain)"])
        }
        if isFirst { self.writeSoon() }
    }

    /// Writes what was counted to the end; name servers are asked no more.
    func stop() async { try? await self.loop.flatSubmit { self.write() }.get() }

    private func writeSoon() {
        self.loop.scheduleTask(in: Self.betweenWrites) { self.write().whenComplete { _ in } }
    }

    /// What cannot be written now is written with the next.
    func write() -> EventLoopFuture<Void> {
        let pending = self.state.withLockedValue { state in
            defer { state.pending = [:] }
            state.isWriting = false
            return state.pending.map { key, count in
                Tally(domain: key.domain, day: key.day, what: key.what, count: count)
            }
        }
        let parts = stride(from: 0, to: pending.count, by: Self.talliesInWrite).map { start in
            let part = Array(pending[start..<min(start + Self.talliesInWrite, pending.count)])
            return self.store.add(part, on: self.loop).flatMapErrorThrowing { _ in self.keep(part) }
        }
        return EventLoopFuture.andAllSucceed(parts, on: self.loop)
    }

    private func keep(_ tallies: [Tally]) {
        let isFirst = self.state.withLockedValue { state in
            for tally in tallies { state.pending[tally.key, default: 0] += tally.count }
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isFirst { self.writeSoon() }
    }
}

extension TLSReportRecord {
    static func name(of domain: String) -> String { "_smtp._tls.\(domain)" }
}
