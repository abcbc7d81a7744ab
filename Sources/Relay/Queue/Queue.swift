import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import Spool

/// Drives the scheduler: carries what happens in delivery and spool to it, and does what it says. It decides nothing about
/// mail.
///
/// `@unchecked Sendable`: all that changes is touched on `loop` alone; what may be called from elsewhere goes there first.
final class Queue: @unchecked Sendable {
    /// How long what sessions brought about may take to be written, when they have ended since the relay does.
    static let lastWrites = TimeAmount.seconds(2)

    let loop: any EventLoop
    let spool: any Spool
    let node: String
    let signal: ChangeSignal
    let delivery: Delivery
    let clock: Clock
    let log: Logger
    let spoolWatch: SpoolWatch
    let rules: StandingRules
    /// Looks at a message that standing rules may have missed.
    var looksAgain: (QueueID) -> Void = { _ in }
    /// Permits are to be asked for.
    var asksForPermits: () -> Void = {}

    var scheduler: Scheduler
    private var clocks: ClockComparison
    var random = SystemRandomNumberGenerator()
    private(set) var keyring: Keyring
    let writer: SettlementWriter
    /// Sessions by the numbers that the scheduler gave them.
    var connections: [Int: OutboundConnection] = [:]
    let fleet: (any Fleet)?
    /// The lease under which what is in memory was compared with what the spool says that this node holds.
    private(set) var lease: Int64?
    /// Messages as they came in, so that the happy path never reads one back; an older one is read from the spool.
    var fresh = RecentValues<QueueID, SpooledMessage>(limit: 8000)
    /// What waits for a settlement to be written: how many recipients it really changed.
    var waiting: [Int: EventLoopPromise<Int>] = [:]
    private var timer: (at: Timestamp, task: Scheduled<Void>)?
    private var isRunning = false
    private var isWatchingClocks = false
    /// The index's version when watchers were last told that it had changed.
    private var lastVersion = 0
    var flow: Flow
    var bounces = RecentBounces()
    private let inbox = NIOLockedValueBox<[SpooledMessage]>([])

