import GRDB
import Glibc

/// Reads what is in a spool while a relay may have it open. Everything blocks.
public enum SpoolListing {
    private static let page = 500

    /// Hands on each message that can be read, in the order in which they came.
    ///
    /// - Throws: ``SpoolError`` `.unavailable` where there is no spool, or it is not for us to read.
    public static func messages(in directory: String, _ body: (SpooledMessage) -> Void) throws(SpoolError) {
        let path = "\(directory)/spool.sqlite"
        guard access(path, R_OK) == 0 else {
            let reason = String(cString: strerror(errno))
            throw SpoolError(.unavailable, "the spool \(directory) cannot be read: \(reason)")
        }
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
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
        } catch { throw SpoolError(error, reading: true) }
    }
}
