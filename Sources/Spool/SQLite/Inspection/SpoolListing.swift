import GRDB
import Glibc

/// Reads what is in a spool while a relay may have it open. Everything blocks.
///
/// All of it throws ``SpoolError`` `.unavailable` where there is no spool, or it is not for us to read.
public enum SpoolListing {
    private static let page = 500

    /// Hands on each message that can be read, in the order in which they came.
    public static func messages(in directory: String, _ body: (SpooledMessage) -> Void) throws(SpoolError) {
        try self.read(directory) { database in
            var last = Int64.min
            while true {
                // A read that went on and on would keep the relay from folding its log back.
                let rows = try database.read { db in
                    try Row.fetchAll(
                        db, sql: "SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT ?",
                        arguments: [last, self.page])
                }
                for row in rows {
                    last = try row.checked("id")
                    if let message = try? SpooledMessage(row) { body(message) }
                }
                if rows.count < self.page { return }
            }
        }
    }

    /// What domains are to be told of, oldest day first; a spool of an older version has none.
    public static func talliedDays(in directory: String) throws(SpoolError) -> [TalliedDay] {
        try self.read(directory) { database in
            try database.read { db in try db.tableExists("tallies") ? TalliedDay.all(db, before: .max) : [] }
        }
    }

    public static func tallies(
        in directory: String, of domain: String, on day: Int
    ) throws(SpoolError) -> [Tally] {
        try self.read(directory) { database in try database.read { try Tally.all($0, of: domain, on: day) } }
    }

    private static func read<Value>(
        _ directory: String, _ body: (DatabaseQueue) throws -> Value
    ) throws(SpoolError) -> Value {
        let path = "\(directory)/spool.sqlite"
        guard access(path, R_OK) == 0 else {
            let reason = String(cString: strerror(errno))
            throw SpoolError(.unavailable, "the spool \(directory) cannot be read: \(reason)")
        }
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            return try body(try DatabaseQueue(path: path, configuration: configuration))
        } catch { throw SpoolError(error, reading: true) }
    }
}
