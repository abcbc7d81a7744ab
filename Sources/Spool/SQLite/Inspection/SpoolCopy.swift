import Foundation
import GRDB
import Mail

/// Takes rows from a database that may be damaged to a sound one.
struct SpoolCopy {
    private static let page: Int64 = 500
    /// So many facts in a row that cannot be read are the end of them.
    private static let factsMissing = 20_000

    let source: Database
    let target: Database

    /// By the names of the columns, so that a table of an older version fits too. What no table may have is passed over.
    private func insert(_ row: Row, into table: String) throws {
        let columns = row.columnNames.joined(separator: ", ")
        let marks = row.columnNames.map { _ in "?" }.joined(separator: ", ")
        try self.target.cachedStatement(sql: "INSERT OR IGNORE INTO \(table) (\(columns)) VALUES (\(marks))")
            .execute(arguments: StatementArguments(row.databaseValues))
    }

    private func copy(_ table: String, id: QueueID) throws {
        let row = try Row.fetchOne(self.source, sql: "SELECT * FROM \(table) WHERE id = ?", arguments: [id.rawValue])
        if let row { try self.insert(row, into: table) }
    }
    func message(_ id: QueueID) throws { try self.copy("messages", id: id) }
    func content(_ id: QueueID) throws { try self.copy("content", id: id) }

    /// Of messages that were copied; as far as they can be read.
    func drops() throws {
        guard let rows = try? Row.fetchCursor(self.source, sql: "SELECT * FROM dropped") else { return }
        while let row = try? rows.next() {
            let isThere = try Bool.fetchOne(
                self.target, sql: "SELECT EXISTS (SELECT 1 FROM messages WHERE id = ?)", arguments: [row["message"]])
            if isThere == true { try self.insert(row, into: "dropped") }
        }
    }

    /// Page by page, and where a page cannot be read as a whole, fact by fact.
    ///
    /// - Returns: how many.
    func facts(_ progress: SpoolProgress) throws -> Int {
        let first = (try? Int64.fetchOne(self.source, sql: "SELECT min(sequence) FROM facts")) ?? 1
        let end = try? Int64.fetchOne(self.source, sql: "SELECT max(sequence) FROM facts")
        var count = 0
        var missing = 0
        var place = first
        while end.map({ place <= $0 }) ?? (missing < Self.factsMissing) {
            let range = place..<(place + Self.page)
            place = range.upperBound
            let rows = self.rows(range).filter { (try? Fact($0)) != nil }
            for row in rows { try self.insert(row, into: "facts") }
            count += rows.count
            missing = rows.isEmpty ? missing + range.count : 0
            progress("facts", count, max(count, end.map { Int($0 - first + 1) } ?? count))
        }
        return count
    }

    private func rows(_ range: Range<Int64>) -> [Row] {
        let all = try? Row.fetchAll(
            self.source, sql: "SELECT * FROM facts WHERE sequence >= ? AND sequence < ?",
            arguments: [range.lowerBound, range.upperBound])
        return all
            ?? range.compactMap { sequence in
                try? Row.fetchOne(self.source, sql: "SELECT * FROM facts WHERE sequence = ?", arguments: [sequence])
            }
    }

    /// - Parameter lastID: at least that ID was given out; none is given twice.
    func counters(lastID: QueueID?) throws {
        if let row = try? Row.fetchOne(self.source, sql: "SELECT * FROM counters") {
            try self.target.execute(sql: "DELETE FROM counters")
            try self.insert(row, into: "counters")
        }
        try self.target.execute(
            sql: """
                UPDATE counters SET lastID = max(lastID, ?, coalesce((SELECT max(id) FROM messages), 0),
                    coalesce((SELECT max(message) FROM facts), 0))
                """, arguments: [lastID?.rawValue ?? 0])
    }
}
