import DNS
import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import Spool
import TLSPolicy

/// The MTA-STS policies of domains, asked for when mail goes there and kept for as long as they hold (RFC 8461 §5.1).
final class STSPolicies: Sendable {
    /// Domains that are remembered here; the spool keeps the policies of all.
    private static let remembered = 10_000
    /// Between two looks at a domain's record: its TTL, within these. A policy that cannot be fetched is tried again as
    /// late (§3.3 has five minutes).
    private static let seconds = (least: 60, most: 3600, afterFailure: 300)
    /// Between two rounds in which what is kept and due is fetched anew, the policies of a round, and those at a time.
    private static let rounds = (between: Duration.seconds(1800), policies: 1000, atOnce: 8)

    private struct Known {
        var finding: STSFinding
        var until: NIODeadline
    }
    private struct State {
        var settings: STSFetcher.Settings
        var known: [String: Known] = [:]
        /// What is being found out: whoever asks meanwhile waits for the same.
        var tasks: [String: Task<STSFinding, Never>] = [:]
        var refreshes: [String: Task<Void, Never>] = [:]
        var rounds: Task<Void, Never>?
        var isStopped = false
    }
    private let dns: StubResolver
    private let fetcher: STSFetcher
    private let store: any PolicyStore
    private let clock: Clock
    private let log: Logger
    private let state: NIOLockedValueBox<State>

    init(
        _ dns: StubResolver, group: any EventLoopGroup, store: any PolicyStore, _ configuration: RelayConfiguration,
        clock: Clock, log: Logger
    ) {
        self.dns = dns
        self.fetcher = STSFetcher(dns: dns, group: group)
        self.store = store
        self.clock = clock
        self.log = log
        self.state = NIOLockedValueBox(State(settings: STSFetcher.Settings(configuration)))
    }

    func reload(_ configuration: RelayConfiguration) {
        self.state.withLockedValue { state in
            state.settings = STSFetcher.Settings(configuration)
            state.known = [:]
        }
    }

    /// Fetches what is kept anew when it is due, also while no mail goes there.
    func start(on eventLoop: any EventLoop) {
        let rounds = Task {
            while !Task.isCancelled {
                await self.refreshDue(on: eventLoop)
                try? await Task.sleep(for: Self.rounds.between)
            }
        }
        self.state.withLockedValue { $0.rounds = rounds }
    }

    func refreshDue(on eventLoop: any EventLoop) async {
        guard let due = try? await self.store.policiesDue(at: self.clock.now(), count: Self.rounds.policies) else {
            return
        }
        for start in stride(from: 0, to: due.count, by: Self.rounds.atOnce) where !Task.isCancelled {
            let tasks = due[start..<min(start + Self.rounds.atOnce, due.count)].map { kept in
                Task {
                    let answer = try? await self.dns.lookUp(TXT.self, of: Self.name(of: kept.domain), on: eventLoop)
                        .get()
                    // Without a record it holds until its end.
                    guard let answer, let record = STSRecord(records: answer.records.map(\.text)) else { return }
                    await self.refresh(kept.domain, record, on: eventLoop)?.value
                }
            }
            for task in tasks { await task.value }
        }
    }

    private static func name(of domain: String) -> String { "_mta-sts.\(domain)" }

    /// Gives up what is being fetched, and waits until that is over.
    func stop() async {
        let rounds = self.state.withLockedValue { state in
            state.isStopped = true
            return state.rounds
        }
        rounds?.cancel()
        let (tasks, refreshes) = self.state.withLockedValue { (Array($0.tasks.values), Array($0.refreshes.values)) }
        for task in tasks { task.cancel() }
        for task in refreshes { task.cancel() }
        for task in tasks { _ = await task.value }
        for task in refreshes { await task.value }
        await rounds?.value
    }

