public import NIOCore

/// How the store is doing.
extension PostgreSQLSpool: SpoolCondition {
    public var condition: any SpoolCondition { self }

    private static let behind = Query(
        "behind", "SELECT r.name, greatest(c.last_fact - r.sequence, 0) FROM hoptop.readers r, hoptop.counters c")

    /// How much room the database has it does not say.
    public func freeOctets() throws(SpoolError) -> Int? { nil }

    /// A commit of its own, which is as durable as that of a message.
    public func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { _ in }
    }

    public func factsBehind() async throws -> [String: Int] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.behind)
            return try (0..<rows.count).reduce(into: [:]) { $0[try rows.text($1, 0)] = try rows.number($1, 1) }
        }
    }

    /// Reads count too, since they wait for the same database.
    public var writingSince: NIODeadline? { [self.writer.watch.since, self.pool.since].compactMap { $0 }.min() }
    public func restartWrites(since time: NIODeadline) -> Int {
        self.writer.watch.interrupt(since: time) + self.pool.interrupt(since: time)
    }
}
