import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Connections for reads, and for content on its way in: one for each thread that is at it, opened as they are needed.
final class ConnectionPool: Sendable {
    /// `@unchecked Sendable`: whoever takes it out of the pool has its connection alone.
    private struct Member: @unchecked Sendable {
        let connection: Connection
        let watch: WatchedLink
    }

    private struct State {
        var idle: [Member] = []
        var busy: [ObjectIdentifier: WatchedLink] = [:]
        var isClosed = false
    }

    private let link: DatabaseLink
    private let threads = NIOThreadPool(numberOfThreads: 3)
    private let state = NIOLockedValueBox(State())

    init(_ link: DatabaseLink) {
        self.link = link
        self.threads.start()
    }

    /// Runs it on the calling thread, which waits.
    ///
    /// - Parameter body: may run twice, where an idle connection turns out to be lost.
    func withConnection<Value>(_ body: (Connection) throws -> Value) throws(SpoolError) -> Value {
        do {
            while let idle = try self.takeIdle() {
                do { return try self.use(idle, body) } catch let error as PostgreSQLError where error.isLost {}
            }
            let watch = WatchedLink()
            return try self.use(Member(connection: try self.link.reading(watch: watch), watch: watch), body)
        } catch { throw SpoolError(database: error, reading: true) }
    }

    private func takeIdle() throws -> Member? {
        try self.state.withLockedValue { state in
            guard !state.isClosed else { throw SpoolError(.unavailable, "the spool is closed") }
            return state.idle.popLast()
        }
    }

    private func use<Value>(_ member: Member, _ body: (Connection) throws -> Value) throws -> Value {
        let key = ObjectIdentifier(member.connection)
        self.state.withLockedValue { $0.busy[key] = member.watch }
        defer {
            let isOfUse = !member.connection.isLost
            self.state.withLockedValue { state in
                state.busy[key] = nil
                if isOfUse, !state.isClosed { state.idle.append(member) }
            }
        }
        return try member.watch.watch { try body(member.connection) }
    }

    /// Since when the database has said nothing to the one that waits longest.
    var since: NIODeadline? { self.state.withLockedValue { $0.busy.values.compactMap(\.since).min() } }

    /// Ends the connections of those that have waited since `time` or longer; on one that was idle before they ask anew.
    func interrupt(since time: NIODeadline) -> Int {
        self.state.withLockedValue { $0.busy.values.reduce(0) { $0 + $1.interrupt(since: time) } }
    }

    func read<Value: Sendable>(
        on eventLoop: any EventLoop, _ body: @escaping @Sendable (Connection) throws -> Value
    ) -> EventLoopFuture<Value> {
        self.threads.runIfActive(eventLoop: eventLoop) { try self.withConnection(body) }
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        do { return try await self.threads.runIfActive { try self.withConnection(body) } } catch {
            throw error as? SpoolError ?? SpoolError(.unavailable, "the spool is closed")
        }
    }

    func close() async {
        let idle = self.state.withLockedValue { state in
            defer { state.idle = [] }
            state.isClosed = true
            return state.idle
        }
        withExtendedLifetime(idle) {}
        try? await self.threads.shutdownGracefully()
    }
}
