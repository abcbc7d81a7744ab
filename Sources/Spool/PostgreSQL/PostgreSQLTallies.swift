import NIOCore

/// What domains are to be told of, in the tables of a spool in PostgreSQL.
struct PostgreSQLTallies: TallyStore {
    let writer: PostgreSQLWriter
    let pool: ConnectionPool

    private static let addTally = Query(
        "add-tally",
        """
        INSERT INTO hoptop.tallies AS t (day, domain, what, count) VALUES ($1, $2, $3, $4)
        ON CONFLICT (day, domain, what) DO UPDATE SET count = t.count + excluded.count
        """)
    private static let days = Query(
        "tallied-days",
        """
        SELECT domain, day, count(*), sum(octet_length(what))::bigint, sum(count)::bigint FROM hoptop.tallies
        WHERE day < $1 GROUP BY day, domain ORDER BY day, domain COLLATE "C"
        """)
    private static let ofDay = Query(
        "tallies-of-day",
        "SELECT what, count FROM hoptop.tallies WHERE day = $1 AND domain = $2 ORDER BY what COLLATE \"C\"")
    private static let forgetDay = Query(
        "forget-tallies", "DELETE FROM hoptop.tallies WHERE day = $1 AND domain = $2")

    func add(_ tallies: [Tally], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        // In one order for all nodes, so that none waits for another that waits for it.
        let sorted = tallies.sorted { ($0.day, $0.domain, $0.what) < ($1.day, $1.domain, $1.what) }
        return self.writer.submit(.patient, on: eventLoop) { transaction in
            for tally in sorted {
                try transaction.connection.add(
                    Self.addTally,
                    [.integer(tally.day), .text(tally.domain), .text(tally.what), .integer(tally.count)])
            }
        }
    }

    func talliedDays(before day: Int) async throws -> [TalliedDay] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.days, [.integer(day)])
            return try (0..<rows.count).map { row in
                TalliedDay(
                    domain: try rows.text(row, 0), day: try rows.number(row, 1), kinds: try rows.number(row, 2),
                    octets: try rows.number(row, 3), count: try rows.number(row, 4))
            }
        }
    }

    func tallies(of domain: String, on day: Int) async throws -> [Tally] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.ofDay, [.integer(day), .text(domain)])
            return try (0..<rows.count).map {
                Tally(domain: domain, day: day, what: try rows.text($0, 0), count: try rows.number($0, 1))
            }
        }
    }

    func forgetTallies(of domain: String, on day: Int, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) {
            try $0.connection.add(Self.forgetDay, [.integer(day), .text(domain)])
        }
    }
}
