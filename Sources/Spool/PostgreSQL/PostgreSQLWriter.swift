import CoreMetrics
import Foundation
import Mail
import NIOCore

/// The one thread of a node that writes: what waits becomes one transaction, behind whose commit all those callers go on.
/// When a transaction fails each change is tried alone, so that a bad one fails alone.
///
/// A commit whose answer was lost with the connection is asked about on the next one, and until then nobody is told anything:
/// so nothing is accepted that the client was refused, and nothing refused that is in the queue.
///
/// Each transaction renews the node's lease; where there are none, an empty one does. A lease that was over begins anew before
/// anything else is done.
///
/// `@unchecked Sendable`: `connection`, `lease` and what is pruned are the thread's alone once it runs.
final class PostgreSQLWriter: @unchecked Sendable {
    struct Body {
        /// The messages that it reads, all in one go with those of other changes.
        var messages: [QueueID]
        /// - Returns: what to run on the caller's loop when it is committed.
        var perform: (PostgreSQLTransaction) throws -> () -> Void
    }
    private typealias Batch = ArraySlice<ChangeQueue<Body>.Change>

    /// How long nobody tries to connect after that failed.
    private static let betweenConnects = TimeAmount.milliseconds(500)
    /// How many facts are pruned at a time.
    private static let factsPruned: ClosedRange<Int64> = 1000...5000

    let watch: WatchedLink
    let term: LeaseTerm
    private let link: DatabaseLink
    private let cache: ContentCache
    private let kept: FactsKept
    private let measures: WriterMeasures
    private let queue: ChangeQueue<Body>
    private var connection: Connection?
    private var lease: NodeLease
    /// The database keeps others from the node's number while this connection lives.
    private var isLocked = true
    private var failure: (error: any Error, at: NIODeadline)?
    private var lastFact: Int64 = 0
    private var prunedFacts: Int64
    /// When it is worth while to ask again what may be pruned.
    private var nextPrune = NIODeadline.now()
    /// When the lease is renewed, if nothing is written before.
    private var nextRenewal = NIODeadline.now()

    /// How many facts stay whether or not somebody needs them, and however far behind a reader is.
    struct FactsKept: Sendable {
        var latest: Int64 = 200_000
        var forReaders: Int64 = 2_000_000
    }

    private static let pruned = Query("pruned", "SELECT pruned, last_fact FROM hoptop.counters")

