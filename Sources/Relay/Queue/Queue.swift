import HeapModule
import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Spool

/// Which recipients of which message go where, and when. One event loop owns it, the index and every
/// destination; mail comes in batches, attempts go out as jobs and come back as results.
///
/// `@unchecked Sendable`: all that changes is touched on `loop` alone; what may be called from elsewhere goes there first.
final class Queue: @unchecked Sendable {
    /// A row that is to be looked at when its time comes, unless its stamp has changed.
    struct Due: Comparable {
        var at: Int64
        var row: QueueIndex.Row
        var stamp: UInt32
        static func < (left: Due, right: Due) -> Bool { left.at < right.at }
    }

    /// An attempt under way.
    struct Attempt {
        var slot: QueueIndex.Slot
        var rows: [QueueIndex.Row]
        var destination: Destination
        var connection: OutboundConnection?
        var started: Timestamp
    }

    let loop: any EventLoop
    let spool: any Spool
    let delivery: Delivery
    let clock: Clock
    let log: Logger
    let signal: ChangeSignal
    let spoolWatch: SpoolWatch
    let node: String

    var configuration: RelayConfiguration
    private var keyring: Keyring
    var routes: RouteTable
    var schedule: RetrySchedule
    var random = SystemRandomNumberGenerator()

    var index = QueueIndex()
    var destinations: [Destination] = []
    private var destinationOf: [NextHop: QueueIndex.DestinationIndex] = [:]
    /// The domain that was asked for last, which is the next one of many too.
    private var lastRouted: (domain: String, destination: QueueIndex.DestinationIndex)?
    private var dues = Heap<Due>()
    private var dueTimer: (at: Int64, task: Scheduled<Void>)?
    /// What the clocks said when they were last compared.
    var lastLook: (now: Timestamp, steady: Int64)
    var attempts: [Int: Attempt] = [:]
    /// Which attempt an active row is part of.
    var attemptOfRow: [QueueIndex.Row: Int] = [:]
    private var lastAttempt = 0
    /// Rows that an order names which the spool has not written yet.
    var ordered: Set<QueueIndex.Row> = []
    /// Messages as they came in, so that the happy path never reads one back; an older one is read from the spool.
    var fresh = RecentValues<QueueID, SpooledMessage>(limit: 8000)
    var flow: Flow
    /// What the spool did not take yet.
    var unwritten: [Unwritten] = []
    /// Of that, what is being written again.
    var rewriting = 0
    /// Attempts are no longer begun.
    var isStopping = false

    var frozen = FrozenTargets()
    var rankings = QueueRankings()
    var census = QueueCensus()
    private let inbox = NIOLockedValueBox<[SpooledMessage]>([])

    init(
        _ configuration: RelayConfiguration, keyring: Keyring, node: String, loop: any EventLoop, spool: any Spool,
        delivery: Delivery,
        spoolWatch: SpoolWatch, clock: Clock, log: Logger, signal: ChangeSignal
    ) {
        self.configuration = configuration
        self.keyring = keyring
        self.node = node
        self.routes = RouteTable(configuration.routes)
        self.schedule = RetrySchedule(configuration.retry)
        self.loop = loop
        self.spool = spool
        self.delivery = delivery
        self.clock = clock
        self.log = log
        self.signal = signal
        self.spoolWatch = spoolWatch
        self.flow = Flow(at: clock.now())
        self.lastLook = (clock.now(), clock.steady())
    }

    var now: Timestamp { self.clock.now() }

    // MARK: from any thread

    /// A message is durable, and ours.
    func accepted(_ message: SpooledMessage) {
        let isFirst = self.inbox.withLockedValue { inbox in
            inbox.append(message)
            return inbox.count == 1
        }
        if isFirst { self.loop.execute { self.takeInbox() } }
    }

    private func takeInbox() {
        let messages = self.inbox.withLockedValue { inbox in
            defer { inbox = [] }
            return inbox
        }
        self.compareClocks()
        let now = self.now
        for message in messages {
            self.flow.received(after: now.since(message.arrived), at: now)
            self.fresh.insert(message, for: message.id)
            self.add(self.rightInTime(message, at: now))
        }
        self.signal.raise(.queue)
        self.signal.raise(.facts)
    }

