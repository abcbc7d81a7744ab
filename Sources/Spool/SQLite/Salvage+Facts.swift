import GRDB
import Mail

extension Salvage {
    private static let page: Int64 = 500
    /// Facts end where so many of them, one behind the other, cannot be read, if nothing else tells where.
    static let factsMissing: Int64 = 200_000

    /// Facts in order, behind `start`; what cannot be read is passed over.
    func facts(after start: Int64, count: Int) throws -> [PlacedFact] {
        var place = start
        var end: Int64?
        var missing: Int64 = 0
        while missing < Self.factsMissing {
            let found: [PlacedFact]
            if let page = try self.factPage(after: place, count: count) {
                guard let end = page.end else { return [] }
                found = page.facts
                place = end
                missing = 0
            } else {
                let last = end ?? (try? Self.highestFact(self.db)) ?? .max
                end = last
                guard place < min(last, .max - Self.page) else { return [] }
                let rows = try self.facts(from: place + 1, to: place + Self.page)
                found = rows.flatMap { PlacedFact.all(in: $0) }
                place += Self.page
                missing = rows.isEmpty ? missing + Self.page : 0
            }
            // The first row may tell some that are known.
            let facts = found.drop { $0.sequence <= start }.prefix(count)
            // Nothing at all would be taken for the end.
            if !facts.isEmpty { return Array(facts) }
        }
        return []
    }

    /// The last `count` facts, oldest first.
    func newestFacts(count: Int) throws -> [PlacedFact] {
        do {
            var newest: [PlacedFact] = []
            let rows = try Row.fetchCursor(self.db, sql: "SELECT * FROM facts ORDER BY sequence DESC")
            while newest.count < count, let row = try rows.next() { newest += PlacedFact.all(in: row).reversed() }
            return newest.prefix(count).reversed()
        } catch let error as DatabaseError where error.isDamage {}
        var facts: [PlacedFact] = []
        var missing: Int64 = 0
        var place = try Self.highestFact(self.db)
        while facts.count < count, place > 0, missing < Self.factsMissing {
            let rows = try self.facts(from: max(place - Self.page, 0) + 1, to: place)
            facts += rows.reversed().flatMap { PlacedFact.all(in: $0).reversed() }
            missing = rows.isEmpty ? missing + Self.page : 0
            place -= Self.page
        }
        return facts.prefix(count).reversed()
    }

    /// The highest sequence that was given to a fact.
    ///
    /// The index knows it too; where neither does, it is not known, and none may be given twice.
    static func highestFact(_ db: Database) throws -> Int64 {
        do {
            return try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM facts") ?? 0
        } catch let error as DatabaseError where error.isDamage {
            return try Int64.fetchOne(db, sql: "SELECT max(+sequence) FROM facts INDEXED BY factsOfMessage") ?? 0
        }
    }

    /// All facts of a message, oldest first.
    func facts(of id: QueueID) throws -> [Fact] {
        do {
            return try Row.fetchAll(
                self.db, sql: "SELECT * FROM facts WHERE message = ? ORDER BY sequence", arguments: [id.rawValue]
            ).flatMap { PlacedFact.all(in: $0) }.map(\.fact)
        } catch let error as DatabaseError where error.isDamage {}
        var facts: [Int64: Fact] = [:]
        func add(_ row: Row) { for placed in PlacedFact.all(in: row) { facts[placed.sequence] = placed.fact } }
        // The index is read from the one end, and the facts past it from both ends: each up to what cannot be read.
        var sequences: [Int64] = []
        try self.read("SELECT sequence FROM facts WHERE message = ?", [id.rawValue]) { row in
            if let sequence: Int64 = row.checkedIfPresent("sequence") { sequences.append(sequence) }
        }
        for sequence in sequences {
            for row in try self.facts(from: sequence, to: sequence) { add(row) }
        }
        for order in ["ASC", "DESC"] {
            let sql = "SELECT * FROM facts NOT INDEXED WHERE message = ? ORDER BY sequence \(order)"
            try self.read(sql, [id.rawValue], add)
        }
        return facts.filter { $0.value.message == id }.sorted { $0.key < $1.key }.map(\.value)
    }

    private func read(_ sql: String, _ arguments: StatementArguments, _ body: (Row) -> Void) throws {
        do {
            let rows = try Row.fetchCursor(self.db, sql: sql, arguments: arguments)
            while let row = try rows.next() { body(row) }
        } catch let error as DatabaseError where error.isDamage {}
    }

    private func facts(from first: Int64, to last: Int64) throws -> [Row] {
        try (first...last).compactMap { sequence in
            do {
                return try Row.fetchOne(
                    self.db.cachedStatement(sql: "SELECT * FROM facts WHERE sequence = ?"), arguments: [sequence])
            } catch let error as DatabaseError where error.isDamage { return nil }
        }
    }

    /// - Returns: `count` facts or some more, and the place behind them, `nil` where there are none; or `nil` when they cannot
    ///   be read, or their order shows that they are not what SQLite wrote.
    private func factPage(after place: Int64, count: Int) throws -> (facts: [PlacedFact], end: Int64?)? {
        do {
            let rows = try Row.fetchCursor(
                self.db.cachedStatement(sql: "SELECT * FROM facts WHERE sequence > ? ORDER BY sequence"),
                arguments: [place])
            var facts: [PlacedFact] = []
            var end: Int64?
            while facts.count < count, let row = try rows.next() {
                guard let sequence: Int64 = row.checkedIfPresent("sequence"), sequence > end ?? place else {
                    return nil
                }
                // The first row may tell some that are known.
                facts += PlacedFact.all(in: row).drop { $0.sequence <= place }
                end = sequence
            }
            return (facts, end)
        } catch let error as DatabaseError where error.isDamage { return nil }
    }

    /// Messages that facts are about, as far as these can be read.
    func messagesOfFacts(_ gap: KeySearch.Gap) throws -> Set<Int64> {
        var byIndex = KeySearch(self.db, "facts", "message")
        let isWhole = try byIndex.search(gap) == nil
        // 0 is none: a fact about a rule.
        var found = byIndex.keys.subtracting([0])
        guard !isWhole else { return found }
        // The index is damaged; the facts themselves may not be.
        for order in ["ASC", "DESC"] {
            try self.read("SELECT message FROM facts NOT INDEXED ORDER BY sequence \(order)", []) { row in
                guard let key: Int64 = row.checkedIfPresent("message"), key > max(gap.low, 0), key < gap.high else {
                    return
                }
                found.insert(key)
            }
        }
        return found
    }

    /// Whether facts say that nothing is to be done any more for a message without a row: all of its recipients that they
    /// know are settled. What they do not say is doubt.
    func isSettledByFacts(_ id: QueueID) -> Bool {
        // The index alone is used, as this is asked of many.
        let rows = try? Row.fetchAll(
            self.db, sql: "SELECT * FROM facts WHERE message = ? ORDER BY sequence", arguments: [id.rawValue])
        var isSettled: [Int: Bool] = [:]
        for fact in (rows ?? []).flatMap({ PlacedFact.all(in: $0).map(\.fact) }) {
            guard let recipient = fact.recipient else { continue }
            if let state = fact.kind.recipientState {
                isSettled[recipient] = state.isSettled
            } else if isSettled[recipient] == nil {
                // It leaves the recipient as it was, which nothing has told yet.
                isSettled[recipient] = false
            }
        }
        guard let last = isSettled.keys.max(), last < isSettled.count else { return false }
        return isSettled.values.allSatisfy { $0 }
    }
}
