import GRDB
import NIOCore

/// What domains are to be told of, in the tables of a spool in SQLite.
struct SQLiteTallies: TallyStore {
    let spool: SQLiteSpool

    func add(_ tallies: [Tally], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.writer.submit(.patient, on: eventLoop) { _, db in
            let statement = try db.cachedStatement(
                sql: """
                    INSERT INTO tallies (day, domain, what, count) VALUES (?, ?, ?, ?)
                    ON CONFLICT (day, domain, what) DO UPDATE SET count = count + excluded.count
                    """)
            for tally in tallies {
                try statement.execute(arguments: [tally.day, tally.domain, tally.what, tally.count])
            }
        }
    }

    func talliedDays(before day: Int) async throws -> [TalliedDay] {
        try await self.spool.read { try TalliedDay.all($0, before: day) }
    }

    func tallies(of domain: String, on day: Int) async throws -> [Tally] {
        try await self.spool.read { try Tally.all($0, of: domain, on: day) }
    }

    func forgetTallies(of domain: String, on day: Int, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.writer.submit(on: eventLoop) { _, db in
            try db.execute(sql: "DELETE FROM tallies WHERE day = ? AND domain = ?", arguments: [day, domain])
        }
    }
}

extension TalliedDay {
    static func all(_ db: Database, before day: Int) throws -> [TalliedDay] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT domain, day, count(*) AS kinds, sum(length(CAST(what AS BLOB))) AS octets, sum(count) AS count
                FROM tallies WHERE day < ? GROUP BY day, domain ORDER BY day, domain
                """, arguments: [day]
        ).map { row in
            TalliedDay(
                domain: try row.checked("domain"), day: try row.checked("day"), kinds: try row.checked("kinds"),
                octets: try row.checked("octets"), count: try row.checked("count"))
        }
    }
}

extension Tally {
    static func all(_ db: Database, of domain: String, on day: Int) throws -> [Tally] {
        try Row.fetchAll(
            db, sql: "SELECT what, count FROM tallies WHERE day = ? AND domain = ? ORDER BY what",
            arguments: [day, domain]
        ).map { Tally(domain: domain, day: day, what: try $0.checked("what"), count: try $0.checked("count")) }
    }
}
