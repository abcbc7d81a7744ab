public import Mail
import NIOCore

extension PostgreSQLSpool {
    private static let message = Query(
        "message", "SELECT \(SpooledMessage.columns) FROM hoptop.messages WHERE id = $1")

    public func message(_ id: QueueID) async throws -> SpooledMessage? {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.message, [.integer(id.rawValue)])
            return try rows.count > 0 ? SpooledMessage(rows, 0) : nil
        }
    }

    private static let held = Query(
        "held",
        """
        SELECT \(SpooledMessage.columns) FROM hoptop.messages WHERE holder = $1 AND id > $2 ORDER BY holder, id LIMIT $3
        """)

    public func lease(after id: QueueID?, count: Int) async throws -> Lease {
        let node = self.node
        return try await self.pool.read { connection in
            let rows = try connection.rows(
                Self.held, [.integer(node), .integer(id?.rawValue ?? .min), .integer(count)])
            return try Lease(rows)
        }
    }

    // MARK: facts

    private static let factsAfter = Query(
        "facts-after",
        "SELECT \(PlacedFact.columns) FROM hoptop.facts WHERE sequence > $1 ORDER BY sequence LIMIT $2")
    private static let lastFact = Query("last-fact", "SELECT last_fact FROM hoptop.counters")
    private static let newest = Query(
        "newest-facts", "SELECT \(PlacedFact.columns) FROM hoptop.facts ORDER BY sequence DESC LIMIT $1")
    private static let factsOf = Query(
        "facts-of", "SELECT \(PlacedFact.columns) FROM hoptop.facts WHERE message = $1 ORDER BY sequence")

    public func facts(after cursor: FactCursor, count: Int) async throws -> FactPage {
        let start = try cursor.place
        guard count > 0 else { return FactPage([], end: cursor) }
        return try await self.pool.read { connection in
            var facts: [PlacedFact] = []
            var last = start
            // Rows that cannot be read are passed over.
            while facts.isEmpty {
                let rows = try connection.rows(Self.factsAfter, [.integer(last), .integer(count)])
                guard rows.count > 0 else { return FactPage([], end: cursor) }
                for row in 0..<rows.count { facts += PlacedFact.all(in: rows, row) }
                last = try rows.integer(rows.count - 1, 0)
                facts.removeAll { $0.sequence <= start }
            }
            let page = facts.prefix(count)
            let end = page.last?.sequence ?? start
            return FactPage(
                page.map(\.fact), end: FactCursor(place: end), missing: Int(end - start) - page.count)
        }
    }

    public func newestFacts(count: Int) async throws -> FactPage {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.newest, [.integer(count)])
            guard rows.count > 0 else {
                let last = try connection.rows(Self.lastFact).integer(0, 0)
                return FactPage([], end: FactCursor(place: last))
            }
            let facts = (0..<rows.count).reversed().flatMap { PlacedFact.all(in: rows, $0) }
            return FactPage(facts.suffix(count).map(\.fact), end: FactCursor(place: try rows.integer(0, 0)))
        }
    }

    public func facts(of id: QueueID) async throws -> [Fact] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.factsOf, [.integer(id.rawValue)])
            return (0..<rows.count).flatMap { PlacedFact.all(in: rows, $0).map(\.fact) }
        }
    }

    private static let acknowledged = Query(
        "acknowledged", "SELECT sequence FROM hoptop.readers WHERE name = $1")

    public func acknowledged(by reader: String) async throws -> FactCursor? {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.acknowledged, [.text(reader)])
            return try rows.count > 0 ? FactCursor(place: rows.integer(0, 0)) : nil
        }
    }

    private static let counted = Query("counted", "SELECT \(Counters.columns) FROM hoptop.counters")

    public func counters() async throws -> Counters {
        try await self.pool.read { try Counters($0.rows(Self.counted), 0) }
    }

    // MARK: orders

    private static let undoable = Query(
        "undoable",
        """
        SELECT token, count(*), count(DISTINCT message), max(until), (
            SELECT f.actor FROM hoptop.facts f WHERE f.message = min(d.message) AND f.kind = 'dropped'
            ORDER BY f.sequence DESC LIMIT 1)
        FROM hoptop.dropped d WHERE until >= $1 GROUP BY token ORDER BY max(until), token
        """)

    public func undoable(at now: Timestamp) async throws -> [UndoableDrop] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.undoable, [.integer(now.milliseconds)])
            return try (0..<rows.count).map { row in
                UndoableDrop(
                    token: try rows.integer(row, 0), recipients: try rows.number(row, 1),
                    messages: try rows.number(row, 2), until: try rows.timestamp(row, 3),
                    actor: rows.textIfPresent(row, 4))
            }
        }
    }

    private static let allRules = Query("all-rules", "SELECT id, at, actor, terms FROM hoptop.rules ORDER BY id")

    public func rules() async throws -> KeptRules {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.allRules)
            var kept = KeptRules([])
            for row in 0..<rows.count {
                if let rule = try? StandingRule(rows, row) {
                    kept.rules.append(rule)
                } else {
                    kept.unreadable.insert(try rows.integer(row, 0))
                }
            }
            return kept
        }
    }
}

extension FactCursor {
    private static let prefix = "pg-"

    /// - Parameter place: the sequence of the fact before it.
    init(place: Int64) { self.init(place > 0 ? "\(Self.prefix)\(place)" : Self.start.description) }

    /// The sequence of the fact before it, in a PostgreSQL spool.
    var place: Int64 {
        get throws(SpoolError) {
            if self == .start { return 0 }
            guard self.description.hasPrefix(Self.prefix),
                let place = Int64(self.description.dropFirst(Self.prefix.count)), place > 0
            else { throw SpoolError(.foreign, "\(self.description) is no place among this spool's facts") }
            return place
        }
    }
}
