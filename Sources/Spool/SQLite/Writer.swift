import Foundation
import GRDB
import NIOCore
import Synchronization

/// The one thread that writes: it takes everything that waits into one transaction, syncs once, and lets all
/// those callers go on. When a transaction fails, each change is tried alone, so that one bad change fails alone.
///
/// `@unchecked Sendable`: `store` is touched by the thread alone, and what waits is behind the condition.
final class Writer: @unchecked Sendable {
    /// A change that waits, with what its caller is told.
    private struct Change {
        var loop: any EventLoop
        var weight: Int
        /// - Returns: what to run on the caller's loop when it is on disk.
        var perform: (Store, Database) throws -> () -> Void
        var fail: (SpoolError) -> Void
    }

    private static let changesInTransaction = 1000
    /// Octets of content.
    private static let weightOfTransaction = 32 << 20

    private let pool: DatabasePool
    private let store: Store
    private let condition = NSCondition()
    private var waiting: [Change] = []
    private var isClosing = false
    private var onClosed: (() -> Void)?

    init(_ pool: DatabasePool, _ store: Store) {
        self.pool = pool
        self.store = store
        let thread = Thread { self.run() }
        thread.name = "hoptop-spool"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// - Parameter weight: octets of content that come with it.
    func submit<Value: Sendable>(
        weight: Int = 0, on loop: any EventLoop, _ body: @escaping @Sendable (Store, Database) throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = loop.makePromise(of: Value.self)
        let change = Change(
            loop: loop, weight: weight,
            perform: { store, db in
                let value = try body(store, db)
                return { promise.succeed(value) }
            },
            fail: { promise.fail($0) })
        self.condition.lock()
        let isClosing = self.isClosing
        if !isClosing {
            self.waiting.append(change)
            if self.waiting.count == 1 { self.condition.signal() }
        }
        self.condition.unlock()
        if isClosing { promise.fail(SpoolError(.unavailable, "the spool is closed")) }
        return promise.futureResult
    }

    /// Writes what waits, then ends the thread.
    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            self.condition.lock()
            let isFirst = !self.isClosing
            self.isClosing = true
            if isFirst { self.onClosed = { continuation.resume() } }
            self.condition.signal()
            self.condition.unlock()
            if !isFirst { continuation.resume() }
        }
    }

    // MARK: on the thread

    private func run() {
        while let batch = self.nextBatch() { self.write(batch) }
        try? self.pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        self.onClosed?()
    }

    private func nextBatch() -> ArraySlice<Change>? {
        self.condition.lock()
        defer { self.condition.unlock() }
        while self.waiting.isEmpty {
            if self.isClosing { return nil }
            self.condition.wait()
        }
        var weight = 0
        let batch = self.waiting.prefix(Self.changesInTransaction).prefix { change in
            defer { weight += change.weight }
            return weight < Self.weightOfTransaction
        }
        self.waiting.removeFirst(batch.count)
        return batch
    }

    private func write(_ batch: ArraySlice<Change>) {
        do {
            let answers = try self.transaction(batch)
            self.answer(zip(batch, answers).map { ($0.loop, $1) })
        } catch let error where batch.count == 1 {
            let error = SpoolError(error)
            self.answer(batch.map { change in (change.loop, { change.fail(error) }) })
        } catch {
            for index in batch.indices { self.write(batch[index...index]) }
        }
    }

    private func transaction(_ batch: ArraySlice<Change>) throws -> [() -> Void] {
        var answers: [() -> Void] = []
        answers.reserveCapacity(batch.count)
        do {
            try self.pool.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    try self.store.begin(db)
                    for change in batch { answers.append(try change.perform(self.store, db)) }
                    try self.store.finish(db)
                    return .commit
                }
            }
        } catch {
            self.store.rolledBack()
            throw error
        }
        self.store.committed()
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
