public import CoreMetrics
import Foundation
import GRDB
public import Mail
import NIOConcurrencyHelpers
public import NIOCore
public import NIOPosix

/// The spool in one SQLite file that `sqlite3` can open, with a folder for large content beside it.
public final class SQLiteSpool: Spool {
    let directory: SpoolDirectory
    private let pool: DatabasePool
    let writer: Writer
    private let cache: ContentCache
    let recentFacts: RecentFacts
    let threads: NIOThreadPool
    /// Messages of which damage keeps their drops from being forgotten.
    private let unpurgeable = NIOLockedValueBox<Set<QueueID>>([])
    private let identifiers: NIOLockedValueBox<QueueIDGenerator>

    /// Opens the spool, or makes one.
    ///
    /// - Parameters:
    ///   - node: this node's share of the queue IDs.
    ///   - threads: reads happen there.
    ///   - metrics: where its transactions are counted.
    /// - Throws: `.inUse`, `.newerVersion`, `.notWritable`, `.damaged`; nothing is changed then.
    public convenience init(
        directory: String, node: UInt8 = 0, threads: NIOThreadPool,
        metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) throws(SpoolError) {
        try self.init(directory: directory, node: node, threads: threads, maximumPages: nil, metrics: metrics)
    }

    /// - Parameters:
    ///   - maximumPages: of the database; what is more is a full disk.
    ///   - reserve: octets inside the database that are not given back to the file system.
    ///   - gathering: how long changes wait for those that are about to come.
    ///   - store: makes the writer's.
    init(
        directory path: String, node: UInt8, threads: NIOThreadPool, maximumPages: Int?, reserve: Int = Writer.reserve,
        gathering: TimeAmount = Writer.gathering, metrics: any MetricsFactory = NOOPMetricsHandler.instance,
        store: (SpoolDirectory, ContentCache) -> Store = { Store($0, $1) }
    ) throws(SpoolError) {
        self.directory = try SpoolDirectory(path)
        self.threads = threads
        self.cache = ContentCache()
        let store = store(self.directory, self.cache)
        self.recentFacts = store.recentFacts
        do {
            self.pool = try Self.open(self.directory, maximumPages: maximumPages)
            try self.pool.write { db in try Schema.migrate(db) }
            try? self.pool.writeWithoutTransaction { db in try Schema.addMissing(db) }
            // Where a damaged page was met a transaction cannot be ended, also when nothing came of it.
            let last = try self.pool.writeWithoutTransaction { db in try store.load(db) }
            try self.directory.syncNames()
            self.directory.rememberPlace()
            self.identifiers = NIOLockedValueBox(QueueIDGenerator(node: node, after: last))
            let pool = self.pool
            let directory = self.directory
            try pool.unsafeRead { db in
                let salvage = Salvage(db: db, directory: directory)
                try directory.sweep { id in try salvage.mayNeed(id) }
            }
        } catch {
            self.directory.unlock()
            throw Self.openingError(error, path)
        }
        self.writer = Writer(self.pool, store, reserve: reserve, gathering: gathering, metrics: metrics)
    }

