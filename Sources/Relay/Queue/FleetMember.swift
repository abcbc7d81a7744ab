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
    /// How often it looks.
    private static let interval = Duration.seconds(1)
    /// Messages that it takes over, or reads, at a time.
    private static let part = 500
    private static let page = 10_000

    private struct State {
        var task: Task<Void, Never>?
        /// The lease under which the queue was compared last.
        var lease: Int64?
        var isDraining = false
        var isFailing = false
    }

    private let fleet: any Fleet
    private let queue: Queue
    private let rules: RuleKeeper
    private let spoolWatch: SpoolWatch
    private let log: Logger
    private let state = NIOLockedValueBox(State())

    init(_ fleet: any Fleet, queue: Queue, rules: RuleKeeper, spoolWatch: SpoolWatch, log: Logger) {
        self.fleet = fleet
        self.queue = queue
        self.rules = rules
        self.spoolWatch = spoolWatch
        self.log = log
    }

    /// From here on it misses nothing.
    func begin() async {
        do { await self.take(try await self.fleet.look(), under: self.fleet.lease) } catch { self.failed(error) }
    }

    /// The queue that this node left is taken up; now comes that of others.
    func start() {
        let task = Task {
            var hasAll = false
            while !Task.isCancelled {
                do {
                    let isMore = try await self.turn(comparing: !hasAll)
                    hasAll = true
                    self.state.withLockedValue { $0.isFailing = false }
                    if isMore { continue }
                } catch { self.failed(error) }
                try? await Task.sleep(for: Self.interval)
            }
        }
        self.state.withLockedValue { $0.task = task }
    }

    /// Takes nothing over any more.
    func stop() async {
        let task = self.state.withLockedValue { $0.task }
        task?.cancel()
        await task?.value
    }

    // MARK: a turn

    /// - Parameter comparing: nothing was compared yet.
    /// - Returns: whether there is more to do at once.
    private func turn(comparing: Bool) async throws -> Bool {
        let lease = self.fleet.lease
        let news = try await self.fleet.look()
        let isNewLease = lease != self.state.withLockedValue { $0.lease }
        if news.names.count > 1, comparing || news.hasTakeovers || isNewLease { try await self.compare() }
        try await self.read(news.changed)
        if news.hasRules { await self.rules.reload() }
        await self.take(news, under: lease)
        guard !news.isDraining else { return news.isMore }
        let taken = try await self.fleet.takeOver(Self.part)
        guard taken.end != nil else { return news.isMore }
        await self.takeUp(taken)
        return true
    }

    private func take(_ news: FleetNews, under lease: Int64?) async {
        let wasDraining = self.state.withLockedValue { state in
            defer { state.isDraining = news.isDraining }
            state.lease = lease
            return state.isDraining
        }
        if wasDraining != news.isDraining {
            self.spoolWatch.drains(news.isDraining)
            self.log.notice(
                news.isDraining ? "this node drains: other nodes take its mail" : "this node drains no more")
        }
        await self.queue.onLoop {
            self.queue.fleetChanged(
                lease: news.isDraining ? nil : lease, nodes: max(1, news.live), names: news.names)
        }
    }

    private func takeUp(_ taken: Lease) async {
        self.log.info("took over mail of another node", metadata: ["messages": "\(taken.messages.count)"])
        self.spoolWatch.damagedMail.found(taken.damaged)
        let left = taken.messages.filter { $0.recipients.contains { !$0.state.isSettled } }
        await self.queue.onLoop { self.queue.takenOver(left) }
    }

    private func read(_ changed: [MessageHolder]) async throws {
        guard !changed.isEmpty else { return }
        self.queue.signal.raise(.facts)
        let unknown = await self.queue.onLoop { self.queue.compare(changed) }
        for start in stride(from: 0, to: unknown.count, by: Self.part) {
            let messages = try await self.fleet.messages(Array(unknown[start..<min(start + Self.part, unknown.count)]))
            await self.queue.onLoop { self.queue.read(messages) }
        }
    }

    /// All of the queue, page by page.
    private func compare() async throws {
        // What is accepted meanwhile is none of those that may be gone, however old its queue ID is.
        var left = try await self.queue.loop.flatSubmit { self.queue.known() }.get()
        var last: QueueID?
        while true {
            let page = try await self.fleet.holders(after: last, count: Self.page)
            guard let end = page.last else { break }
            last = end.message
            left.subtract(page.map(\.message))
            try await self.read(page)
        }
        await self.queue.onLoop { [left] in self.queue.areGone(left) }
    }

    private func failed(_ error: any Error) {
        let isFirst = self.state.withLockedValue { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        if isFirst { self.log.error("nothing is heard of other nodes", metadata: ["error": "\(error)"]) }
    }
}
