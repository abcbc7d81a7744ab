import GRDB
import Mail
import NIOCore

/// The policies of domains, in the tables of a spool in SQLite.
struct SQLitePolicies: PolicyStore {
    let spool: SQLiteSpool

    func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.writer.submit(on: eventLoop) { _, db in
            try db.execute(
                sql: "DELETE FROM policies WHERE until <= ?", arguments: [policy.fetched.milliseconds])
            try db.execute(
                sql: "INSERT OR REPLACE INTO policies (domain, id, text, fetched, until) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    policy.domain, policy.id, policy.text, policy.fetched.milliseconds, policy.until.milliseconds,
                ])
        }
    }

    func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? {
        try await self.spool.read { db in
            try Row.fetchOne(
                db, sql: "SELECT * FROM policies WHERE domain = ? AND until > ?",
                arguments: [domain, now.milliseconds]
            ).map { try KeptPolicy($0) }
        }
    }

    func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy] {
        try await self.spool.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM policies WHERE fetched + min(?, (until - fetched) / 2) <= ? AND until > ?
                    ORDER BY fetched LIMIT ?
                    """, arguments: [KeptPolicy.dayMilliseconds, now.milliseconds, now.milliseconds, count]
            ).map { try KeptPolicy($0) }
        }
    }
}

extension KeptPolicy {
    fileprivate init(_ row: Row) throws {
        self.init(
            domain: try row.checked("domain"), id: try row.checked("id"), text: try row.checked("text"),
            fetched: Timestamp(milliseconds: try row.checked("fetched")),
            until: Timestamp(milliseconds: try row.checked("until")))
    }
}
