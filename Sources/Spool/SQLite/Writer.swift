import CoreMetrics
import Foundation
import GRDB
import NIOCore

/// The one thread that writes: it takes everything that waits into one transaction, syncs once, and lets all
/// those callers go on. When a transaction fails, each change is tried alone, so that one bad change fails alone.
///
/// `@unchecked Sendable`: `store` is touched by the thread alone.
final class Writer: @unchecked Sendable {
    /// - Returns: what to run on the caller's loop when it is on disk.
    typealias Body = (Store, Database) throws -> () -> Void
    private typealias Batch = ArraySlice<ChangeQueue<Body>.Change>

    /// The time from the start of one transaction to the next while many write; less when enough wait.
    static let gathering = TimeAmount.milliseconds(5)

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
    private let measures: WriterMeasures
    private let totals = WriterTotals()
    private let queue: ChangeQueue<Body>

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
        self.queue = ChangeQueue(gathering: gathering)
        let thread = Thread { self.run() }
        thread.name = "hoptop-spool"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// - Parameter weight: octets of content that come with it.
    func submit<Value: Sendable>(
        _ urgency: ChangeUrgency = .prompt, weight: Int = 0, on loop: any EventLoop,
        _ body: @escaping @Sendable (Store, Database) throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = loop.makePromise(of: Value.self)
        self.totals.submitted(weight)
        self.queue.add(
            urgency, weight: weight, promise,
            { store, db in
                let value = try body(store, db)
                return { promise.succeed(value) }
            })
        return promise.futureResult
    }

    /// Writes what waits, then ends the thread. Who calls it again waits for that too.
    func close() async { await self.queue.close() }

    // MARK: on the thread

    private func run() {
        var look: NIODeadline? = .now()
        loop: while true {
            switch self.queue.next(idleAt: look) {
            case .changes(let batch):
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
        self.queue.threadEnded()
    }

    private func write(_ batch: Batch) {
        do {
            let answers = try self.transaction(batch)
            for change in batch { self.totals.finished(change.weight) }
            ChangeAnswers.tell(zip(batch, answers).map { ($0.loop, $1) })
        } catch let error where batch.count == 1 {
            if self.writes.takeInterruption() { return self.write(batch) }
            let error = SpoolError(error)
            for change in batch { self.totals.finished(change.weight) }
            ChangeAnswers.tell(batch.map { change in (change.loop, { change.fail(error) }) })
        } catch {
            for index in batch.indices { self.write(batch[index...index]) }
        }
    }

    private func transaction(_ batch: Batch) throws -> [() -> Void] {
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
                            answers.append(try change.body(self.store, db))
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
}