    // MARK: coming in

    /// - Returns: whether it was not known before.
    @discardableResult
    func add(_ message: SpooledMessage) -> Bool {
        let destinations = message.recipients.map { self.route($0.forwardPath) }
        guard let slot = self.index.add(message, destinations: destinations, at: self.now) else { return false }
        for row in Array(self.index.rows(of: slot)) { self.plan(row) }
        self.armDeadline(of: message)
        return true
    }

    /// Where a recipient goes by the routes as they are now.
    func route(_ path: ForwardPath) -> QueueIndex.DestinationIndex {
        let domain = RouteTable.routedDomain(of: path, hostname: self.configuration.hostname)
        if let last = self.lastRouted, last.domain == domain { return last.destination }
        let destination = self.routes.nextHop(for: domain).map(self.destination) ?? QueueIndex.unrouted
        self.lastRouted = (domain, destination)
        return destination
    }

    private func destination(of hop: NextHop) -> QueueIndex.DestinationIndex {
        if let known = self.destinationOf[hop] { return known }
        let index = QueueIndex.DestinationIndex(self.destinations.count)
        self.destinations.append(Destination(hop, index: index))
        self.destinationOf[hop] = index
        self.index.addDestination()
        return index
    }

    /// Puts a row where its state says: behind the others of its destination, or to sleep until it is due.
    func plan(_ row: QueueIndex.Row) {
        let place = Int(row)
        switch self.index.states[place] {
        case .queued, .deferred:
            guard let destination = self.destination(of: row) else { return }
            if self.isDue(row, at: self.now.milliseconds) {
                if self.index.states[place] != .queued { self.index.setState(row, .queued) }
                destination.add(
                    Destination.Entry(
                        row: row, stamp: self.index.stamps[place], priority: self.index.priority(of: row)))
                self.pump(destination)
            } else {
                self.dues.insert(Due(at: self.index.due[place], row: row, stamp: self.index.stamps[place]))
                self.armDueTimer()
            }
        case .active, .hold, .relayed, .bounced, .expired, .dropped: break
        }
    }

    func destination(of row: QueueIndex.Row) -> Destination? {
        let index = self.index.destinations[Int(row)]
        return index < 0 ? nil : self.destinations[Int(index)]
    }

    private func armDueTimer() {
        guard let first = self.dues.min, !self.isStopping else { return }
        if let timer = self.dueTimer {
            guard first.at < timer.at else { return }
            timer.task.cancel()
        }
        let wait = max(first.at - self.now.milliseconds, 1)
        let task = self.loop.scheduleTask(in: .milliseconds(wait)) {
            self.dueTimer = nil
            self.takeDue()
        }
        self.dueTimer = (first.at, task)
    }

    /// The time of day jumped by so many milliseconds, and what waits still has to wait as long as before.
    func shiftDues(by jump: Int64) {
        self.dues = Heap(self.dues.unordered.map { Due(at: $0.at + jump, row: $0.row, stamp: $0.stamp) })
        self.dueTimer?.at += jump
    }

    /// A time that no retry is put off to was written while the clock was wrong.
    private func isDue(_ row: QueueIndex.Row, at now: Int64) -> Bool {
        let due = self.index.due[Int(row)]
        return due <= now || due - now > 2 * self.schedule.longest && !self.index.wasHeld(row)
    }

    /// While the machine slept no timer ran.
    func takeUp() {
        if let first = self.dues.min, first.at <= self.now.milliseconds { self.takeDue() }
        for destination in self.destinations where !destination.ready.isEmpty { self.pump(destination) }
    }

    /// So many a turn, so that a million that come due together do not hold up the loop.
    private func takeDue() {
        self.compareClocks()
        let now = self.now.milliseconds
        var budget = 10_000
        while budget > 0, let first = self.dues.min, first.at <= now {
            _ = self.dues.popMin()
            budget -= 1
            if self.index.stamps[Int(first.row)] == first.stamp { self.plan(first.row) }
        }
        self.signal.raise(.queue)
        self.armDueTimer()
    }

    // MARK: going out

