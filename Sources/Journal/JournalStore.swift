import Foundation
import GRDB
import Glibc
import Mail
import Monitor
import Spool

/// The journal's database: blocks of entries, transcripts, and how far it has come in the spool's facts.
///
/// Used by one filler; readers have connections of their own.
package final class JournalStore: Sendable {
    private static let version = 1
    /// The log of the database is folded back when it is so large.
    private static let logOctets = 4 << 20
    /// How far it has come.
    struct Progress: Equatable {
        /// The place behind the last fact that is in it, or is given up; `nil`: it has none.
        var cursor: FactCursor?
        /// Facts that it will never have.
        var missing = 0
    }

    let pool: DatabasePool
    private let path: String
    private let file: FileIdentity

    /// Opens the database, or makes one in a folder that is there.
    ///
    /// - Throws: ``JournalError``
    package init(directory: String) throws {
        self.path = directory + "/journal.sqlite"
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = 3
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            guard !db.configuration.readonly else { return }
            if try Int.fetchOne(db, sql: "PRAGMA user_version") == 0 {
                try db.execute(sql: "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;")
            }
            try db.execute(
                sql: """
                    PRAGMA secure_delete = OFF; PRAGMA cache_size = -2000;
                    PRAGMA wal_autocheckpoint = \(Self.logOctets / 16384); PRAGMA journal_size_limit = \(Self.logOctets);
                    """)
        }
        do {
            try Self.make(self.path)
            self.pool = try DatabasePool(path: self.path, configuration: configuration)
            try self.pool.writeWithoutTransaction { db in
                // Each commit is synced, or the spool would be told that its facts are safe here.
                try db.execute(sql: "PRAGMA synchronous = FULL")
            }
            try self.pool.write { db in try Self.migrate(db, directory) }
            self.file = try FileIdentity(self.path)
        } catch { throw JournalError(error, directory) }
    }

    /// What it tells of mail is nobody else's, whoever may look into its folder.
    private static func make(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw JournalError("\(path) cannot be made: \(String(cString: strerror(errno)))") }
        Glibc.close(file)
    }

    private static func migrate(_ db: Database, _ directory: String) throws {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard found <= self.version else {
            throw JournalError(
                "the journal \(directory) has version \(found), and this program knows \(self.version): "
                    + "use the newer hoptop, or name another with journal.directory")
        }
        guard found < 1 else { return }
        try db.execute(
            sql: """
                CREATE TABLE blocks (
                    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, earliest INTEGER NOT NULL,
                    latest INTEGER NOT NULL, kinds INTEGER NOT NULL, grams BLOB NOT NULL);
                CREATE TABLE entries (first INTEGER PRIMARY KEY, octets BLOB NOT NULL);
                CREATE TABLE runs (number INTEGER PRIMARY KEY, since INTEGER NOT NULL);
                CREATE TABLE transcripts (
                    number INTEGER PRIMARY KEY, run INTEGER NOT NULL, session TEXT NOT NULL, ended INTEGER NOT NULL,
                    failed INTEGER NOT NULL, page BLOB NOT NULL);
                CREATE INDEX transcriptsBySession ON transcripts (run, session);
                CREATE TABLE progress (
                    one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT, missing INTEGER NOT NULL,
                    next INTEGER NOT NULL);
                INSERT INTO progress VALUES (1, NULL, 0, 1);
                PRAGMA user_version = \(self.version);
                """)
    }

    /// A file that was removed or lies under a mount can be written all the same, and what is written there is lost.
    func checkPlace() throws {
        guard try FileIdentity(self.path) == self.file else {
            throw JournalError("its database \(self.path) was replaced: start hoptop again")
        }
    }

    package func close() { try? self.pool.close() }

    // MARK: writing

    /// What an earlier run left: its newest block, unless that is full.
    func newestBlock(_ db: Database) throws -> Block {
        let next = try Int64.fetchOne(db, sql: "SELECT next FROM progress") ?? 1
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT blocks.*, entries.octets FROM blocks JOIN entries USING (first) ORDER BY first DESC LIMIT 1
                """)
        guard let row, let grams = GramFilter([UInt8](row["grams"] as Data)) else { return Block(first: next) }
        let block = Block(
            first: row["first"], entries: PackedEntries([UInt8](row["octets"] as Data)), grams: grams,
            earliest: Timestamp(milliseconds: row["earliest"]), latest: Timestamp(milliseconds: row["latest"]),
            kinds: UInt32(truncatingIfNeeded: row["kinds"] as Int64))
        // One that a disk has changed is left as it is.
        return block.next == next && !block.isFull ? block : Block(first: next)
    }

    func progress(_ db: Database) throws -> Progress {
        guard let row = try Row.fetchOne(db, sql: "SELECT cursor, missing FROM progress") else { return Progress() }
        return Progress(cursor: (row["cursor"] as String?).map { FactCursor($0) }, missing: row["missing"])
    }

    func write(_ blocks: [Block], _ progress: Progress, _ db: Database) throws {
        for block in blocks where !block.isEmpty {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)").execute(
                arguments: [
                    block.first, block.entries.count, block.earliest.milliseconds, block.latest.milliseconds,
                    Int64(block.kinds), Data(block.grams.bits),
                ])
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO entries VALUES (?, ?)").execute(
                arguments: [block.first, Data(block.entries.octets)])
        }
        try db.execute(
            sql: "UPDATE progress SET cursor = ?, missing = ?, next = ?",
            arguments: [progress.cursor?.description, progress.missing, blocks.last?.next ?? self.next(db)])
    }

    /// For whoever measures: without a spool.
    package func write(_ blocks: [Block], cursor: String) throws {
        try self.pool.write { db in try self.write(blocks, Progress(cursor: FactCursor(cursor)), db) }
    }

    private func next(_ db: Database) throws -> Int64 { try Int64.fetchOne(db, sql: "SELECT next FROM progress") ?? 1 }

    // MARK: bounds

    /// Octets that it takes, its log among them, without those that are free inside.
    func octets(_ db: Database) throws -> Int {
        var log = stat()
        return try self.octetsOfEntries(db) + (stat(self.path + "-wal", &log) == 0 ? Int(log.st_size) : 0)
    }

    private func octetsOfEntries(_ db: Database) throws -> Int {
        let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        return (pages - free) * size
    }

    /// The oldest entries go, some blocks at a time.
    ///
    /// - Parameter time: what happened before goes.
    /// - Returns: whether there is more to be done.
    func prune(before time: Timestamp, octets limit: Int, _ db: Database) throws -> Bool {
        let some = 64
        let oldest = try Row.fetchAll(db, sql: "SELECT first, latest FROM blocks ORDER BY first LIMIT \(some)")
        var last = oldest.prefix { $0["latest"] < time.milliseconds }.last?["first"] as Int64?
        let octets = try self.octetsOfEntries(db) + min(Self.logOctets, limit / 4)
        // The newest block is being written.
        if octets > limit, oldest.count > 1 { last = max(last ?? 0, oldest[(oldest.count - 1) / 2]["first"]) }
        if let last {
            try db.execute(sql: "DELETE FROM blocks WHERE first <= \(last); DELETE FROM entries WHERE first <= \(last)")
        }
        try db.execute(sql: "DELETE FROM transcripts WHERE ended < ?", arguments: [time.milliseconds])
        try db.execute(sql: "PRAGMA incremental_vacuum(256)")
        return last != nil
    }

    /// The oldest transcripts go.
    ///
    /// - Parameters:
    ///   - successes: of sessions in which nothing went wrong, so many stay.
    ///   - octets: of all of them.
    func pruneTranscripts(successes: Int, octets: Int, _ db: Database) throws {
        try db.execute(
            sql: """
                DELETE FROM transcripts WHERE failed = 0 AND number <= (
                    SELECT number FROM transcripts WHERE failed = 0 ORDER BY number DESC LIMIT 1 OFFSET ?)
                """, arguments: [successes])
        var taken = 0
        let rows = try Row.fetchCursor(
            db, sql: "SELECT number, length(page) AS octets FROM transcripts ORDER BY number DESC")
        while let row = try rows.next() {
            taken += row["octets"]
            guard taken > octets else { continue }
            try db.execute(sql: "DELETE FROM transcripts WHERE number <= ?", arguments: [row["number"] as Int64])
            return
        }
    }
}

/// Which file a path leads to.
private struct FileIdentity: Equatable {
    let device: UInt64
    let number: UInt64
    init(_ path: String) throws {
        var found = stat()
        guard stat(path, &found) == 0 else {
            throw JournalError("its database \(path) is gone: put it back, or start hoptop again for a new one")
        }
        self.device = UInt64(found.st_dev)
        self.number = UInt64(found.st_ino)
    }
}

/// Why a journal cannot be opened, read or written: one line that says what to do, where something can be done.
struct JournalError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
    init(_ error: any Error, _ directory: String) {
        if let error = error as? JournalError { self = error; return }
        guard let error = error as? DatabaseError else { self.init("\(error)"); return }
        switch error.resultCode {
        case .SQLITE_FULL: self.init("the disk of \(directory) is full")
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            self.init("\(directory)/journal.sqlite is damaged: move it away, and a new one is begun")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self.init("\(directory) cannot be written: make it writable, or name another with journal.directory")
        default: self.init("\(directory): \(error.message ?? "error \(error.resultCode.rawValue)")")
        }
    }
}