    /// - Parameter domain: in A-labels, lower case.
    /// - Returns: completes on `eventLoop`, and never fails.
    func finding(for domain: String, on eventLoop: any EventLoop) -> EventLoopFuture<STSFinding> {
        let (known, task) = self.state.withLockedValue { state -> (STSFinding?, Task<STSFinding, Never>?) in
            if let known = state.known[domain], known.until > .now() { return (known.finding, nil) }
            if let task = state.tasks[domain] { return (nil, task) }
            if state.isStopped { return (.none("the relay stops"), nil) }
            let task = Task { await self.find(domain, on: eventLoop) }
            state.tasks[domain] = task
            return (nil, task)
        }
        if let known { return eventLoop.makeSucceededFuture(known) }
        let promise = eventLoop.makePromise(of: STSFinding.self)
        promise.completeWithTask { await task?.value ?? .off }
        return promise.futureResult
    }

    private func find(_ domain: String, on eventLoop: any EventLoop) async -> STSFinding {
        let (finding, seconds) = await self.look(for: domain, on: eventLoop)
        self.state.withLockedValue { state in
            state.tasks[domain] = nil
            if state.known.count >= Self.remembered { state.known = [:] }
            state.known[domain] = Known(finding: finding, until: .now() + .seconds(Int64(seconds)))
        }
        return finding
    }

    /// - Returns: what holds, and for how many seconds nobody needs to ask again.
    private func look(for domain: String, on eventLoop: any EventLoop) async -> (STSFinding, seconds: Int) {
        let now = self.clock.now()
        let kept = try? await self.store.keptPolicy(of: domain, at: now)
        let policy = kept.flatMap { try? STSPolicy(text: $0.text) }
        let fallback = policy.map { STSFinding.policy($0, domain: domain) }
        let answer = try? await self.dns.lookUp(TXT.self, of: Self.name(of: domain), on: eventLoop).get()
        let seconds = min(max(answer?.ttl ?? 0, Self.seconds.least), Self.seconds.most)
        guard let answer, !answer.records.isEmpty else {
            if case .failed(let failure)? = answer?.content {
                return (fallback ?? .none("DNS: \(failure) for _mta-sts.\(domain) TXT"), seconds)
            }
            return (fallback ?? .none("_mta-sts.\(domain) has no record"), seconds)
        }
        guard let record = STSRecord(records: answer.records.map(\.text)) else {
            return (fallback ?? .none("_mta-sts.\(domain) has no record of it that can be used"), seconds)
        }
        if let kept, let fallback, kept.id == record.id {
            if kept.due <= now { self.refresh(domain, record, on: eventLoop) }
            return (fallback, seconds)
        }
        do {
            let policy = try await self.fetch(domain, record, on: eventLoop)
            return (.policy(policy, domain: domain), seconds)
        } catch {
            self.log.warning(
                "an MTA-STS policy cannot be fetched", metadata: ["domain": "\(domain)", "why": "\(error)"])
            let failure = TLSFailure(
                (error as? TLSFailure)?.kind ?? .stsPolicyFetchError,
                "the policy of \(domain) cannot be fetched: \(error)")
            return (fallback ?? .unusable(failure), Self.seconds.afterFailure)
        }
    }

    private func fetch(_ domain: String, _ record: STSRecord, on eventLoop: any EventLoop) async throws -> STSPolicy {
        let settings = self.state.withLockedValue { $0.settings }
        let policy = try await self.fetcher.policy(of: domain, settings)
        let now = self.clock.now()
        let kept = KeptPolicy(
            domain: domain, id: record.id, text: policy.text, fetched: now,
            until: now.adding(milliseconds: policy.maximumAgeSeconds * 1000))
        // A spool that cannot be written now has the policy fetched again after a restart.
        try? await self.store.keep(kept, on: eventLoop).get()
        return policy
    }

    /// Beside the mail, which goes by what is kept.
    @discardableResult
    private func refresh(
        _ domain: String, _ record: STSRecord, on eventLoop: any EventLoop
    ) -> Task<Void, Never>? {
        self.state.withLockedValue { state in
            guard state.refreshes[domain] == nil, !state.isStopped else { return state.refreshes[domain] }
            let task = Task {
                let isFetched = (try? await self.fetch(domain, record, on: eventLoop)) != nil
                self.state.withLockedValue { state in
                    state.refreshes[domain] = nil
                    if isFetched { state.known[domain] = nil }
                }
            }
            state.refreshes[domain] = task
            return task
        }
    }
}
