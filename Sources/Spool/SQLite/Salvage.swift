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
            let rows = try Row.fetchAll(
                self.db, sql: "SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT ?", arguments: [start, count])
            if Self.isAscending(rows, "id", after: start) { return self.lease(of: rows) }
        } catch let error as DatabaseError where error.isDamage {}
        return self.lease(oneByOne: self.candidates(after: start, count: count))
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

    /// Whether a row may name a content file: also where that row cannot be read.
    func mayName(_ id: QueueID) throws -> Bool {
        do {
            return try Bool.fetchOne(
                self.db, sql: "SELECT isFile FROM messages WHERE id = ?", arguments: [id.rawValue]) ?? false
        } catch let error as DatabaseError where error.isDamage { return true }
    }

    private func lease(of rows: [Row]) -> Lease {
        var lease = Lease([], end: rows.last.map { QueueID(rawValue: $0["id"]) })
        for row in rows {
            do { lease.messages.append(try SpooledMessage(row)) } catch {
                lease.damaged.append(Damage(QueueID(rawValue: row["id"]), Self.words(for: error)))
            }
        }
        return lease
    }

    private func lease(oneByOne ids: [QueueID]) -> Lease {
        var lease = Lease([], end: ids.last)
        for id in ids {
            do {
                if let message = try SpooledMessage.fetch(self.db, id) { lease.messages.append(message) }
            } catch {
                lease.damaged.append(Damage(id, "its row cannot be read: \(Self.words(for: error))"))
            }
        }
        return lease
    }

    static func words(for error: any Error) -> String { (error as? DatabaseError)?.message ?? "\(error)" }

    /// Which messages there may be: those that rows, contents or files name. Damage ends each list early, so that what one
    /// does not name another may.
    private func candidates(after start: Int64, count: Int) -> [QueueID] {
        var ids = Set(self.directory.contentNames.map(\.rawValue).filter { $0 > start })
        for table in ["messages", "content"] {
            let cursor = try? Int64.fetchCursor(
                self.db, sql: "SELECT id FROM \(table) WHERE id > ? ORDER BY id LIMIT ?", arguments: [start, count])
            while let id = try? cursor?.next() { if id > start { ids.insert(id) } }
        }
        return ids.sorted().prefix(count).map(QueueID.init(rawValue:))
    }
}

extension DatabaseError {
    /// A part of the file cannot be read, or is not as SQLite wrote it; other parts may be sound.
    var isDamage: Bool { self.resultCode == .SQLITE_CORRUPT || self.resultCode == .SQLITE_IOERR }
}
