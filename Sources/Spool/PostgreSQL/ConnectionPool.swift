import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Connections for reads, and for content on its way in: one for each thread that is at it, opened as they are needed.
final class ConnectionPool: Sendable {
    /// `@unchecked Sendable`: whoever takes it out of the pool has it alone.
    private struct Idle: @unchecked Sendable { let connection: Connection }

    private struct State {
        var idle: [Idle] = []
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
    /// - QueryValue body: may run twice, where an idle connection turns out to be lost.
    func withConnection<Value>(_ body: (Connection) throws -> Value) throws(SpoolError) -> Value {
        do {
            while let idle = try self.takeIdle() {
                do { return try self.use(idle, body) } catch let error as PostgreSQLError where error.isLost {}
            }
            return try self.use(Idle(connection: try self.link.reading()), body)
        } catch { throw SpoolError(database: error, reading: true) }
    }

    private func takeIdle() throws -> Idle? {
        try self.state.withLockedValue { state in
            guard !state.isClosed else { throw SpoolError(.unavailable, "the spool is closed") }
            return state.idle.popLast()
        }
    }

    private func use<Value>(_ idle: Idle, _ body: (Connection) throws -> Value) throws -> Value {
        defer {
            if !idle.connection.isLost {
                self.state.withLockedValue { state in if !state.isClosed { state.idle.append(idle) } }
            }
        }
        return try body(idle.connection)
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
