import GRDB
import Glibc
import Mail
import NIOCore
import SMTP

/// The statements of one writer, and what it remembers so that it need not read back what it wrote a moment ago.
///
/// Used by the writer's thread alone, between ``begin()`` and ``committed()`` or ``rolledBack()``.
final class Store {
    /// How many facts are pruned at a time.
    private static let factsPruned: ClosedRange<Int64> = 1000...5000
    private let factsKept: Int64
    /// However far behind a reader is: about a gigabyte, so that one that stands still does not fill the disk.
    private let factsKeptForReaders: Int64

    let directory: SpoolDirectory
    let recentFacts: RecentFacts
    private let cache: ContentCache

    /// What each transaction writes down at its end, and readers' places.
    private struct Totals {
        var counters = Counters()
        var lastID: Int64 = 0
        var lastFact: Int64 = 0
        /// The last fact that each reader has acknowledged; `nil`: that cannot be read, and so nothing is pruned.
        var readers: [String: Int64]? = [:]
    }
    private var totals = Totals()
    private var committedTotals = Totals()
    private var prunedFacts: Int64 = 0
    /// Messages as their rows are, weighed by their recipients.
    private var fresh = RecentValues<QueueID, SpooledMessage>(limit: 20_000) { max($0.recipients.count, 1) }
    /// Messages that a drop keeps, since it may be taken back.
    private var undoable: Set<QueueID> = []

    // What the transaction under way has done.
    /// The statement that inserts facts, looked up once for all of them.
    private var factInsertion: Statement?
    private var newFacts: [RecentFacts.Row] = []
    private var touched: [QueueID] = []
    private var cached: [(QueueID, ByteBuffer)] = []
    private var gone: [(id: QueueID, isFile: Bool)] = []
    private var undoableChanges: [(id: QueueID, was: Bool)] = []
    private var mustSyncContent = false
    /// New mail comes with it, which has to be where the next start looks for it.
    var takesMail = false

    /// - Parameters:
    ///   - factsKept: the latest; older ones go when no reader needs them.
    ///   - factsKeptForReaders: the latest; older ones go whoever needs them.
    init(
        _ directory: SpoolDirectory, _ cache: ContentCache, factsKept: Int64 = 200_000,
        factsKeptForReaders: Int64 = 2_000_000
    ) {
        self.directory = directory
        self.recentFacts = RecentFacts(limit: min(10_000, Int(factsKept)))
        self.factsKept = factsKept
        self.factsKeptForReaders = factsKeptForReaders
        self.cache = cache
    }

