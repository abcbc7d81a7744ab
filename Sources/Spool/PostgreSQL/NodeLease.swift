import Foundation
import Mail

/// A node's place in the database: its number, and the messages that it holds under it.
///
/// The number is locked for as long as its connection lives, so that no two processes have it. What it holds is its own until
/// `until`, by the database's clock: each transaction looks whether that is past, and puts it off.
struct NodeLease: Sendable {
    /// Who asks for a number.
    struct Claimant: Sendable {
        var node: UInt8
        /// Of the relay, for operators.
        var name: String
        /// `hoptop 0.1.0`
        var software: String
        /// It is no relay, and comes once to bring mail, or to fetch it.
        var isCourier = false
    }

    /// Others may have taken what the node holds.
    struct Over: Error {}

    private static let lock = Query(
        "node-lock", "SELECT CASE WHEN pg_try_advisory_lock(7235419, $1::bigint::int) THEN 1 ELSE 0 END::bigint")
    private static let take = Query(
        "node-take",
        """
        INSERT INTO hoptop.nodes AS n (node, token, name, written, last_id, until, lease, software, courier)
        VALUES ($1, 1, $2, 0, 0, now() + $3::bigint * interval '1 ms', $3, $4, $5::bigint = 1)
        ON CONFLICT (node) DO UPDATE SET token = n.token + 1, until = excluded.until, lease = excluded.lease,
            name = CASE WHEN excluded.courier THEN n.name ELSE excluded.name END,
            software = CASE WHEN excluded.courier THEN n.software ELSE excluded.software END,
            courier = n.courier AND excluded.courier, stopped = false, shares = 0, known = 0, crowded = ''
        RETURNING token, written, last_id
        """)
    private static let holder = Query("node-holder", "SELECT name FROM hoptop.nodes WHERE node = $1")
    /// The time is looked at when the row is locked, however long that took: others may have had it until then.
    private static let check = Query(
        "node-check",
        """
        WITH locked AS MATERIALIZED (
            SELECT written, until FROM hoptop.nodes WHERE node = $1 AND token = $2 FOR NO KEY UPDATE)
        SELECT written, CASE WHEN until > clock_timestamp() THEN 1 ELSE 0 END::bigint FROM locked
        """)
    private static let note = Query(
        "node-note",
        """
        UPDATE hoptop.nodes SET written = $3, last_id = greatest(last_id, $4),
            until = now() + lease * interval '1 ms'
        WHERE node = $1 AND token = $2
        """)
    private static let release = Query(
        "node-release",
        """
        WITH released AS (UPDATE hoptop.nodes SET until = now(), stopped = true WHERE node = $1 AND token = $2 RETURNING node)
        SELECT pg_notify('hoptop', node::text) FROM released
        """)
    private static let unlock = Query("node-unlock", "SELECT pg_advisory_unlock(7235419, $1::bigint::int)")

    let node: UInt8
    let claimant: Claimant
    let milliseconds: Int64
    /// Goes up with each start, and when a lease was over.
    let token: Int64
    /// The transactions that were written under this number.
    private(set) var written: Int64
    /// The highest queue ID that was given to a message.
    let lastID: QueueID?

    /// Takes the number, for as long as the connection lives.
    ///
    /// - Throws: `.inUse` when another process has it.
    init(_ claimant: Claimant, milliseconds: Int64, on connection: Connection) throws {
        var tries = 0
        // Of a process that was killed the database may still end what was under way.
        while try !Self.lock(claimant.node, on: connection), tries < 30 {
            tries += 1
            Thread.sleep(forTimeInterval: 0.1)
        }
        guard tries < 30 else {
            let other = try connection.rows(Self.holder, [.integer(claimant.node)])
            let name = try other.count > 0 ? other.text(0, 0) : "another process"
            throw SpoolError(
                .inUse,
                "the spool's database is used by \(name) as node \(claimant.node): stop that one first, name another "
                    + "database, or let them share it, each with a number of its own (spool.node)")
        }
        try self.init(taking: claimant, milliseconds: milliseconds, on: connection)
        // Others share with one more from now on.
        _ = try connection.rows(FleetListener.notify, [.text("\(claimant.node)")])
    }

    /// - Parameter claimant: whose number is locked on the connection.
    private init(taking claimant: Claimant, milliseconds: Int64, on connection: Connection) throws {
        let taken = try connection.rows(
            Self.take,
            [
                .integer(claimant.node), .text(claimant.name), .integer(milliseconds), .text(claimant.software),
                .integer(claimant.isCourier ? 1 : 0),
            ])
        self.node = claimant.node
        self.claimant = claimant
        self.milliseconds = milliseconds
        self.token = try taken.integer(0, 0)
        self.written = try taken.integer(0, 1)
        let lastID = try taken.integer(0, 2)
        self.lastID = lastID > 0 ? QueueID(rawValue: lastID) : nil
    }

    /// The lease that follows one that was over, while the number is locked on the connection.
    func renewed(on connection: Connection) throws -> NodeLease {
        try NodeLease(taking: self.claimant, milliseconds: self.milliseconds, on: connection)
    }

    /// The lock goes with its connection; who connects anew takes it again.
    static func lock(_ node: UInt8, on connection: Connection) throws -> Bool {
        try connection.rows(self.lock, [.integer(node)]).integer(0, 0) == 1
    }

    /// Queues the look whether the lease is on, and keeps it so until the transaction ends.
    ///
    /// It fails with ``Over`` when its time is past, or the number was another process's meanwhile.
    func check(on connection: Connection) throws {
        try connection.add(Self.check, [.integer(self.node), .integer(self.token)]) { rows in
            guard rows.count == 1, try rows.integer(0, 1) == 1 else { throw Over() }
        }
    }

    /// Queues what is noted with each transaction, which renews the lease.
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

    /// The node stops: others may take its messages at once. Its number is free when this returns, and not only when the database
    /// has seen the end of the connection.
    func release(on connection: Connection) throws {
        _ = try connection.rows(Self.release, [.integer(self.node), .integer(self.token)])
        _ = try connection.rows(Self.unlock, [.integer(self.node)])
    }

    static func lost(_ node: UInt8) -> SpoolError {
        SpoolError(.inUse, "another process took node \(node) of the spool's database: stop one of the two")
    }
}
