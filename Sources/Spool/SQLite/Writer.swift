import CoreMetrics
import Foundation
import GRDB
import NIOCore

/// The one thread that writes: it takes everything that waits into one transaction, syncs once, and lets all
/// those callers go on. When a transaction fails, each change is tried alone, so that one bad change fails alone.
///
/// A sync costs the same for one change and for twenty. So while many write, changes gather for a moment before the next
/// transaction, until enough have come, or the last that is expected; who writes alone does not wait. A change that nobody
/// waits for goes with the next transaction of others.
///
/// `@unchecked Sendable`: `store` is touched by the thread alone, and what waits is behind the condition.
final class Writer: @unchecked Sendable {
    /// A change that waits, with what its caller is told.
    private struct Change {
        var loop: any EventLoop
        var weight: Int
        var urgency: Urgency
        /// - Returns: what to run on the caller's loop when it is on disk.
        var perform: (Store, Database) throws -> () -> Void
        var fail: (SpoolError) -> Void
    }

    enum Urgency: Sendable {
        /// A client waits for it, and no other change is known to come.
        case prompt
        /// A client waits for it, and others are about to come.
        case gathering
        /// Mail goes on without it.
        case patient
    }

    /// The time from the start of one transaction to the next while many write; less when ``enough`` wait.
    static let gathering = TimeAmount.milliseconds(5)
    private static let enough = 8
    /// How long those that came together are thought to be many.
    private static let memory = TimeAmount.milliseconds(20)
    /// How long a patient change waits for company.
    private static let patience = TimeAmount.milliseconds(10)
    private static let changesInTransaction = 1000
    /// Octets of content that one transaction takes.
    private static let weightOfTransaction = 32 << 20

    /// Octets of the database that stay free for what comes next: new mail need not ask the file system for them.
    static let reserve = 64 << 20
    /// Pages given back in one step, between two changes: some milliseconds.
    static let pagesInStep = 128
    private static let betweenSteps = TimeAmount.milliseconds(50)
    /// The time between two looks at how much is free.
    private static let betweenLooks = TimeAmount.seconds(1)

    let pool: DatabasePool
    let store: Store
    let reserve: Int
    private let gathering: TimeAmount
    private let measures: WriterMeasures
    private let totals = WriterTotals()
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
    private var isClosing = false
    /// The thread has ended.
    private var isClosed = false
    private var onClosed: [() -> Void] = []

    var writing: SpoolWriting { self.totals.now }
    var writes: WatchedWrites { self.store.directory.writes }

    init(
        _ pool: DatabasePool, _ store: Store, reserve: Int = Writer.reserve, gathering: TimeAmount = Writer.gathering,
        metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) {
        self.measures = WriterMeasures(on: metrics)
        self.pool = pool
        self.store = store
        self.reserve = reserve
        self.gathering = gathering
        let thread = Thread { self.run() }
        thread.name = "hoptop-spool"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// - Parameter weight: octets of content that come with it.
    func submit<Value: Sendable>(
        _ urgency: Urgency = .prompt, weight: Int = 0, on loop: any EventLoop,
        _ body: @escaping @Sendable (Store, Database) throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = loop.makePromise(of: Value.self)
        let change = Change(
            loop: loop, weight: weight, urgency: urgency,
            perform: { store, db in
                let value = try body(store, db)
                return { promise.succeed(value) }
            },
            fail: { promise.fail($0) })
        let (isClosing, isFirst) = self.condition.withLock {
            let before = (isClosing: self.isClosing, isFirst: self.waiting.isEmpty)
            if !before.isClosing { self.add(change) }
            return before
        }
        if isClosing {
            promise.fail(SpoolError(.unavailable, "the spool is closed"))
        } else if isFirst, urgency == .patient {
            loop.scheduleTask(in: Self.patience) {
                self.condition.withLock { if !self.waiting.isEmpty { self.makeDue() } }
            }
        }
        return promise.futureResult
    }

    // MARK: with the condition's lock

    private func add(_ change: Change) {
        self.totals.submitted(change.weight)
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

    private var hasGathered: Bool { self.waitedFor >= Self.enough || self.isComplete || self.isClosing }

    /// Writes what waits, then ends the thread. Who calls it again waits for that too.
    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isClosed = self.condition.withLock {
                if !self.isClosed { self.onClosed.append { continuation.resume() } }
                self.isClosing = true
                self.makeDue()
                return self.isClosed
            }
            if isClosed { continuation.resume() }
        }
    }

    // MARK: on the thread

