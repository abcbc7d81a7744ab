import Foundation
import NIOConcurrencyHelpers
import NIOCore

/// Hears that another node did something which this one should not find a second later, on a connection of its own (`LISTEN`).
///
/// What it misses, while that is lost or behind a pooler that passes nothing on, is found by whoever looks in any case.
final class FleetListener: Sendable {
    private struct State {
        var hasBegun = false
        var isClosed = false
    }

    private static let listen = Query("listen", "LISTEN hoptop")
    /// With the transaction that other nodes wait for; it says which node did it.
    static let notify = Query("notify", "SELECT pg_notify('hoptop', $1)")
    private static let betweenConnects = 1.0

    private let link: DatabaseLink
    private let node: UInt8
    private let watch = WatchedLink()
    private let state = NIOLockedValueBox(State())

    init(_ link: DatabaseLink, node: UInt8) {
        self.link = link
        self.node = node
    }

    /// - Parameter heard: called on the listener's thread.
    func begin(_ heard: @escaping @Sendable () -> Void) {
        let isFirst = self.state.withLockedValue { state in
            defer { state.hasBegun = true }
            return !state.hasBegun && !state.isClosed
        }
        guard isFirst else { return }
        let thread = Thread {
            while !self.isClosed {
                try? self.watch.watch { try self.run(heard) }
                if !self.isClosed { Thread.sleep(forTimeInterval: Self.betweenConnects) }
            }
        }
        thread.name = "hoptop-listen"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Ends the connection and, by that, the thread.
    func close() {
        self.state.withLockedValue { $0.isClosed = true }
        _ = self.watch.interrupt(since: .now())
    }

    private var isClosed: Bool { self.state.withLockedValue { $0.isClosed } }

    /// Returns when it is closed; fails when the connection is lost.
    private func run(_ heard: () -> Void) throws {
        let connection = try self.link.reading(watch: self.watch)
        guard !self.isClosed else { return }
        _ = try connection.rows(Self.listen)
        // What was told before.
        heard()
        while true {
            let told = try connection.waitForNotifications()
            if told.contains(where: { $0 != "\(self.node)" }) { heard() }
        }
    }
}
