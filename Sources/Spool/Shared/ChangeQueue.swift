import NIOCore

/// How soon a change is to be written.
enum ChangeUrgency: Sendable {
    /// A client waits for it, and no other change is known to come.
    case prompt
    /// A client waits for it, and others are about to come.
    case gathering
    /// Mail goes on without it.
    case patient
}

/// Changes that wait for the one thread that writes, which takes all of them into one transaction.
///
/// A sync costs the same for one change and for twenty. So while many write, changes gather for a moment before the next
/// transaction, until enough have come, or the last that is expected; who writes alone does not wait. A change that nobody
/// waits for goes with the next transaction of others.
///
/// `@unchecked Sendable`: what waits is behind the condition; `time` and `lastShared` are the thread's alone.
final class ChangeQueue<Body>: @unchecked Sendable {
    /// A change that waits, with what its caller is told.
    struct Change {
        var loop: any EventLoop
        var weight: Int
        var urgency: ChangeUrgency
        var body: Body
        var fail: (SpoolError) -> Void
    }

    /// What the thread is to do.
    enum Wake {
        case changes(ArraySlice<Change>)
        case idle
        /// Nothing waits, and nothing will.
        case closed
    }

    private let enough = 8
    /// How long those that came together are thought to be many.
    private let memory = TimeAmount.milliseconds(20)
    /// How long a patient change waits for company.
    private let patience = TimeAmount.milliseconds(10)
    private let changesInTransaction = 1000
    /// Octets of content that one transaction takes.
    private let weightOfTransaction = 32 << 20

    private let gathering: TimeAmount
    private let condition = MonotonicCondition()
    private var waiting: [Change] = []
    /// How many of these somebody waits for.
    private var waitedFor = 0
    /// No other change is known to come.
    private var isComplete = false
    /// What waits is to be written now.
    private var isDue = false
    /// The thread sleeps until its time has come, or until enough wait.
    private var isGathering = false
    private var closing = false
    /// The thread has ended.
    private var isClosed = false
    private var onClosed: [() -> Void] = []
    /// When the next transaction may begin, while many write.
    private var time = NIODeadline.now()
    private var lastShared = NIODeadline.distantPast

    /// - Parameter gathering: the time from the start of one transaction to the next while many write; less when enough wait.
    init(gathering: TimeAmount) { self.gathering = gathering }

    /// - Parameters:
    ///   - weight: octets of content that come with it.
    ///   - promise: fails when the change does.
    func add<Value>(_ urgency: ChangeUrgency, weight: Int, _ promise: EventLoopPromise<Value>, _ body: Body) {
        let loop = promise.futureResult.eventLoop
        let change = Change(loop: loop, weight: weight, urgency: urgency, body: body, fail: { promise.fail($0) })
        let (isClosing, isFirst) = self.condition.withLock {
            let before = (closing: self.closing, isFirst: self.waiting.isEmpty)
            if !before.closing { self.add(change) }
            return before
        }
        if isClosing {
            promise.fail(SpoolError(.unavailable, "the spool is closed"))
        } else if isFirst, urgency == .patient {
            loop.scheduleTask(in: self.patience) {
                self.condition.withLock { if !self.waiting.isEmpty { self.makeDue() } }
            }
        }
    }

    /// Lets the thread do what waits, and then end. Who calls it again waits for that too.
    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isClosed = self.condition.withLock {
                if !self.isClosed { self.onClosed.append { continuation.resume() } }
                self.closing = true
                self.makeDue()
                return self.isClosed
            }
            if isClosed { continuation.resume() }
        }
    }

    /// Somebody waits for the thread to end.
    var isClosing: Bool { self.condition.withLock { self.closing } }

    // MARK: with the condition's lock

    private func add(_ change: Change) {
        self.waiting.append(change)
        guard change.urgency != .patient else { return }
        self.waitedFor += 1
        if change.urgency == .prompt { self.isComplete = true }
        self.makeDue()
    }

    private func makeDue() {
        let wakes = self.isGathering ? self.hasGathered : !self.isDue
        self.isDue = true
        if wakes { self.condition.signal() }
    }

    private var hasGathered: Bool { self.waitedFor >= self.enough || self.isComplete || self.closing }

    // MARK: on the thread

    /// Lets changes gather until the time has come or enough wait, then waits until something is due.
    ///
    /// - Parameter idle: when to come back although nothing is due.
    func next(idleAt idle: NIODeadline?) -> Wake {
        let wake = self.condition.withLock { () -> Wake in
            self.isGathering = true
            while !self.hasGathered, self.condition.wait(until: self.time) {}
            self.isGathering = false
            while !self.isDue {
                if let idle {
                    if !self.condition.wait(until: idle), !self.isDue { return .idle }
                } else {
                    self.condition.wait()
                }
            }
            return self.waiting.isEmpty ? .closed : .changes(self.takeBatch())
        }
        if case .changes(let batch) = wake {
            let begun = NIODeadline.now()
            if batch.count(where: { $0.urgency != .patient }) > 1 { self.lastShared = begun }
            self.time = begun - self.lastShared < self.memory ? begun + self.gathering : begun
        }
        return wake
    }

    private func takeBatch() -> ArraySlice<Change> {
        var weight = 0
        let batch = self.waiting.prefix(self.changesInTransaction).prefix { change in
            defer { weight += change.weight }
            return weight < self.weightOfTransaction
        }
        if batch.count == self.waiting.count {
            // Removed one by one they would be copied, since the batch holds them too.
            self.waiting = []
            self.waiting.reserveCapacity(batch.count)
            self.waitedFor = 0
            self.isComplete = false
        } else {
            self.waiting.removeFirst(batch.count)
            self.waitedFor = self.waiting.count { $0.urgency != .patient }
        }
        self.isDue = self.closing || !self.waiting.isEmpty
        return batch
    }

    /// The thread does nothing more: who closed the queue goes on.
    func threadEnded() {
        let onClosed = self.condition.withLock {
            self.isClosed = true
            return self.onClosed
        }
        for body in onClosed { body() }
    }
}

/// What callers are told, each on its own loop.
///
/// `@unchecked Sendable`: each closure holds a promise of the loop that it is sent to, and a value that is Sendable.
struct ChangeAnswers: @unchecked Sendable {
    private let bodies: [() -> Void]

    /// One wake-up for each loop, however many wait there.
    static func tell(_ answers: some Sequence<(any EventLoop, () -> Void)>) {
        var loops: [ObjectIdentifier: (loop: any EventLoop, bodies: [() -> Void])] = [:]
        for (loop, body) in answers { loops[ObjectIdentifier(loop), default: (loop, [])].bodies.append(body) }
        for (loop, bodies) in loops.values {
            let answers = ChangeAnswers(bodies: bodies)
            loop.execute { for body in answers.bodies { body() } }
        }
    }
}