    private func run() {
        var next = NIODeadline.now()
        var look: NIODeadline? = next
        var lastShared = NIODeadline.distantPast
        loop: while true {
            switch self.waitForChanges(until: next, idleAt: look) {
            case .changes:
                let begun = NIODeadline.now()
                let batch = self.nextBatch()
                if batch.count(where: { $0.urgency != .patient }) > 1 { lastShared = begun }
                next = begun - lastShared < Self.memory ? begun + self.gathering : begun
                self.write(batch)
                if self.store.hasOldFacts {
                    try? self.pool.writeWithoutTransaction { db in
                        try self.writes.watch { try self.store.pruneFacts(db) }
                    }
                }
                look = look ?? .now() + Self.betweenLooks
                // A steady load leaves no idle moment.
                guard let time = look, time <= .now() else { continue loop }
                self.lookAtFreePages()
                look = .now() + Self.betweenLooks
            case .idle:
                self.lookAtFreePages()
                look = self.giveBack() ? .now() + Self.betweenSteps : nil
            case .closed: break loop
            }
        }
        try? self.pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        let onClosed = self.condition.withLock {
            self.isClosed = true
            return self.onClosed
        }
        for body in onClosed { body() }
    }

    private enum Wake { case changes, idle, closed }

    /// Lets changes gather until the time has come or enough wait, then waits until something is due.
    ///
    /// - Parameter idle: when to come back although nothing is due.
    /// - Returns: `.closed` when nothing waits and nothing will.
    private func waitForChanges(until time: NIODeadline, idleAt idle: NIODeadline?) -> Wake {
        self.condition.withLock {
            self.isGathering = true
            while !self.hasGathered, self.condition.wait(until: time) {}
            self.isGathering = false
            while !self.isDue {
                if let idle {
                    if !self.condition.wait(until: idle), !self.isDue { return .idle }
                } else {
                    self.condition.wait()
                }
            }
            return self.waiting.isEmpty ? .closed : .changes
        }
    }

    private func nextBatch() -> ArraySlice<Change> {
        self.condition.withLock {
            var weight = 0
            let batch = self.waiting.prefix(Self.changesInTransaction).prefix { change in
                defer { weight += change.weight }
                return weight < Self.weightOfTransaction
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
            self.isDue = self.isClosing || !self.waiting.isEmpty
            return batch
        }
    }

    private func write(_ batch: ArraySlice<Change>) {
        do {
            let answers = try self.transaction(batch)
            for change in batch { self.totals.finished(change.weight) }
            self.answer(zip(batch, answers).map { ($0.loop, $1) })
        } catch let error where batch.count == 1 {
            if self.writes.takeInterruption() { return self.write(batch) }
            let error = SpoolError(error)
            for change in batch { self.totals.finished(change.weight) }
            self.answer(batch.map { change in (change.loop, { change.fail(error) }) })
        } catch {
            for index in batch.indices { self.write(batch[index...index]) }
        }
    }

    private func transaction(_ batch: ArraySlice<Change>) throws -> [() -> Void] {
        let begun = NIODeadline.now()
        var answers: [() -> Void] = []
        answers.reserveCapacity(batch.count)
        // First, since a transaction that cannot begin is rolled back like any other.
        self.store.begin()
        do {
            try self.pool.writeWithoutTransaction { db in
                try self.writes.watch {
                    try db.inCompiledTransaction {
                        for change in batch {
                            self.writes.movedOn()
                            answers.append(try change.perform(self.store, db))
                        }
                        self.writes.movedOn()
                        try self.store.finish(db)
                    }
                }
            }
        } catch {
            self.store.rolledBack()
            self.measures.failures.increment()
            throw error
        }
        self.store.committed()
        self.measures.committed(batch.count, since: begun)
        self.totals.committed(batch.count)
        return answers
    }

    /// One wake-up for each loop, however many wait there.
    private func answer(_ answers: [(loop: any EventLoop, body: () -> Void)]) {
        var loops: [ObjectIdentifier: (loop: any EventLoop, bodies: [() -> Void])] = [:]
        for (loop, body) in answers { loops[ObjectIdentifier(loop), default: (loop, [])].bodies.append(body) }
        for (loop, bodies) in loops.values {
            let bodies = Answers(bodies: bodies)
            loop.execute { for body in bodies.bodies { body() } }
        }
    }

    /// `@unchecked Sendable`: each closure holds a promise of the loop that it is sent to, and a value that is Sendable.
    private struct Answers: @unchecked Sendable { let bodies: [() -> Void] }
}