    /// Begins as many attempts as the destination may have.
    func pump(_ destination: Destination) {
        // What is relayed while nothing can be written down would be relayed again after a restart.
        guard !self.isStopping, self.unwritten.isEmpty, self.rewriting == 0 else { return }
        let limit = self.configuration.delivery.connections
        while self.dropStale(destination) {
            if let connection = destination.idle.popLast() {
                self.begin(destination, on: connection)
            } else if destination.connections.count + destination.reserved
                < destination.allowed(limit: limit, at: self.now)
            {
                destination.mayProbe = false
                self.begin(destination, on: nil)
            } else {
                return
            }
        }
    }

    /// - Returns: whether a recipient is ready.
    private func dropStale(_ destination: Destination) -> Bool {
        while let first = destination.ready.first {
            if self.index.stamps[Int(first.row)] == first.stamp, !self.ordered.contains(first.row) { return true }
            _ = destination.takeFirst()
        }
        return false
    }

    /// Takes the next message and those of its recipients that can go in the same transaction.
    private func begin(_ destination: Destination, on connection: OutboundConnection?) {
        guard let first = destination.takeFirst()?.row else { return }
        let slot = self.index.rowSlot[Int(first)]
        let moved = self.index.moved(first)
        let now = self.now
        let limit = self.configuration.delivery.recipientsPerTransaction
        // In the order of the message's recipients, and the one whose turn it is in any case.
        var rows: [QueueIndex.Row] = []
        var hasFirst = false
        for row in self.index.rows(of: slot) {
            if row == first {
                hasFirst = true
            } else if rows.count == limit - (hasFirst ? 0 : 1) || self.index.states[Int(row)] != .queued
                || self.index.destinations[Int(row)] != destination.index || self.index.moved(row) != moved
                || self.ordered.contains(row) || !self.isDue(row, at: now.milliseconds)
            {
                continue
            }
            rows.append(row)
            if hasFirst, rows.count == limit { break }
        }
        self.lastAttempt += 1
        let number = self.lastAttempt
        for row in rows {
            self.index.setState(row, .active)
            self.attemptOfRow[row] = number
        }
        self.attempts[number] = Attempt(
            slot: slot, rows: rows, destination: destination, connection: connection, started: now)
        let id = self.index.id(slot)
        if let message = self.fresh[id] {
            self.start(number, message)
            return
        }
        if connection == nil { destination.reserved += 1 }
        self.loop.makeFutureWithTask { try await self.spool.message(id) }.whenComplete { result in
            if connection == nil { destination.reserved -= 1 }
            switch result {
            case .success(let message?): self.start(number, message)
            case .success(nil): self.finished(number, .unreadable("the message is no longer in the spool"))
            case .failure(let error): self.finished(number, JobResult.Verdict(unreadable: error))
            }
        }
    }

    private func start(_ number: Int, _ message: SpooledMessage) {
        guard let attempt = self.attempts[number] else { return }
        guard let recipients = self.recipients(of: message, in: attempt) else {
            return self.finished(number, .unreadable("the spool names other recipients"))
        }
        let moved = recipients.contains { $0.moved }
        let job = Job(
            number: number, message: message.id,
            transaction: ClientSession.Transaction(
                reversePath: moved ? self.movedReversePath(message.reversePath) : message.reversePath,
                parameters: message.parameters, recipients: recipients.map(\.forwardPath),
                recipientParameters: recipients.map(\.parameters), contentOctets: message.contentOctets,
                deliverBy: message.deliverBy(arrived: self.index.arrived[Int(attempt.slot)], leftAt: self.now)))
        if let connection = attempt.connection {
            connection.start(job)
        } else {
            let destination = attempt.destination
            let settings = Delivery.Settings(
                hostname: self.configuration.hostname, timeouts: self.configuration.timeouts, keyring: self.keyring)
            let connection = self.delivery.open(to: destination.nextHop, job: job, settings: settings) { event in
                self.loop.execute { self.handle(event, destination) }
            }
            destination.connections[ObjectIdentifier(connection)] = connection
            self.attempts[number]?.connection = connection
        }
        self.signal.raise(.queue)
    }

