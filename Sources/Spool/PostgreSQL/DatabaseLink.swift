import Mail
import Synchronization

/// Whether anybody still waits for a database that does not answer.
final class DatabasePatience: Sendable {
    private let ended = Atomic(false)

    var isOver: Bool { self.ended.load(ordering: .relaxed) }
    func end() { self.ended.store(true, ordering: .relaxed) }
}

/// What every connection of a node is opened with, and what is looked at before it is used.
struct DatabaseLink: Sendable {
    let address: DatabaseAddress
    /// A commit may be lost when the database's machine fails: somebody said so.
    let mayLoseCommits: Bool
    /// How long a node's lease lasts, in milliseconds.
    let lease: Int64
    /// When it is over nothing is connected any more.
    let patience = DatabasePatience()

    private static let settings = Query(
        "settings",
        """
        SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('server_encoding')
        """)
    /// So that the database lets go of the number of a node whose machine is gone.
    private static let keepalives = [
        "SET tcp_keepalives_idle = 10", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 3",
    ].enumerated().map { Query("keepalive-\($0)", $1) }
    /// What a process that stands still has locked in the middle of a transaction is let go of before its lease is over.
    private static let idleLimit = Query(
        "idle-limit", "SELECT set_config('idle_in_transaction_session_timeout', ($1::bigint / 2)::text, false)")
    private static let withoutSync = Query("without-sync", "SET synchronous_commit = off")

    /// Opens the connection whose commits stand behind each 250.
    ///
    /// - Throws: `.unavailable` also where a commit would not be durable.
    func writing(watch: WatchedLink) throws -> Connection {
        let connection = try self.connect(watch)
        for query in Self.keepalives { try connection.add(query) }
        try connection.add(Self.idleLimit, [.integer(self.lease)])
        let found = try connection.rows(Self.settings)
        guard try found.text(0, 2) == "UTF8" else {
            throw SpoolError(.unavailable, "the spool's database is not in UTF8: make one with createdb -E UTF8")
        }
        for (place, name) in ["synchronous_commit", "fsync"].enumerated() {
            guard !self.mayLoseCommits, try found.text(0, place) == "off" else { continue }
            throw SpoolError(
                .unavailable,
                "\(name) is off in the spool's database, so that accepted mail may be lost: set it to on, or say "
                    + "spool.may-lose-commits = true")
        }
        return connection
    }

    /// Opens one for reads, and for content on its way in, which the commit of its message makes durable.
    func reading(watch: WatchedLink) throws -> Connection {
        let connection = try self.connect(watch)
        try connection.add(Self.withoutSync)
        try connection.run()
        return connection
    }

    private func connect(_ watch: WatchedLink) throws -> Connection {
        guard !self.patience.isOver else { throw PostgreSQLError("nobody waits for it any more", isLost: true) }
        return try Connection(self.address, watch: watch)
    }
}