    private static func open(_ directory: SpoolDirectory, maximumPages: Int?) throws -> DatabasePool {
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = 3
        // Somebody's sqlite3 may hold the lock for a moment.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            guard !db.configuration.readonly else { return }
            try Schema.refuseNewer(db, directory)
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            if version == 0 {
                try Schema.prepare(db)
            } else {
                // GRDB makes a table and drops it where there is no log yet, whose root has to lie where some page lies: if
                // that one is damaged, the spool cannot be opened. This begins a log and moves nothing.
                try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA user_version = \(version)")
            }
            // Debian builds SQLite to overwrite what is deleted, which would write each relayed content a second time. A
            // long log is folded back seldom, and then holds many pages that were written again meanwhile.
            try db.execute(
                sql: """
                    PRAGMA secure_delete = OFF; PRAGMA cache_size = -8000;
                    PRAGMA wal_autocheckpoint = \(SpoolDirectory.logPages(at: directory.path));
                    """)
            if let maximumPages { try db.execute(sql: "PRAGMA max_page_count = \(maximumPages)") }
        }
        let pool = try DatabasePool(path: directory.database, configuration: configuration)
        try pool.writeWithoutTransaction { db in
            // The pool has chosen NORMAL for itself, which syncs at checkpoints alone: a power cut would take what a 250
            // has promised. FULL syncs each commit.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                throw SpoolError(.unavailable, "the spool's database does not sync its commits")
            }
        }
        return pool
    }

    private static func openingError(_ error: any Error, _ path: String) -> SpoolError {
        guard let error = error as? DatabaseError else { return SpoolError(error) }
        switch error.resultCode {
        case .SQLITE_NOTADB:
            return SpoolError(
                .damaged, "\(path)/spool.sqlite is not a spool: move it away or name another with --spool DIRECTORY")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM:
            return SpoolError(
                .notWritable, "the spool \(path) cannot be written: name another with --spool DIRECTORY")
        default: return SpoolError(error)
        }
    }

    public var policies: any PolicyStore { SQLitePolicies(spool: self) }
    public var tallies: any TallyStore { SQLiteTallies(spool: self) }

    // MARK: changes

    public func nextID(at now: Timestamp) -> QueueID { self.identifiers.withLockedValue { $0.next(at: now) } }

    public func newContentFile(for id: QueueID) -> any StreamedContent { ContentFile(self.directory, id) }

    public func accept(
        _ message: NewMessage, expectingMore: Bool, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let packed = PackedMessage(message)
        let urgency: ChangeUrgency = expectingMore ? .gathering : .prompt
        return self.writer.submit(urgency, weight: packed.weight, on: eventLoop) { store, db in
            store.takesMail = true
            try store.insert(packed, db)
        }
    }

    public func settle(_ settlements: [Settlement], on eventLoop: any EventLoop) -> EventLoopFuture<[Settled]> {
        var reports: [QueueID: PackedMessage] = [:]
        for settlement in settlements {
            for report in settlement.reports { reports[report.message.id] = PackedMessage(report) }
        }
        return self.writer.submit(.patient, on: eventLoop) { [reports] store, db in
            try settlements.map { try store.settle($0, reports, db) }
        }
    }

    public func apply(
        _ order: Order, on targets: [RecipientTarget], on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.writer.submit(on: eventLoop) { store, db in try store.apply(order, on: targets, db) }
    }

    public func undo(
        _ token: Int64, after id: QueueID?, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.writer.submit(on: eventLoop) { store, db in try store.undo(token, after: id, at: now, by: actor, db) }
    }

    public func purge(at time: Timestamp, by order: PurgeOrder?, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        self.purge(at: time, by: order, on: eventLoop, tries: 5)
    }

    /// - Parameter tries: each may find what is damaged, for the next to leave it out: a page can be emptied until it would
    ///   have to be joined with a damaged one.
    private func purge(
        at time: Timestamp, by order: PurgeOrder?, on eventLoop: any EventLoop, tries: Int
    ) -> EventLoopFuture<Bool> {
        self.threads.runIfActive(eventLoop: eventLoop) {
            let without = self.unpurgeable.withLockedValue { $0 }
            do {
                // Not inside the writer's transaction, which could not be committed after damage was met.
                return try self.pool.unsafeRead { db in try Store.purgeable(at: time, without: without, db) }
            } catch { throw SpoolError(error) }
        }.flatMap { messages in
            guard !messages.isEmpty else { return eventLoop.makeSucceededFuture(false) }
            return self.writer.submit(on: eventLoop) { store, db in
                let damage = try store.purge(messages, at: time, by: order, db)
                self.unpurgeable.withLockedValue { $0.formUnion(damage.keys) }
                if let error = damage.values.first { throw error }
                return messages.count == Store.messagesInPart
            }
        }.flatMapError { error in
            tries > 1 && (error as? SpoolError)?.code == .damaged
                ? self.purge(at: time, by: order, on: eventLoop, tries: tries - 1) : eventLoop.makeFailedFuture(error)
        }
    }

    public func set(
        _ terms: StandingRule.Terms, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule> {
        self.writer.submit(on: eventLoop) { store, db in try store.set(terms, at: now, by: actor, db) }
    }

    public func end(
        rule id: Int64, at now: Timestamp, by actor: String?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule?> {
        self.writer.submit(on: eventLoop) { store, db in try store.end(rule: id, at: now, by: actor, db) }
    }

    public func note(_ facts: [Fact], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { store, db in
            for fact in facts { try store.insert(SharedFact(fact: fact), db) }
        }
    }

    // MARK: reads

    public func content(of id: QueueID, on eventLoop: any EventLoop) -> EventLoopFuture<any ContentSource> {
        if let buffer = self.cache[id] { return eventLoop.makeSucceededFuture(BufferedContent(buffer: buffer)) }
        return self.threads.runIfActive(eventLoop: eventLoop) { try self.storedContent(of: id) }
    }

    private func storedContent(of id: QueueID) throws(SpoolError) -> any ContentSource {
        let stored: StoredRow?
        do { stored = try self.pool.unsafeRead { db in try StoredRow.fetch(db, id) } } catch {
            throw SpoolError(error, id, reading: true)
        }
        let content: any ContentSource
        if let octets = stored?.octets {
            if let digest = stored?.digest, digest != Digest.of(octets) { throw .changedContent(of: id) }
            content = BufferedContent(buffer: octets)
        } else {
            content = try FileContent(self.directory, id, digest: stored?.digest, threads: self.threads)
        }
        if let count = stored?.count, count != content.octets {
            throw SpoolError(
                .damaged, "the content of \(id) has \(content.octets) octets instead of \(count)", queueID: id)
        }
        return content
    }

    public func message(_ id: QueueID) async throws -> SpooledMessage? {
        try await self.read { db in try SpooledMessage.fetch(db, id) }
    }

    /// The lease is endless: the lock on the directory keeps every other process out.
    public func lease(after id: QueueID?, count: Int) async throws -> Lease {
        try await self.read { db in
            try Salvage(db: db, directory: self.directory).lease(after: id, count: count)
        }
    }

    public func facts(after cursor: FactCursor, count: Int) async throws -> FactPage {
        let start = try cursor.sequence
        if let (rows, end) = self.recentFacts.facts(after: start, count: count) {
            return FactPage(rows: rows, end: rows.isEmpty ? cursor : FactCursor(sequence: end))
        }
        return try await self.read { db in
            let facts = try Salvage(db: db, directory: self.directory).facts(after: start, count: count)
            guard let end = facts.last?.sequence else { return FactPage([], end: cursor) }
            let (passed, overflow) = end.subtractingReportingOverflow(start)
            let missing = overflow ? .max : Int(passed) - facts.count
            return FactPage(facts.map(\.fact), end: FactCursor(sequence: end), missing: missing)
        }
    }

    public func newestFacts(count: Int) async throws -> FactPage {
        if let (rows, end) = self.recentFacts.newest(count: count) {
            return FactPage(rows: rows, end: FactCursor(sequence: end))
        }
        return try await self.read { db in
            let facts = try Salvage(db: db, directory: self.directory).newestFacts(count: count)
            let end = try facts.last?.sequence ?? Salvage.highestFact(db)
            return FactPage(facts.map(\.fact), end: FactCursor(sequence: end))
        }
    }

    public func undoable(at now: Timestamp) async throws -> [UndoableDrop] {
        try await self.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT token, count(*) AS recipients, count(DISTINCT message) AS messages, max(until) AS until,
                    min(message) AS first FROM dropped WHERE until >= ? GROUP BY token ORDER BY max(until), token
                    """, arguments: [now.milliseconds]
            ).map { row in
                let facts = try Salvage(db: db, directory: self.directory).facts(of: QueueID(rawValue: row["first"]))
                return UndoableDrop(
                    token: row["token"], recipients: row["recipients"], messages: row["messages"],
                    until: Timestamp(milliseconds: row["until"]), actor: facts.last { $0.kind == .dropped }?.actor)
            }
        }
    }

    public func rules() async throws -> KeptRules { try await self.read { db in try KeptRules(db) } }

    public func acknowledge(
        _ cursor: FactCursor, as reader: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { store, db in try store.acknowledge(cursor.sequence, as: reader, db) }
    }

    public func acknowledged(by reader: String) async throws -> FactCursor? {
        try await self.read { db in
            try Row.fetchOne(db, sql: "SELECT sequence FROM readers WHERE name = ?", arguments: [reader])
                .map { FactCursor(sequence: try $0.checked("sequence")) }
        }
    }

    public func forget(reader: String, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { store, db in try store.forget(reader: reader, db) }
    }

    public func facts(of id: QueueID) async throws -> [Fact] {
        try await self.read { db in try Salvage(db: db, directory: self.directory).facts(of: id) }
    }

    public func counters() async throws -> Counters {
        try await self.read { db in try Row.fetchOne(db, sql: "SELECT * FROM counters").map(Counters.init) ?? Counters()
        }
    }

    /// No transaction is begun, whose statements GRDB would compile each time.
    ///
    /// - Parameter body: one SELECT, or several that need not see the same moment.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do { return try await self.pool.unsafeRead(body) } catch { throw SpoolError(error, reading: true) }
    }

    public func close() async {
        await self.writer.close()
        self.recentFacts.forgetAll()
        try? self.pool.close()
        self.directory.unlock()
    }
}

extension FactCursor {
    fileprivate init(sequence: Int64) { self.init(sequence > 0 ? "\(sequence)" : Self.start.description) }

    /// The sequence of the fact before the place.
    fileprivate var sequence: Int64 {
        get throws(SpoolError) {
            if self == .start { return 0 }
            guard let sequence = Int64(self.description), sequence > 0 else {
                throw SpoolError(.foreign, "\(self.description) is no place among this spool's facts")
            }
            return sequence
        }
    }
}