    /// What an earlier run left.
    /// - Returns: the highest queue ID given to a message.
    func load(_ db: Database) throws -> QueueID? {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM counters") else {
            throw SpoolError(.damaged, "the spool has no counters: see hoptop spool check")
        }
        self.totals.counters = Counters(row)
        self.totals.lastFact = try Salvage.highestFact(db)
        do {
            self.prunedFacts = try Int64.fetchOne(db, sql: "SELECT min(sequence) - 1 FROM facts") ?? 0
        } catch let error as DatabaseError where error.isDamage {
            // Older ones than are kept stay.
            self.prunedFacts = max(self.totals.lastFact - self.factsKept, 0)
        }
        self.totals.readers = Self.readers(db)
        // Behind what a reader has acknowledged no fact may be written that it would not be handed.
        self.totals.lastFact = max(self.totals.lastFact, self.totals.readers?.values.max() ?? 0)
        self.totals.lastID = try row.checked("lastID")
        do {
            let highest = try Int64.fetchOne(db, sql: "SELECT max(id) FROM messages") ?? 0
            self.totals.lastID = max(self.totals.lastID, highest)
        } catch let error as DatabaseError where error.isDamage {
            // Each transaction wrote down its last one too.
        }
        // Read from both ends, since damage may be between.
        for order in ["ASC", "DESC"] {
            try Self.dropped(db, "SELECT message FROM dropped NOT INDEXED ORDER BY message \(order)", []) { id in
                self.undoable.insert(id)
                return true
            }
        }
        self.committedTotals = self.totals
        return self.totals.lastID > 0 ? QueueID(rawValue: self.totals.lastID) : nil
    }

    private static func readers(_ db: Database) -> [String: Int64]? {
        guard let rows = try? Row.fetchAll(db, sql: "SELECT * FROM readers") else { return nil }
        var readers: [String: Int64] = [:]
        for row in rows {
            guard let name: String = row.checkedIfPresent("name"),
                let sequence: Int64 = row.checkedIfPresent("sequence")
            else { return nil }
            readers[name] = sequence
        }
        return readers
    }

    // MARK: the transaction

    func begin() {
        self.touched.removeAll(keepingCapacity: true)
        self.newFacts.removeAll(keepingCapacity: true)
        self.cached.removeAll(keepingCapacity: true)
        self.gone.removeAll(keepingCapacity: true)
        self.undoableChanges.removeAll(keepingCapacity: true)
        self.mustSyncContent = false
        self.takesMail = false
    }

    func finish(_ db: Database) throws {
        if self.takesMail { try self.directory.checkPlace() }
        // A row must not name a file that a power cut could take away.
        if self.mustSyncContent { try self.directory.syncContent() }
        let counters = self.totals.counters
        try db.cachedStatement(
            sql: """
                UPDATE counters SET lastID = ?, accepted = ?, relayed = ?, deferredAttempts = ?, bounced = ?,
                expired = ?, dropped = ?, reports = ?
                """
        ).run {
            $0.bind(self.totals.lastID)
            $0.bind(counters.accepted)
            $0.bind(counters.relayed)
            $0.bind(counters.deferredAttempts)
            $0.bind(counters.bounced)
            $0.bind(counters.expired)
            $0.bind(counters.dropped)
            $0.bind(counters.reports)
        }
    }

    func committed() {
        self.factInsertion = nil
        self.committedTotals = self.totals
        self.recentFacts.append(self.newFacts)
        self.cache.insert(self.cached)
        self.cache.remove(self.gone.lazy.map(\.id))
        for (id, isFile) in self.gone where isFile { unlink(self.directory.content(id)) }
    }

    func rolledBack() {
        self.factInsertion = nil
        self.totals = self.committedTotals
        for id in self.touched { self.fresh.remove(id) }
        for change in self.undoableChanges.reversed() { self.mark(change.id, isUndoable: change.was) }
        self.undoableChanges.removeAll(keepingCapacity: true)
    }

    // MARK: messages

    func message(_ id: QueueID, _ db: Database) throws -> SpooledMessage? {
        if let message = self.fresh[id] { return message }
        return try SpooledMessage.fetch(db, id)
    }

    func insert(_ new: PackedMessage, _ db: Database) throws {
        let id = new.message.id
        let isFile: Bool
        let digest: Int64?
        switch new.content {
        case .buffer(let octets):
            isFile = false
            digest = new.digest
            try db.cachedStatement(sql: "INSERT INTO content VALUES (?, ?)").run {
                $0.bind(id.rawValue)
                $0.bind(octets)
            }
            self.cached.append((id, octets))
        case .file(let file):
            guard let file = file as? ContentFile else {
                throw SpoolError(.foreign, "content of another spool", queueID: id)
            }
            isFile = true
            digest = file.digestValue
            try file.place()
            self.mustSyncContent = true
        }
        try db.cachedStatement(sql: "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run {
            $0.bind(id.rawValue)
            $0.bind(new.message.generation)
            $0.bind(new.message.arrived.milliseconds)
            $0.bind(new.message.contentOctets)
            $0.bind(new.envelope)
            $0.bind(new.recipients)
            $0.bind(isFile)
            $0.bind(digest)
        }
        self.totals.lastID = max(self.totals.lastID, id.rawValue)
        self.totals.counters.accepted += 1
        try self.insert(new.acceptance, envelope: new.envelope, db)
        for hold in new.holds { try self.insert(hold, db) }
        self.remember(new.message)
    }

    private func remember(_ message: SpooledMessage) {
        self.touched.append(message.id)
        self.fresh.insert(message, for: message.id)
    }

    /// Writes the message's row.
    ///
    /// - Parameter message: `nil`: nothing needs it any more.
    func write(_ message: SpooledMessage?, as id: QueueID, _ db: Database) throws {
        guard let message else { return try self.delete(id, db) }
        try db.cachedStatement(sql: "UPDATE messages SET generation = ?, recipients = ? WHERE id = ?")
            .run {
                $0.bind(message.generation)
                $0.bind(Packer.recipients(message.recipients))
                $0.bind(id.rawValue)
            }
        self.remember(message)
    }

    func delete(_ id: QueueID, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM content WHERE id = ?").run { $0.bind(id.rawValue) }
        let isInline = db.changesCount > 0
        try db.cachedStatement(sql: "DELETE FROM messages WHERE id = ?").run { $0.bind(id.rawValue) }
        self.touched.append(id)
        self.fresh.remove(id)
        self.gone.append((id, !isInline))
    }

    func count(_ counts: Counters) { self.totals.counters += counts }

    // MARK: drops that can be taken back

    /// Messages of rows of `dropped`, as far as they can be read and until the body has enough.
    static func dropped(
        _ db: Database, _ sql: String, _ arguments: StatementArguments, _ body: (QueueID) throws -> Bool
    ) throws {
        do {
            let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
            while let row = try rows.next() {
                guard let id: Int64 = row.checkedIfPresent("message") else { continue }
                guard try body(QueueID(rawValue: id)) else { return }
            }
        } catch let error as DatabaseError where error.isDamage {}
    }

    func isUndoable(_ id: QueueID) -> Bool { self.undoable.contains(id) }

    func setUndoable(_ id: QueueID, _ isUndoable: Bool) {
        let was = self.undoable.contains(id)
        guard was != isUndoable else { return }
        self.undoableChanges.append((id, was))
        self.mark(id, isUndoable: isUndoable)
    }

    private func mark(_ id: QueueID, isUndoable: Bool) {
        if isUndoable { self.undoable.insert(id) } else { self.undoable.remove(id) }
    }

    // MARK: facts

    /// The sequence of the fact that is written next.
    var nextFact: Int64 { self.totals.lastFact + 1 }

    /// - Parameter envelope: packed, of an accepted message: how it came is kept there.
    func insert(_ shared: SharedFact, envelope: [UInt8]? = nil, _ db: Database) throws {
        let fact = shared.fact
        let envelope = envelope ?? fact.arrival.map { Packer.envelope(.null, [], $0) }
        // Each recipient has a fact of its own.
        self.totals.lastFact += Int64(shared.count)
        self.newFacts.append(RecentFacts.Row(last: self.totals.lastFact, shared))
        let statement =
            try self.factInsertion
            ?? db.cachedStatement(
                sql: "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        self.factInsertion = statement
        try statement.run {
            $0.bind(self.totals.lastFact)
            $0.bind(fact.at.milliseconds)
            $0.bind(fact.kind.rawValue)
            $0.bind(fact.message?.rawValue ?? 0)
            $0.bind(fact.recipient)
            $0.bind(fact.from)
            $0.bind(fact.to)
            $0.bind(fact.nextHop)
            $0.bind(fact.remoteID)
            $0.bind(fact.text)
            $0.bind(fact.session)
            $0.bind(fact.contentOctets)
            $0.bind(fact.milliseconds)
            $0.bind(shared.others.isEmpty ? nil : Packer.others(shared.others))
            $0.bind(fact.actor)
            $0.bind(envelope)
            $0.bind(fact.subject)
            $0.bind(fact.security?.description)
            $0.bind(fact.messageID)
            $0.bind(fact.saidBy?.rawValue)
        }
    }

    // MARK: readers

    /// A reader never goes back.
    func acknowledge(_ sequence: Int64, as reader: String, _ db: Database) throws {
        guard sequence > self.totals.readers?[reader] ?? -1 else { return }
        try db.execute(sql: "INSERT OR REPLACE INTO readers VALUES (?, ?)", arguments: [reader, sequence])
        self.totals.readers?[reader] = sequence
    }

    func forget(reader: String, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM readers WHERE name = ?", arguments: [reader])
        self.totals.readers?[reader] = nil
    }

    // MARK: old facts

    /// The last fact that nobody needs, or that is too old for whoever does.
    private var lastPrunable: Int64 {
        guard let readers = self.totals.readers else { return 0 }
        let last = self.totals.lastFact
        return max(min(last - self.factsKept, readers.values.min() ?? .max), last - self.factsKeptForReaders)
    }

    /// Whether enough facts are too old.
    var hasOldFacts: Bool { self.lastPrunable - self.prunedFacts >= Self.factsPruned.lowerBound }

    /// The oldest facts go, a slice at a time, so that no transaction waits for it.
    ///
    /// Outside of a transaction, since one in which damage was met cannot be committed. What cannot be removed stays.
    func pruneFacts(_ db: Database) throws {
        let first = self.prunedFacts
        let upTo = min(self.lastPrunable, first + Self.factsPruned.upperBound)
        self.prunedFacts = upTo
        try db.cachedStatement(sql: "DELETE FROM facts WHERE sequence > ? AND sequence <= ?").run {
            $0.bind(first)
            $0.bind(upTo)
        }
    }
}

extension Counters {
    init(_ row: Row) {
        self.init()
        self.accepted = row.checkedIfPresent("accepted") ?? 0
        self.relayed = row.checkedIfPresent("relayed") ?? 0
        self.deferredAttempts = row.checkedIfPresent("deferredAttempts") ?? 0
        self.bounced = row.checkedIfPresent("bounced") ?? 0
        self.expired = row.checkedIfPresent("expired") ?? 0
        self.dropped = row.checkedIfPresent("dropped") ?? 0
        self.reports = row.checkedIfPresent("reports") ?? 0
    }
}
