import GRDB
public import Mail
public import NIOCore

extension SQLiteSpool: PolicyStore {
    public var policies: any PolicyStore { self }

    public func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { _, db in
            try db.execute(
                sql: "DELETE FROM policies WHERE until <= ?", arguments: [policy.fetched.milliseconds])
            try db.execute(
                sql: "INSERT OR REPLACE INTO policies (domain, id, text, fetched, until) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    policy.domain, policy.id, policy.text, policy.fetched.milliseconds, policy.until.milliseconds,
                ])
        }
    }

    public func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? {
        try await self.read { db in
            try Row.fetchOne(
                db, sql: "SELECT * FROM policies WHERE domain = ? AND until > ?",
                arguments: [domain, now.milliseconds]
            ).map {
                KeptPolicy(
                    domain: domain, id: try $0.checked("id"), text: try $0.checked("text"),
                    fetched: Timestamp(milliseconds: try $0.checked("fetched")),
                    until: Timestamp(milliseconds: try $0.checked("until")))
            }
        }
    }
}
