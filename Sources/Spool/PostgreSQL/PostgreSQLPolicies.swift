import Mail
import NIOCore

/// The policies of domains, in the tables of a spool in PostgreSQL.
struct PostgreSQLPolicies: PolicyStore {
    let writer: PostgreSQLWriter
    let pool: ConnectionPool

    private static let keptColumns = "domain, id, text, fetched, until"
    private static let keep = Query(
        "keep-policy",
        """
        INSERT INTO hoptop.policies (\(keptColumns)) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (domain) DO UPDATE
        SET id = excluded.id, text = excluded.text, fetched = excluded.fetched, until = excluded.until
        """)
    private static let forgetPolicies = Query("forget-policies", "DELETE FROM hoptop.policies WHERE until <= $1")
    private static let kept = Query(
        "kept-policy", "SELECT \(keptColumns) FROM hoptop.policies WHERE domain = $1 AND until > $2")
    private static let due = Query(
        "due-policies",
        """
        SELECT \(keptColumns) FROM hoptop.policies
        WHERE fetched + least($1, (until - fetched) / 2) <= $2 AND until > $2 ORDER BY fetched LIMIT $3
        """)

    func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { transaction in
            try transaction.connection.add(Self.forgetPolicies, [.integer(policy.fetched.milliseconds)])
            try transaction.connection.add(
                Self.keep,
                [
                    .text(policy.domain), .text(policy.id), .text(policy.text), .integer(policy.fetched.milliseconds),
                    .integer(policy.until.milliseconds),
                ])
        }
    }

    func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.kept, [.text(domain), .integer(now.milliseconds)])
            return try rows.count > 0 ? KeptPolicy(rows, 0) : nil
        }
    }

    func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy] {
        try await self.pool.read { connection in
            let rows = try connection.rows(
                Self.due, [.integer(KeptPolicy.dayMilliseconds), .integer(now.milliseconds), .integer(count)])
            return try (0..<rows.count).map { try KeptPolicy(rows, $0) }
        }
    }
}

extension KeptPolicy {
    fileprivate init(_ rows: Rows, _ row: Int) throws(SpoolError) {
        self.init(
            domain: try rows.text(row, 0), id: try rows.text(row, 1), text: try rows.text(row, 2),
            fetched: try rows.timestamp(row, 3), until: try rows.timestamp(row, 4))
    }
}