    /// - Parameter connection: on which the lease was taken.
    init(
        _ connection: Connection, _ lease: NodeLease, _ term: LeaseTerm, _ link: DatabaseLink, _ cache: ContentCache,
        watch: WatchedLink, kept: FactsKept, metrics: any MetricsFactory
    ) throws {
        let found = try connection.rows(Self.pruned)
        self.prunedFacts = try found.integer(0, 0)
        self.lastFact = try found.integer(0, 1)
        self.connection = connection
        self.lease = lease
        self.term = term
        self.link = link
        self.cache = cache
        self.watch = watch
        self.kept = kept
        self.measures = WriterMeasures(on: metrics)
        self.queue = ChangeQueue(gathering: .milliseconds(5))
        let thread = Thread { self.run() }
        thread.name = "hoptop-spool"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// - Parameters:
    ///   - weight: octets of content that come with it.
    ///   - messages: that it reads.
    func submit<Value: Sendable>(
        _ urgency: ChangeUrgency = .prompt, weight: Int = 0, reading messages: [QueueID] = [], on loop: any EventLoop,
        _ body: @escaping @Sendable (PostgreSQLTransaction) throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = loop.makePromise(of: Value.self)
        let change = Body(messages: messages) { transaction in
            let value = try body(transaction)
            return { promise.succeed(value) }
        }
        self.queue.add(urgency, weight: weight, promise, change)
        return promise.futureResult
    }

    /// Writes what waits, gives the node's number back, and ends the thread.
    func close() async { await self.queue.close() }

    // MARK: on the thread

    private func run() {
        loop: while true {
            switch self.queue.next(idleAt: self.nextRenewal) {
            case .changes(let batch):
                self.write(batch)
                self.pruneFacts()
            case .idle: self.write([])
            case .closed: break loop
            }
        }
        self.term.ended()
        if let connection = self.connection { try? self.watch.watch { try self.lease.release(on: connection) } }
        self.connection = nil
        self.queue.threadEnded()
    }

    private func write(_ batch: Batch) {
        self.nextRenewal = .now() + .milliseconds(self.term.milliseconds / 6)
        do {
            let answers = try self.watch.watch { try self.transaction(batch) }
            ChangeAnswers.tell(zip(batch, answers).map { ($0.loop, $1) })
        } catch let error where batch.count > 1 && !((error as? PostgreSQLError)?.isLost ?? false) {
            for index in batch.indices { self.write(batch[index...index]) }
        } catch {
            let error = SpoolError(database: error)
            ChangeAnswers.tell(batch.map { change in (change.loop, { change.fail(error) }) })
        }
    }

    /// - Parameter isAgain: the connection turned out to be lost before anything was done on it, and was made anew.
    private func transaction(_ batch: Batch, isAgain: Bool = false) throws -> [() -> Void] {
        let begun = NIODeadline.now()
        let asked = LeaseTerm.now
        let connection = try self.connected()
        let transaction = PostgreSQLTransaction(connection, node: self.lease.node)
        var answers: [() -> Void] = []
        answers.reserveCapacity(batch.count)
        var isCommitSent = false
        do {
            try connection.add(TransactionQuery.begin)
            try self.lease.check(on: connection)
            try transaction.load(batch.flatMap(\.body.messages))
            for change in batch { answers.append(try change.body.perform(transaction)) }
            try self.lease.note(transaction.lastID, on: connection)
            try transaction.finish()
            isCommitSent = true
            let commit = try connection.rows(TransactionQuery.commit)
            guard commit.tag == "COMMIT" else { throw PostgreSQLError("the transaction was rolled back") }
        } catch let error {
            guard connection.isLost else {
                if error is NodeLease.Over, self.isLocked {
                    try self.beginLease(on: connection)
                    return try self.transaction(batch, isAgain: isAgain)
                }
                self.measures.failures.increment()
                do { try connection.rollBack() } catch { self.connection = nil }
                // Another host may be the one that can be written to by now.
                if (error as? PostgreSQLError)?.isReadOnly ?? false { self.connection = nil }
                throw error is NodeLease.Over ? NodeLease.lost(self.lease.node) : error
            }
            connection.letGo()
            self.connection = nil
            if !isCommitSent, !isAgain { return try self.transaction(batch, isAgain: true) }
            self.measures.failures.increment()
            guard isCommitSent, try self.findOut() else { throw PostgreSQLError("\(error)", isLost: true) }
        }
        self.lease.committed()
        self.term.renewed(self.lease.token, asOf: asked)
        self.lastFact = transaction.lastFact ?? self.lastFact
        if transaction.readersMoved { self.nextPrune = .now() }
        self.cache.insert(transaction.cached)
        self.cache.remove(transaction.gone)
        if !batch.isEmpty { self.measures.committed(batch.count, since: begun) }
        return answers
    }

    /// The lease was over: what others have not taken is the node's again.
    private func beginLease(on connection: Connection) throws {
        do {
            try connection.rollBack()
            let asked = LeaseTerm.now
            self.lease = try self.lease.renewed(on: connection)
            self.term.renewed(self.lease.token, asOf: asked)
        } catch {
            self.connection = nil
            throw error
        }
    }

    // MARK: the connection

    private func connected() throws -> Connection {
        if let connection = self.connection, !connection.isLost {
            // The database may have had to end the connection of before first.
            if !self.isLocked { self.isLocked = try NodeLease.lock(self.lease.node, on: connection) }
            return connection
        }
        self.connection?.letGo()
        self.connection = nil
        if let failure, failure.at + Self.betweenConnects > .now() { throw failure.error }
        do {
            let connection = try self.link.writing(watch: self.watch)
            try PostgreSQLSchema.prepare(connection)
            self.isLocked = try PostgreSQLSchema.whileKept(connection) {
                try NodeLease.lock(self.lease.node, on: connection)
            }
            self.connection = connection
            self.failure = nil
            return connection
        } catch {
            let told = (error as? PostgreSQLError).map { PostgreSQLError("\($0)", isLost: true) as any Error } ?? error
            self.failure = (told, .now())
            throw told
        }
    }

    /// Whether the transaction whose COMMIT was not answered is there. Takes as long as it takes: nothing else can be said to
    /// those who wait for it, and mail that comes meanwhile is refused since this one stands still. Only who stops does not
    /// wait, and takes it for failed: then a client may hand over again what is in the queue.
    private func findOut() throws -> Bool {
        while true {
            do { return try self.lease.wasCommitted(on: self.connected()) } catch {
                let isLost = (error as? SpoolError)?.code == .inUse
                guard !isLost, !self.queue.isClosing, !self.link.patience.isOver else { throw error }
                if self.connection?.isLost ?? false { self.connection = nil }
                Thread.sleep(forTimeInterval: 0.2)
            }
        }
    }

    // MARK: old facts

    private static let lastPrunable = Query(
        "prunable",
        """
        SELECT greatest(least(c.last_fact - $1, (SELECT coalesce(min(sequence), c.last_fact) FROM hoptop.readers)),
            c.last_fact - $2), c.pruned FROM hoptop.counters c
        """)
    private static let prune = Query("prune", "DELETE FROM hoptop.facts WHERE sequence > $1 AND sequence <= $2")
    private static let notePruned = Query(
        "note-pruned", "UPDATE hoptop.counters SET pruned = greatest(pruned, $1)")

    /// The oldest facts go, a slice at a time, so that no transaction waits long for it. What cannot be removed stays until
    /// the next try.
    private func pruneFacts() {
        guard self.lastFact - self.kept.latest - self.prunedFacts >= Self.factsPruned.lowerBound,
            self.nextPrune <= .now(),
            let connection = self.connection
        else { return }
        try? self.watch.watch {
            let found = try connection.rows(
                Self.lastPrunable, [.integer(self.kept.latest), .integer(self.kept.forReaders)])
            let (last, first) = (try found.integer(0, 0), try found.integer(0, 1))
            self.prunedFacts = first
            guard last - first >= Self.factsPruned.lowerBound else {
                // A reader still needs them.
                self.nextPrune = .now() + .seconds(1)
                return
            }
            let upTo = min(last, first + Self.factsPruned.upperBound)
            try connection.add(TransactionQuery.begin)
            try connection.add(Self.prune, [.integer(first), .integer(upTo)])
            try connection.add(Self.notePruned, [.integer(upTo)])
            do { _ = try connection.rows(TransactionQuery.commit) } catch {
                try connection.rollBack()
                throw error
            }
            self.prunedFacts = upTo
        }
    }
}
