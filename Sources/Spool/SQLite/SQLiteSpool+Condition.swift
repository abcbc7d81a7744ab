import GRDB
public import NIOCore
import NIOPosix

extension SQLiteSpool: SpoolCondition {
    public var condition: any SpoolCondition { self }

    /// Octets that the log of a spool's database may take, by the size of the disk that the folder is on.
    public static func largestLog(in directory: String) -> Int { SpoolDirectory.largestLog(at: directory) }

    public func freeOctets() throws(SpoolError) -> Int? { try self.directory.freeOctets() }

    /// A file first, since a small change of the database needs no more of the disk than it has already.
    public func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.threads.runIfActive(eventLoop: eventLoop) { try self.directory.tryWriting() }
            .flatMap { self.writer.submit(on: eventLoop) { _, _ in } }
    }

    public func factsBehind() async throws -> [String: Int] {
        try await self.read { db in
            let last = try Salvage.highestFact(db)
            let readers = try Row.fetchAll(db, sql: "SELECT name, sequence FROM readers").map { row in
                (try row.checked("name") as String, max(Int(last - (try row.checked("sequence") as Int64)), 0))
            }
            return Dictionary(uniqueKeysWithValues: readers)
        }
    }

    public var writing: SpoolWriting? { self.writer.writing }
    public var writingSince: NIODeadline? { self.directory.writes.since }
    public func restartWrites(since time: NIODeadline) -> Int { self.directory.writes.interrupt(since: time) }
}
