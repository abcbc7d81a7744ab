import Control
import Mail
import Monitor
import NIOCore
import Relay
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    /// The journal, the log and whoever watches read facts: what is none of them is known to nobody afterwards.
    @Suite("whatever an operator may do is a fact", .timeLimit(.minutes(1)))
    struct OperatorFactTests {
        private let folder: TemporaryFolder
        private let hop: SilentHop
        init() throws {
            self.folder = try TemporaryFolder()
            self.hop = try SilentHop()
        }

        /// By their names in the code: a call that is new has to be added to ``act(_:_:)``. What only reads is none of them.
        private static let calls = ControlAPI.calls
            .filter { $0.route.role == .operator && $0.route.method == .post }.map { "\($0)" }

        private func relay(for call: String) async throws -> Relay {
            switch call {
            case "DrainCall":
                let database = try PostgreSQLCluster.shared.get().makeDatabase()
                return try await Relay.started(as: 2, on: database, in: self.folder)
            case "ForgetNodeCall":
                let database = try PostgreSQLCluster.shared.get().makeDatabase()
                try await PostgreSQLSpool(database, node: 3, name: "mx3").close()
                return try await Relay.started(as: 2, on: database, in: self.folder)
            case "CloseCall":
                let any = try #require(DomainPattern("*"))
                return try await Relay.started("\(self.folder.path)/spool") {
                    $0.routes = [Route(pattern: any, via: [SocketEndpoint(host: "127.0.0.1", port: self.hop.port)])]
                }
            default: return try await Relay.startedWithoutRoutes(in: self.folder)
            }
        }

        /// Does what a call is for, at a relay that has no mail yet.
        ///
        /// - Returns: what has to be known of it afterwards, by the name of `ops`.
        private func act(_ call: String, _ relay: Relay) async throws -> String {
            let feed = relay.feed(user: "ops")
            func all() async throws -> Targets {
                try await relay.send(to: ["<u@d.example>"])
                #expect(try await eventually { try await feed.overview().queuedMessages == 1 })
                return .frozen(set: try await feed.freeze(QueueQuery()).id)
            }
            switch call {
            case "QueueActionCall":
                _ = try await feed.perform(.hold, on: try await all())
                return "held <u@d.example>"
            case "UndoCall":
                let undo = try await feed.perform(.drop, on: try await all()).undo
                _ = try await feed.undo(try #require(undo))
                return "restored <u@d.example>"
            case "PurgeCall":
                _ = try await feed.perform(.drop, on: try await all())
                let rehearsal = try await feed.purge(until: nil, of: nil)
                #expect(try await feed.purge(until: rehearsal.undoUntil, of: 1).done == 1)
                return "purged <u@d.example>"
            case "RerouteCall":
                _ = try await feed.reroute(try await all(), via: "127.0.0.1:1")
                return "rerouted <u@d.example> 127.0.0.1:1"
            case "EditCall":
                _ = try await feed.edit(try await all(), .address(to: "v@d.example"))
                return "readdressed <v@d.example> <u@d.example>"
            case "StandingActionCall":
                _ = try await feed.perform(.set(terms: StandingRule.Terms(.hold(mail: .recipient(pattern: "*")))))
                return "ruleSet 1 hold to *"
            case "CloseCall":
                try await relay.send(to: ["<u@d.example>"])
                self.hop.serveUntilDot()
                let window = WindowRequest<SessionRef>(.row(number: 0), count: 9)
                let rows = try await feed.connections(ConnectionQuery(), window: window).rows
                let session = try #require(rows.first { $0.direction == .outbound })
                _ = try await feed.close(session.ref)
                let known = try await feed.facts(after: nil, count: 9).rows.first { $0.kind == .closed }
                #expect(known?.message == session.message && known?.session == session.ref)
                return "closed 127.0.0.1:\(self.hop.port) \(try await feed.capabilities().node)"
            case "DrainCall":
                _ = try await feed.drain(2, true)
                return "drained node 2 (\(try await feed.capabilities().node))"
            case "ForgetNodeCall":
                _ = try await feed.forget(3)
                return "forgotten node 3 (mx3)"
            case "ShutdownCall":
                relay.allowShutdown {}
                let name = try await feed.capabilities().node
                try await feed.shutDown(name)
                return "shutdown \(name)"
            default: throw Failure("what is \(call)?")
            }
        }

        @Test(arguments: Self.calls)
        func fact(_ call: String) async throws {
            let relay = try await self.relay(for: call)
            let expected = try await self.act(call, relay)
            // At once, as the operator is told that it is done.
            let rows = try await relay.feed(user: "other").facts(after: nil, count: 100).rows
            let known = rows.filter { $0.actor == "ops" }.map { row in
                [row.kind.rawValue, row.to, row.nextHop, row.text].compactMap { $0 }.joined(separator: " ")
            }
            #expect(known.contains(expected), "\(known)")
            await relay.stop(within: 0)
        }
    }
}
