import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// The socket of a connection, and since when the database has said nothing of what it was asked there.
final class WatchedLink: Sendable {
    private struct State {
        var socket: CInt?
        /// Which connection's the socket is.
        var number = 0
        var since: NIODeadline?
    }
    private let state = NIOLockedValueBox(State())

    /// When the write that is under way began, or last moved on; `nil`: none is.
    var since: NIODeadline? { self.state.withLockedValue { $0.since } }

    /// - Returns: the connection's number.
    func opened(_ socket: CInt) -> Int {
        self.state.withLockedValue { state in
            state.socket = socket
            state.number += 1
            return state.number
        }
    }

    /// Before the socket is closed, which may be another connection's then.
    func closed(_ number: Int) {
        self.state.withLockedValue { state in if state.number == number { state.socket = nil } }
    }

    func movedOn() { self.state.withLockedValue { state in if state.since != nil { state.since = .now() } } }

    func watch<Value>(_ body: () throws -> Value) rethrows -> Value {
        self.state.withLockedValue { $0.since = .now() }
        defer { self.state.withLockedValue { $0.since = nil } }
        return try body()
    }

    /// Ends the connection of a write that has stood still since `time` or longer: whoever waits for it connects anew, and
    /// asks what became of it.
    func interrupt(since time: NIODeadline) -> Int {
        self.state.withLockedValue { state in
            guard let since = state.since, since <= time, let socket = state.socket else { return 0 }
            shutdown(socket, CInt(SHUT_RDWR))
            return 1
        }
    }
}
