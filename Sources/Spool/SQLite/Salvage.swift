import Foundation
import GRDB
import Mail

/// Reads messages although parts of the database may be damaged: what can be read is handed out, the rest is named.
struct Salvage {
    let db: Database
    let directory: SpoolDirectory

    /// The messages behind `id`, in order.
    func lease(after id: QueueID?, count: Int) throws -> Lease {
        let start = id?.rawValue ?? Int64.min
        do {
            // One more than is handed out, since it shows that the last of these is where it belongs.
            let rows = try Row.fetchAll(
                self.db, sql: "SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [start, count == .max ? count : count + 1])
            if Self.isAscending(rows, "id", after: start) { return self.lease(of: rows.prefix(count)) }
        } catch let error as DatabaseError where error.isDamage {}
        return try self.lease(of: self.candidates(after: start), count: count)
    }

    /// Whether rows are in the order that was asked for: from a damaged index they may not be, and a reader that goes on
    /// behind the last one would go round for ever.
    static func isAscending(_ rows: [Row], _ column: String, after start: Int64) -> Bool {
        var last = start
        for row in rows {
            let key: Int64 = row[column]
            guard key > last else { return false }
            last = key
        }
        return true
    }

    /// Whether a content's file may be somebody's: it has a row, or there may be one that cannot be read, or facts say
    /// that there should be one.
    func mayNeed(_ id: QueueID) throws -> Bool {
        do {
            let row = try Int.fetchOne(
                self.db.cachedStatement(sql: "SELECT 1 FROM messages WHERE id = ?"), arguments: [id.rawValue])
            if row != nil { return true }
            // Most files without a row are of a session that a crash ended before its message was accepted.
            return try Int.fetchOne(self.db, sql: "SELECT 1 FROM facts WHERE message = ?", arguments: [id.rawValue])
                != nil && !self.isSettledByFacts(id)
        } catch let error as DatabaseError where error.isDamage { return true }
    }

    private func lease(of rows: ArraySlice<Row>) -> Lease {
        var lease = Lease([], end: rows.last.map { QueueID(rawValue: $0["id"]) })
        for row in rows {
            do { lease.messages.append(try SpooledMessage(row)) } catch {
                lease.damaged.append(Damage(QueueID(rawValue: row["id"]), Self.words(for: error)))
            }
        }
        return lease
    }

    /// Rows are read one by one, so that a damaged one costs itself alone.
    private func lease(of candidates: Candidates, count: Int) throws -> Lease {
        var lease = Lease([])
        for key in candidates.all.sorted() where lease.messages.count + lease.damaged.count < count {
            let id = QueueID(rawValue: key)
            lease.end = id
            do {
                if let message = try SpooledMessage.fetch(self.db, id) {
                    lease.messages.append(message)
                } else if candidates.rows.contains(key) {
                    lease.damaged.append(Damage(id, "its row is not where it should be"))
                }
            } catch {
                if candidates.facts.contains(key), self.isSettledByFacts(id) { continue }
                lease.damaged.append(Damage(id, "its row cannot be read: \(Self.words(for: error))"))
            }
        }
        return lease
    }

    static func words(for error: any Error) -> String { (error as? DatabaseError)?.message ?? "\(error)" }

    /// Which messages there may be, by what names them.
    private struct Candidates {
        var rows: Set<Int64>
        /// What contents and their files are named after.
        var contents: Set<Int64> = []
        /// What nothing else names. Most of them are not in the spool any more.
        var facts: Set<Int64> = []
        var all: Set<Int64> { self.rows.union(self.contents).union(self.facts) }
    }

    /// All candidates: a list that ended at a number or at damage would hide what is behind it, as the next one begins behind
    /// its end. Where rows cannot be read, contents, files and facts name what they were.
    private func candidates(after start: Int64) throws -> Candidates {
        var rows = KeySearch(self.db, "messages", "id")
        guard let gap = try rows.search(KeySearch.Gap(low: start, high: .max)) else {
            return Candidates(rows: rows.keys)
        }
        let files = self.directory.contentNames.map(\.rawValue).filter { $0 > gap.low && $0 < gap.high }
        var contents = KeySearch(self.db, "content", "id")
        let contentGap = try contents.search(gap)
        let facts = try self.messagesOfFacts(gap)
        let named = contents.keys.union(files).union(facts)
        if let first = named.min(), let last = named.max() {
            // There is nothing to be found outside of these, between numbers that nobody used.
            func narrow(_ gap: KeySearch.Gap) -> KeySearch.Gap {
                KeySearch.Gap(low: max(gap.low, first - 1), high: min(gap.high, last == .max ? last : last + 1))
            }
            try rows.probe(narrow(gap))
            if let contentGap { try contents.probe(narrow(contentGap)) }
        }
        var candidates = Candidates(rows: rows.keys, contents: contents.keys.union(files))
        candidates.facts = facts.subtracting(candidates.all)
        return candidates
    }
}

extension DatabaseError {
    /// A part of the file cannot be read, or is not as SQLite wrote it; other parts may be sound.
    var isDamage: Bool { self.resultCode == .SQLITE_CORRUPT || self.resultCode == .SQLITE_IOERR }
}
