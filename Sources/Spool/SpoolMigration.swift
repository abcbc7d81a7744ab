import GRDB

/// From which version a spool's tables were brought forward to which, or would be.
public struct SpoolMigration: Sendable, Hashable, Codable {
    /// 0: there were none.
    public var from: Int64
    public var to: Int64
    /// Nodes that work on tables which would be changed: `node 1 (mx1.example.net)`.
    public var live: [String] = []
}

extension PostgreSQLSpool {
    /// Brings the tables of a database forward, or makes them. Waits for the database.
    ///
    /// - Parameters:
    ///   - isForced: also while nodes work on them.
    ///   - isRehearsed: only says what would be done.
    /// - Throws: `.unavailable`, `.inUse`, `.newerVersion`, `.notWritable`.
    public static func migrate(
        _ address: DatabaseAddress, mayLoseCommits: Bool = false, isForced: Bool = false, isRehearsed: Bool = false
    ) throws(SpoolError) -> SpoolMigration {
        let link = DatabaseLink(address: address, mayLoseCommits: mayLoseCommits, lease: 30_000)
        do {
            let connection = try link.writing(watch: WatchedLink())
            guard !isRehearsed else { return try PostgreSQLSchema.rehearse(connection) }
            return try PostgreSQLSchema.migrate(connection, isForced: isForced)
        } catch { throw SpoolError(opening: address, error) }
    }
}

extension SpoolInspection {
    /// What the next opening of the directory does.
    public func migration() throws(SpoolError) -> SpoolMigration {
        do {
            let database = try self.open()
            let found = try database.read { db in try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }
            try database.close()
            return SpoolMigration(from: found, to: Int64(Schema.version))
        } catch { throw SpoolError(error, reading: true) }
    }
}