    init(
        _ configuration: RelayConfiguration, keyring: Keyring, node: String, loop: any EventLoop, spool: any Spool,
        delivery: Delivery, spoolWatch: SpoolWatch, rules: StandingRules, clock: Clock, log: Logger,
        signal: ChangeSignal
    ) {
        self.loop = loop
        self.spool = spool
        self.fleet = spool.fleet
        self.lease = spool.fleet?.lease
        self.node = node
        self.signal = signal
        self.delivery = delivery
        self.clock = clock
        self.log = log
        self.spoolWatch = spoolWatch
        self.rules = rules
        self.scheduler = Scheduler(configuration, sharing: spool.fleet != nil, at: clock.now())
        self.clocks = ClockComparison(clock)
        self.keyring = keyring
        self.writer = SettlementWriter(
            ReportWriter(spool: spool, rules: rules, clock: clock, loop: loop, log: log), configuration, spool: spool,
            spoolWatch: spoolWatch, clock: clock, loop: loop)
        self.flow = Flow(at: clock.now())
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

    /// The operator changed the configuration.
    func reload(_ configuration: RelayConfiguration, keyring: Keyring) {
        self.loop.execute {
            self.keyring = keyring
            self.writer.configuration = configuration
            self.tell { $0.routesChanged(configuration, at: $1) }
        }
    }

    /// Runs on the queue's loop.
    func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            self.loop.execute { continuation.resume(returning: body()) }
        }
    }

    // MARK: the scheduler, on the loop

    /// Tells what happened, then does what there is to do.
    func tell<Result>(_ event: (inout Scheduler, Timestamp) -> Result) -> Result {
        let now = self.look()
        let result = event(&self.scheduler, now)
        self.run()
        return result
    }

    func run() {
        guard !self.isRunning else { return }  // The loop below goes on by itself.
        self.isRunning = true
        while let action = self.scheduler.next() { self.run(action) }
        self.isRunning = false
        self.watchClocks()
        guard self.scheduler.index.version != self.lastVersion else { return }
        self.lastVersion = self.scheduler.index.version
        self.signal.raise(.queue)
    }

    private func run(_ action: Scheduler.Action) {
        switch action {
        case .resolve(let question, let place): self.resolve(question, place)
        case .begin(let attempt, let id, let session, let isNew): self.begin(attempt, id, on: session, isNew: isNew)
        case .settle(let number, let id, let outcomes):
            if self.isOrderedElsewhere(outcomes, of: id) {
                self.bounceAsOrdered(number, outcomes, of: id)
            } else {
                self.settle(number, outcomes, of: id)
            }
        case .read(let id): self.refresh(id)
        case .forget(let id):
            self.fresh.remove(id)
            self.spoolWatch.damagedMail.isOver(id)
        case .quit(let session): self.connections[session]?.quit()
        case .leave(let session): self.connections[session]?.leave()
        case .purge: self.purge()
        case .askForPermits: self.asksForPermits()
        case .wake(let at): self.wake(at)
        }
    }

    /// The time, after what waits was moved with the clock if that jumped; and whether this node's lease goes on.
    func look() -> Timestamp {
        self.looksAtLease()
        let (now, jump) = self.clocks.look()
        if let jump {
            self.log.warning(
                "the time of day jumped; what waits goes on waiting", metadata: ["seconds": "\(jump / 1000)"])
            self.scheduler.clockJumped(by: jump, to: now)
            if let timer = self.timer { self.timer?.at = timer.at.adding(milliseconds: jump) }
            self.flow = Flow(at: now)
        }
        return now
    }

    /// Looks at the clocks now and then. Without mail there is nothing that could be late.
    private func watchClocks() {
        guard !self.isWatchingClocks, self.scheduler.index.messages > 0, !self.scheduler.isStopping else { return }
        self.isWatchingClocks = true
        self.loop.scheduleTask(in: self.clock.pause) {
            self.isWatchingClocks = false
            self.tell { $0.timePassed(at: $1) }
        }
    }

    private func wake(_ at: Timestamp) {
        if let timer = self.timer {
            guard timer.at != at else { return }
            timer.task.cancel()
        }
        let wait = max(at.since(self.now), 0)
        let task = self.loop.scheduleTask(in: .milliseconds(wait)) {
            self.timer = nil
            self.tell { $0.timePassed(at: $1) }
        }
        self.timer = (at, task)
    }

    // MARK: coming in

    private func takeInbox() {
        let messages = self.inbox.withLockedValue { inbox in
            defer { inbox = [] }
            return inbox
        }
        self.tell { scheduler, now in
            for message in messages {
                self.flow.received(
                    from: message.arrival.client, octets: message.contentOctets, after: now.since(message.arrived),
                    at: now)
                self.fresh.insert(message, for: message.id)
                scheduler.accepted(ClockComparison.rightInTime(message, at: now), at: now)
            }
        }
        self.lookAgain(at: messages)
        self.noteUnrouted(messages)
        self.signal.raise(.facts)
    }

    /// What no route takes is never tried, and no attempt tells of it: that it waits, and why, is told when it comes in.
    private func noteUnrouted(_ messages: [SpooledMessage]) {
        var facts: [Fact] = []
        for message in messages {
            guard let slot = self.scheduler.index.slot(of: message.id) else { continue }
            for row in self.scheduler.index.rows(of: slot) {
                guard self.scheduler.index.destinations[Int(row)] == QueueIndex.unrouted,
                    self.scheduler.index.states[Int(row)] != .hold,
                    let domain = self.scheduler.backlog.unroutedDomain(row)
                else { continue }
                var fact = Fact(
                    at: self.now, kind: .deferred, message: message.id,
                    recipient: Int(self.scheduler.index.rowIndex[Int(row)]),
                    from: message.reversePath.description, to: self.scheduler.index.forwardPath(row),
                    text: RouteTable.missingRoute(domain), contentOctets: message.contentOctets)
                fact.saidBy = .relay
                facts.append(fact)
            }
        }
        guard !facts.isEmpty else { return }
        // A spool that fails has other worries, and is told of them.
        self.spool.note(facts, on: self.loop).whenSuccess { self.signal.raise(.facts) }
    }

    /// A message is not as it came in any more.
    func hasChanged(_ id: QueueID) { self.fresh.remove(id) }

    /// Looks at those that standing rules may have missed.
    func lookAgain(at messages: some Sequence<SpooledMessage>) {
        for message in messages where self.rules.misses(message, at: self.now) { self.looksAgain(message.id) }
    }

    /// What an earlier run left.
    func add(_ messages: [SpooledMessage]) {
        self.tell { scheduler, now in for message in messages { scheduler.accepted(message, at: now) } }
    }

    /// Makes the scheduler know a message as the spool does.
    ///
    /// - Returns: completes when it does, or could not be read and is looked at again later.
    @discardableResult
    func refresh(_ id: QueueID, isFirst: Bool = true) -> EventLoopFuture<Void> {
        let read = self.loop.makeFutureWithTask { try await self.read(id) }.always { result in
            switch result {
            case .success(let (message, holder)):
                self.fresh.remove(id)
                self.tell { scheduler, now in
                    // Who has one that is in memory, ``FleetMember`` tells: by now it may be another than when it was read.
                    let known = scheduler.index.slot(of: id).map { scheduler.index.holders[Int($0)] }
                    scheduler.messageRead(id, message, holder: known ?? holder, at: now)
                }
                // What comes back by an undo may be held by a rule that has ended meanwhile.
                if message?.recipients.contains(where: { $0.heldUnder != nil }) == true { self.looksAgain(id) }
            case .failure(let error as SpoolError) where error.code == .damaged:
                self.fresh.remove(id)
                let isListed = self.scheduler.index.slot(of: id) != nil
                self.spoolWatch.damagedMail.found([Damage(id, "\(error)")], isListed: isListed)
                self.tell { scheduler, _ in scheduler.messageDamaged(id, "\(error)") }
            case .failure(let error):
                if isFirst {
                    self.log.error("a message could not be read", metadata: ["message": "\(id)", "error": "\(error)"])
                }
                guard !self.scheduler.isStopping else { return }
                self.loop.scheduleTask(in: .seconds(2)) { self.refresh(id, isFirst: false) }
            }
        }
        return read.map { _ in }.recover { _ in }
    }

    /// A message as the spool has it, with the other node that holds it.
    func read(_ id: QueueID) async throws -> (SpooledMessage?, UInt8?) {
        guard let message = try await self.spool.message(id) else { return (nil, nil) }
        guard let fleet = self.fleet, let held = try await fleet.messages([id]).first else { return (message, nil) }
        return (held.message, held.holder == fleet.node ? nil : held.holder)
    }

    // MARK: other nodes

    /// How this node stands among those that share the queue.
    ///
    /// - Parameter lease: under which it may begin attempts; `nil`: it may not.
    func fleetChanged(lease: Int64?, names: [UInt8: String]) {
        // What it had under another one others may have by now.
        if let lease, lease != self.lease { self.scheduler.leaseEnded(now: lease) }
        self.lease = lease
        self.tell { scheduler, now in
            scheduler.nodesAreCalled(names)
            scheduler.fleetChanged(mayBegin: self.lease != nil, at: now)
        }
    }

    /// - Returns: whether the lease goes on, or none is needed. Where it was over, or has not been on yet, others may have what is
    ///   in memory, and nothing begins, or is returned, until ``FleetMember`` has found out.
    @discardableResult
    func looksAtLease() -> Bool {
        guard let fleet = self.fleet else { return true }
        let lease = fleet.lease
        if let lease, lease == self.lease { return true }
        if self.lease != nil {
            self.lease = nil
            for connection in self.connections.values { connection.leaseEnded() }
        }
        self.scheduler.leaseEnded(now: lease)
        return false
    }

    var hasNothingUnderWay: Bool { self.scheduler.isQuiet }

    private func purge() {
        self.spool.purge(at: self.now, on: self.loop).whenSuccess { isMore in
            if isMore, !self.scheduler.isStopping { self.purge() }
        }
    }

    // MARK: stopping

    /// Begins nothing more, lets what is under way finish within `time`, then ends all sessions.
    func stop(within time: TimeAmount) async {
        let deadline = NIODeadline.now() + time
        await self.onLoop {
            self.writer.isStopping = true
            self.timer?.task.cancel()
            self.tell { scheduler, _ in scheduler.stopped() }
        }
        while NIODeadline.now() < deadline, await self.onLoop({ !self.scheduler.isQuiet }) {
            try? await Task.sleep(for: .milliseconds(20))
        }
        await self.onLoop { for connection in self.connections.values { connection.abort() } }
        let end = NIODeadline.now() + Self.lastWrites
        while NIODeadline.now() < end, await self.onLoop({ !self.scheduler.isQuiet }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: looking through it

    /// A part of the queue, such that mail does not wait for whoever looks through it.
    static let slotsInTurn = 8192

    /// Calls `body` for each message there is, some thousands a turn of the loop.
    func scan(_ body: @escaping (QueueIndex.Slot) -> Void) -> EventLoopFuture<Void> {
        self.scan(parts: { part in
            for place in part where self.scheduler.index.ids[place] != 0 { body(QueueIndex.Slot(place)) }
        })
    }

    /// - Parameter body: is told the places of slots, free ones among them, some thousand at a time.
    func scan(parts body: @escaping (Range<Int>) -> Void) -> EventLoopFuture<Void> {
        let promise = self.loop.makePromise(of: Void.self)
        self.scan(from: 0, body, promise)
        return promise.futureResult
    }

    private func scan(from start: Int, _ body: @escaping (Range<Int>) -> Void, _ promise: EventLoopPromise<Void>) {
        let end = min(start + Self.slotsInTurn, self.scheduler.index.ids.count)
        body(start..<max(start, end))
        guard end < self.scheduler.index.ids.count else { return promise.succeed() }
        self.loop.assumeIsolated().execute { self.scan(from: end, body, promise) }
    }
}
