import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// This node among those that share its queue: it takes up what others left, lets go of what others have, and tells the queue
/// what they changed.
///
/// Facts are what it follows: each change of mail is one. What it does not hear of them, who holds which message, is compared
/// with the spool whenever another node took some over, or this one's lease was over.
final class FleetMember: Sendable {
    /// How often it looks, when it hears nothing.
    private static let interval = Duration.seconds(1)
    /// How long a message may be on its way into memory.
    private static let patience = Duration.seconds(2)
    /// Messages that it takes over, or reads, at a time.
    private static let part = 500
    private static let page = 10_000

    private struct State {
        /// The lease under which the queue was compared last.
        var lease: Int64?
        /// The last one that was on.
        var lastLease: Int64?
        /// All of the queue is to be compared, since others took messages over, or news was lost.
        var isBehind = true
        /// Standing rules are to be read.
        var hasRules = false
        /// Messages that this node holds, as the spool says, and that were not in memory then: on their way there, settled
        /// since, or brought back by an undo at another node.
        var strays: [QueueID: ContinuousClock.Instant] = [:]
        var isDraining = false
        var isFirst = true
        /// Nodes that say nothing, by number, with their names.
        var gone: [UInt8: String] = [:]
        /// What the nodes call themselves that are not forgotten.
        var present: Set<String> = []
        var isFailing = false
    }

    private let fleet: any Fleet
    private let queue: Queue
    private let shared: SharedQueue
    private let rules: RuleKeeper
    private let spoolWatch: SpoolWatch
    private let log: Logger
    private let divider: FleetDivider
    private let permits: PermitKeeper
    private let looks = Recurrence(every: FleetMember.interval)
    private let state = NIOLockedValueBox(State())

    init(_ fleet: any Fleet, queue: Queue, rules: RuleKeeper, spoolWatch: SpoolWatch, log: Logger) {
        self.fleet = fleet
        self.queue = queue
        self.shared = SharedQueue(queue: queue, node: fleet.node)
        self.rules = rules
        self.spoolWatch = spoolWatch
        self.log = log
        self.divider = FleetDivider(fleet, queue: queue, log: log)
        self.permits = PermitKeeper(fleet, queue: queue, log: log)
    }

    /// From here on it misses nothing, and has its share of what sites take, or asks for it.
    func begin() async {
        do {
            let lease = self.fleet.lease
            await self.take(try await self.fleet.look(), under: lease)
        } catch { self.failed(error) }
        let (looks, divider, permits) = (self.looks, self.divider, self.permits)
        await divider.begin()
        self.fleet.listen {
            divider.wake()
            looks.wake()
            permits.wake()
        }
    }

    /// The queue that this node left is taken up; now comes that of others.
    func start() {
        self.looks.start { await self.turns() }
        self.permits.start()
    }

    /// Takes nothing over any more, but for what it is at.
    func cancel() { self.looks.cancel() }

    /// Waits until that is over, as it may not be before the spool answers.
    func stop() async {
        await self.looks.stop()
        await self.permits.stop()
        await self.divider.stop()
    }

    /// Whether what one node alone is to do is this one's.
    var isFirst: Bool { self.state.withLockedValue { $0.isFirst } }

