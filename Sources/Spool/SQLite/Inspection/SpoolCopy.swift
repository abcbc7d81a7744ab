import Foundation
import GRDB
import Mail

/// Takes rows from a database that may be damaged to a sound one.
struct SpoolCopy {
    private static let page: Int64 = 500
    let source: Database
    let target: Database

    /// Values go by the names of their columns, so that a table of an older version fits too. What no table may have is
    /// passed over.
    ///
    /// - Returns: whether it is there now.
    @discardableResult
    private func insert(_ row: Row, into table: String) throws -> Bool {
        let columns = row.columnNames.joined(separator: ", ")
        let marks = row.columnNames.map { _ in "?" }.joined(separator: ", ")
        try self.target.cachedStatement(sql: "INSERT OR IGNORE INTO \(table) (\(columns)) VALUES (\(marks))")
            .execute(arguments: StatementArguments(row.databaseValues))
        return self.target.changesCount > 0
    }

    private func copy(_ table: String, id: QueueID) throws -> Bool {
        let row = try Row.fetchOne(self.source, sql: "SELECT * FROM \(table) WHERE id = ?", arguments: [id.rawValue])
        return try row.map { try self.insert($0, into: table) } ?? false
    }

    /// - Returns: why it was not copied.
    func message(_ id: QueueID, hasInlineContent: Bool) throws -> String? {
        guard try self.copy("messages", id: id) else { return "its row breaks its table's rules" }
        guard try !hasInlineContent || self.copy("content", id: id) else {
            try self.target.execute(sql: "DELETE FROM messages WHERE id = ?", arguments: [id.rawValue])
            return "its content's row breaks its table's rules"
        }
        return nil
    }

    /// Drops of messages that were copied, as far as they can be read.
    func drops() throws {
        guard let rows = try? Row.fetchCursor(self.source, sql: "SELECT * FROM dropped") else { return }
        while let row = try? rows.next() {
            guard row.holdsIntegers(["message", "recipient", "token", "until", "generation"]) else { continue }
            let isThere = try Bool.fetchOne(
                self.target, sql: "SELECT EXISTS (SELECT 1 FROM messages WHERE id = ?)", arguments: [row["message"]])
            if isThere == true { try self.insert(row, into: "dropped") }
        }
    }

    /// Facts are copied page by page, and where a page cannot be read as a whole, one by one.
    ///
    /// - Returns: how many.
    func facts(_ progress: SpoolProgress) throws -> Int {
        let total = (try? Int.fetchOne(self.source, sql: "SELECT count(*) FROM facts")) ?? 0
        var place = ((try? Int64.fetchOne(self.source, sql: "SELECT min(sequence) FROM facts")) ?? 1) &- 1
        let last = (try? Salvage.highestFact(self.source)) ?? .max
        var (count, copied) = (0, 0)
        var missing: Int64 = 0
        while missing < Salvage.factsMissing {
            let rows: [Row]
            if let page = self.page(after: place) {
                guard let end = page.last else { break }
                rows = page
                place = end["sequence"]
            } else {
                guard place < min(last, .max - Self.page) else { break }
                rows = (place + 1...place + Self.page).compactMap { sequence in
                    try? Row.fetchOne(self.source, sql: "SELECT * FROM facts WHERE sequence = ?", arguments: [sequence])
                }
                place += Self.page
            }
            missing = rows.isEmpty ? missing + Self.page : 0
            for row in rows {
                let facts = PlacedFact.all(in: row)
                guard !facts.isEmpty else { continue }
                try self.insert(row, into: "facts")
                count += facts.count
                copied += 1
            }
            progress("facts", copied, max(copied, total))
        }
        return count
    }

    /// `nil` when it cannot be read, or its order shows that it is not what SQLite wrote.
    private func page(after place: Int64) -> [Row]? {
        let rows = try? Row.fetchAll(
            self.source, sql: "SELECT * FROM facts WHERE sequence > ? ORDER BY sequence LIMIT ?",
            arguments: [place, Self.page])
        guard let rows, Salvage.isAscending(rows, "sequence", after: place) else { return nil }
        return rows
    }

    /// Readers of facts, as far as they can be read; an older spool has none.
    func readers() throws {
        guard let rows = try? Row.fetchCursor(self.source, sql: "SELECT * FROM readers") else { return }
        while let row = try? rows.next() {
            if row.holdsIntegers(["sequence"]) { try self.insert(row, into: "readers") }
        }
    }

    /// Standing rules, as far as they can be read; an older spool has none.
    func rules() throws {
        guard let rows = try? Row.fetchCursor(self.source, sql: "SELECT * FROM rules") else { return }
        while let row = try? rows.next() {
            if row.holdsIntegers(["id", "at"]) { try self.insert(row, into: "rules") }
        }
    }

    /// What domains are to be told of, as far as it can be read; an older spool has none.
    func tallies() throws {
        guard let rows = try? Row.fetchCursor(self.source, sql: "SELECT * FROM tallies") else { return }
        while let row = try? rows.next() {
            if row.holdsIntegers(["day", "count"]) { try self.insert(row, into: "tallies") }
        }
    }

    /// - Parameter lastID: at least that ID was given out; none is given twice.
    func counters(lastID: QueueID?) throws {
        if let row = try? Row.fetchOne(self.source, sql: "SELECT * FROM counters"), row.holdsIntegers(["lastID"]) {
            try self.target.execute(sql: "DELETE FROM counters")
            try self.insert(row, into: "counters")
        }
        // A row that breaks the table's rules was passed over: the counts begin anew.
        try self.target.execute(sql: "INSERT OR IGNORE INTO counters VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0)")
        try self.target.execute(
            sql: """
                UPDATE counters SET lastID = max(lastID, ?, coalesce((SELECT max(id) FROM messages), 0),
                    coalesce((SELECT max(message) FROM facts), 0)),
                    lastRule = max(lastRule, coalesce((SELECT max(id) FROM rules), 0))
                """, arguments: [lastID?.rawValue ?? 0])
    }
}
