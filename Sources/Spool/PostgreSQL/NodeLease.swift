import Foundation
import Mail

/// A node's place in the database: its number is its own as long as nobody took a higher token for it.
struct NodeLease: Sendable {
    private static let lock = Query(
        "node-lock", "SELECT CASE WHEN pg_try_advisory_lock(7235419, $1::bigint::int) THEN 1 ELSE 0 END::bigint")
    private static let take = Query(
        "node-take",
        """
        INSERT INTO hoptop.nodes AS n (node, token, name, written, last_id, until)
        VALUES ($1, 1, $2, 0, 0, now() + interval '30 seconds')
        ON CONFLICT (node) DO UPDATE SET token = n.token + 1, name = excluded.name, until = excluded.until
        RETURNING token, written, last_id
        """)
    private static let holder = Query("node-holder", "SELECT name FROM hoptop.nodes WHERE node = $1")
    private static let check = Query(
        "node-check", "SELECT written FROM hoptop.nodes WHERE node = $1 AND token = $2 FOR NO KEY UPDATE")
    private static let note = Query(
        "node-note",
        """
        UPDATE hoptop.nodes SET written = $3, last_id = greatest(last_id, $4), until = now() + interval '30 seconds'
        WHERE node = $1 AND token = $2
        """)
    private static let release = Query(
        "node-release", "UPDATE hoptop.nodes SET until = now() WHERE node = $1 AND token = $2")

    let node: UInt8
    /// Goes up with each start.
    let token: Int64
    /// The transactions that were written under this number.
    private(set) var written: Int64
    /// The highest queue ID that was given to a message.
    let lastID: QueueID?

    /// Takes the number, for as long as the connection lives.
    ///
    /// - Parameter name: tells operators which relay it is.
    /// - Throws: `.inUse` when another process has it.
    init(_ node: UInt8, name: String, on connection: Connection) throws {
        var tries = 0
        // Of a process that was killed the database may still end what was under way.
        while try !Self.lock(node, on: connection), tries < 30 {
            tries += 1
            Thread.sleep(forTimeInterval: 0.1)
        }
        guard tries < 30 else {
            let other = try connection.rows(Self.holder, [.integer(node)])
            let name = try other.count > 0 ? other.text(0, 0) : "another process"
            throw SpoolError(
                .inUse,
                "the spool's database is used by \(name) as node \(node): stop that one first, or name another database"
            )
        }
        let taken = try connection.rows(Self.take, [.integer(node), .text(name)])
        self.node = node
        self.token = try taken.integer(0, 0)
        self.written = try taken.integer(0, 1)
        let lastID = try taken.integer(0, 2)
        self.lastID = lastID > 0 ? QueueID(rawValue: lastID) : nil
    }

    /// The lock goes with its connection; who connects anew takes it again.
    static func lock(_ node: UInt8, on connection: Connection) throws -> Bool {
        try connection.rows(self.lock, [.integer(node)]).integer(0, 0) == 1
    }

    /// Queues the look whether the number is still ours, and keeps it so until the transaction ends. It fails when it is not.
    func check(on connection: Connection) throws {
        try connection.add(Self.check, [.integer(self.node), .integer(self.token)]) { rows in
            guard rows.count == 1 else { throw Self.lost(self.node) }
        }
    }

    /// Queues what is noted with each transaction.
    func note(_ lastID: QueueID?, on connection: Connection) throws {
        try connection.add(
            Self.note,
            [
                .integer(self.node), .integer(self.token), .integer(self.written + 1),
                .integer(lastID?.rawValue ?? 0),
            ])
    }

    mutating func committed() { self.written += 1 }

    /// Whether the transaction that was under way when the connection was lost has been committed. Waits until it has ended.
    func wasCommitted(on connection: Connection) throws -> Bool {
        var written: Int64?
        try connection.add(Self.check, [.integer(self.node), .integer(self.token)]) { rows in
            guard rows.count == 1 else { throw Self.lost(self.node) }
            written = try rows.integer(0, 0)
        }
        try connection.run()
        return written.map { $0 > self.written } ?? false
    }

    func release(on connection: Connection) throws {
        _ = try connection.rows(Self.release, [.integer(self.node), .integer(self.token)])
    }

    private static func lost(_ node: UInt8) -> SpoolError {
        SpoolError(.inUse, "another process took node \(node) of the spool's database: stop one of the two")
    }
}