    /// What the nodes call themselves of which nothing is heard any more.
    var gone: [String] {
        self.state.withLockedValue { state in state.gone.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// What the nodes call themselves that share the queue, up or not.
    var present: Set<String> { self.state.withLockedValue { $0.present } }

    // MARK: a turn

    /// Until there is nothing more to do at once.
    private func turns() async {
        do {
            var isMore = true
            while isMore, !Task.isCancelled { isMore = try await self.turn() }
            self.state.withLockedValue { $0.isFailing = false }
        } catch {
            // What was told is not told again.
            self.state.withLockedValue { ($0.isBehind, $0.hasRules) = (true, true) }
            self.failed(error)
        }
    }

    /// - Returns: whether there is more to do at once.
    private func turn() async throws -> Bool {
        let lease = self.fleet.lease
        let news = try await self.fleet.look()
        let mayHaveLost = self.state.withLockedValue { state in
            state.isBehind = state.isBehind || news.hasTakeovers || lease != state.lease
            state.hasRules = state.hasRules || news.hasRules
            // Others took of this node's mail only when it drained, or its lease was over.
            return lease != state.lease || state.isDraining
        }
        if news.isDraining {
            // From here on it begins nothing more.
            await self.take(news, under: lease)
        } else if mayHaveLost {
            try await self.compare(news)
        }
        // What is read is shown with the name of its node.
        await self.queue.onLoop { self.queue.scheduler.nodesAreCalled(news.names) }
        try await self.read(news.changed)
        try await self.readStrays()
        if self.state.withLockedValue({ $0.hasRules }) {
            try await self.rules.reload()
            self.state.withLockedValue { $0.hasRules = false }
        }
        await self.take(news, under: lease)
        if news.isDraining {
            if await self.queue.onLoop({ self.queue.hasNothingUnderWay }) { try await self.fleet.letGo() }
        } else if news.hasAbsent {
            let taken = try await self.fleet.takeOver(Self.part)
            if taken.end != nil {
                await self.takeUp(taken, from: taken.former.map { Self.words($0, news.names[$0]) })
                return true
            }
        }
        // While there is mail to be had, who holds the rest can wait.
        if self.state.withLockedValue({ $0.isBehind }) { try await self.compare(news) }
        return news.isMore
    }

    private func compare(_ news: FleetNews) async throws {
        if news.names.count > 1 { try await self.compare() }
        self.state.withLockedValue { $0.isBehind = false }
    }

    /// What is still not in memory is taken up.
    private func readStrays() async throws {
        let old = self.state.withLockedValue { state in
            let old = state.strays.filter { $0.value + Self.patience < .now }.map(\.key)
            for id in old { state.strays[id] = nil }
            return old
        }
        for start in stride(from: 0, to: old.count, by: Self.part) {
            let part = Array(old[start..<min(start + Self.part, old.count)])
            let missing = await self.queue.onLoop { part.filter { !self.shared.knows($0) } }
            let messages = try await self.fleet.messages(missing).filter { $0.holder == self.fleet.node }
            let left = messages.map(\.message).filter { $0.recipients.contains { !$0.state.isSettled } }
            await self.queue.onLoop { self.shared.takenOver(left) }
        }
    }

    /// Tells who is gone, and who is back.
    private func note(_ news: FleetNews) {
        guard let numbers = news.gone else { return }
        let gone = news.names.filter { numbers.contains($0.key) }
        let before = self.state.withLockedValue { state in
            defer { state.gone = gone }
            return state.gone
        }
        guard gone != before else { return }
        for (node, name) in gone where before[node] == nil {
            self.log.warning(
                "a node says nothing any more: others take its mail", metadata: ["node": "\(Self.words(node, name))"])
        }
        for (node, name) in before where gone[node] == nil {
            self.log.notice(
                news.present.contains(node) ? "a node is no longer gone" : "a node that was gone is none any more",
                metadata: ["node": "\(Self.words(node, name))"])
        }
        self.queue.signal.raise(.queue)
    }

    private func take(_ news: FleetNews, under lease: Int64?) async {
        self.note(news)
        let (wasDraining, lastLease) = self.state.withLockedValue { state in
            defer {
                state.isDraining = news.isDraining
                state.lastLease = lease ?? state.lastLease
            }
            state.isFirst = news.isFirst
            state.present = Set(news.present.compactMap { news.names[$0] })
            state.lease = lease
            return (state.isDraining, state.lastLease)
        }
        if let lease, let lastLease, lease != lastLease {
            self.log.notice("the lease of this node was over: others may have taken its mail meanwhile")
        }
        if wasDraining != news.isDraining {
            self.spoolWatch.drains(news.isDraining)
            self.log.notice(
                news.isDraining ? "this node drains: other nodes take its mail" : "this node drains no more")
        }
        await self.queue.onLoop {
            self.queue.fleetChanged(lease: news.isDraining ? nil : lease, names: news.names)
        }
    }

    private static func words(_ node: UInt8, _ name: String?) -> String { "\(node) (\(name ?? "?"))" }

    private func takeUp(_ taken: Lease, from former: String?) async {
        self.log.info(
            "took over mail of another node",
            metadata: ["node": "\(former ?? "?")", "messages": "\(taken.messages.count)"])
        self.spoolWatch.damagedMail.found(taken.damaged, isListed: false)
        let left = taken.messages.filter { $0.recipients.contains { !$0.state.isSettled } }
        self.spoolWatch.damagedMail.found(left.compactMap(\.damage))
        await self.queue.onLoop { self.shared.takenOver(left) }
    }

    private func read(_ changed: [MessageHolder]) async throws {
        guard !changed.isEmpty else { return }
        self.queue.signal.raise(.facts)
        let (unknown, strays) = await self.queue.onLoop { self.shared.compare(changed) }
        self.state.withLockedValue { state in for id in strays { state.strays[id] = state.strays[id] ?? .now } }
        for start in stride(from: 0, to: unknown.count, by: Self.part) {
            let messages = try await self.fleet.messages(Array(unknown[start..<min(start + Self.part, unknown.count)]))
            await self.queue.onLoop { self.shared.read(messages) }
        }
    }

    /// All of the queue, page by page.
    private func compare() async throws {
        // What is accepted meanwhile is none of those that may be gone, however old its queue ID is.
        var left = try await self.queue.loop.flatSubmit { self.shared.known() }.get()
        var last: QueueID?
        while true {
            let page = try await self.fleet.holders(after: last, count: Self.page)
            guard let end = page.last else { break }
            last = end.message
            left.subtract(page.map(\.message))
            try await self.read(page)
        }
        await self.queue.onLoop { [left] in self.shared.areGone(left) }
    }

    private func failed(_ error: any Error) {
        let isFirst = self.state.withLockedValue { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        if isFirst { self.log.error("nothing is heard of other nodes", metadata: ["error": "\(error)"]) }
    }
}