    /// Those that the attempt is for, mostly all; `nil` where one is missing.
    private func recipients(of message: SpooledMessage, in attempt: Attempt) -> [SpooledRecipient]? {
        let indices = attempt.rows.map { Int(self.index.rowIndex[Int($0)]) }
        if message.recipients.lazy.map(\.index).elementsEqual(indices) { return message.recipients }
        let wanted = Set(indices)
        let recipients = message.recipients.filter { wanted.contains($0.index) }
        return recipients.count == indices.count ? recipients : nil
    }

    /// A relay moves its own name to the front of the reverse-path (RFC 821 §3.6).
    private func movedReversePath(_ path: ReversePath) -> ReversePath {
        guard case .path(var path) = path else { return .null }
        path.route.insert(Domain(self.configuration.hostname), at: 0)
        return .path(path)
    }

    private func handle(_ event: OutboundEvent, _ destination: Destination) {
        switch event {
        case .idle(let connection):
            if self.isStopping { return connection.quit() }
            destination.idle.append(connection)
            self.pump(destination)
        case .finished(let result, _): self.finished(result)
        case .ended(let connection, _):
            destination.connections[ObjectIdentifier(connection)] = nil
            destination.idle.removeAll { $0 === connection }
            self.pump(destination)
        }
    }

    // MARK: stopping

    /// Begins nothing more, lets what is under way finish within `time`, then ends all sessions.
    func stop(within time: TimeAmount) async {
        let deadline = NIODeadline.now() + time
        await self.onLoop {
            self.isStopping = true
            self.dueTimer?.task.cancel()
            for destination in self.destinations {
                for connection in destination.connections.values { connection.quit() }
            }
        }
        while NIODeadline.now() < deadline, await self.onLoop({ !self.isQuiet }) {
            try? await Task.sleep(for: .milliseconds(20))
        }
        await self.onLoop {
            for destination in self.destinations {
                for connection in destination.connections.values { connection.abort() }
            }
        }
        let end = NIODeadline.now() + .seconds(2)
        while NIODeadline.now() < end, await self.onLoop({ !self.isQuiet }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private var isQuiet: Bool { self.attempts.isEmpty && self.destinations.allSatisfy { $0.connections.isEmpty } }

    /// Runs on the queue's loop.
    func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            self.loop.execute { continuation.resume(returning: body()) }
        }
    }

    /// The operator changed the routes: what is not under way finds its destination anew.
    func reload(_ configuration: RelayConfiguration, keyring: Keyring) {
        self.loop.execute {
            self.configuration = configuration
            self.keyring = keyring
            self.routes = RouteTable(configuration.routes)
            self.lastRouted = nil
            self.schedule = RetrySchedule(configuration.retry)
            _ = self.scan { slot in
                for row in Array(self.index.rows(of: slot)) where !self.index.states[Int(row)].isSettled {
                    self.reroute(row)
                }
            }
        }
    }

    private func reroute(_ row: QueueIndex.Row) {
        guard self.index.states[Int(row)] != .active,
            let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
        else { return }
        let destination = self.route(path)
        guard destination != self.index.destinations[Int(row)] else { return }
        self.index.setDestination(row, destination)
        self.plan(row)
    }

    /// Calls `body` for each message there is, some thousands a turn of the loop.
    func scan(_ body: @escaping (QueueIndex.Slot) -> Void) -> EventLoopFuture<Void> {
        let promise = self.loop.makePromise(of: Void.self)
        self.scan(from: 0, body, promise)
        return promise.futureResult
    }

    private func scan(
        from start: Int, _ body: @escaping (QueueIndex.Slot) -> Void, _ promise: EventLoopPromise<Void>
    ) {
        let end = min(start + 8192, self.index.ids.count)
        for place in start..<max(start, end) where self.index.ids[place] != 0 { body(QueueIndex.Slot(place)) }
        guard end < self.index.ids.count else { return promise.succeed() }
        let next = UncheckedTransfer(body)
        self.loop.execute { self.scan(from: end, next.value, promise) }
    }
}

/// Carries a closure from one turn of a loop to its next; it never leaves the loop.
struct UncheckedTransfer<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
