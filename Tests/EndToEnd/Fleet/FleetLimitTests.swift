import Mail
import Monitor
import NIOCore
import Relay
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("a limit of connections to one host, at relays that share a queue", .timeLimit(.minutes(3)))
    struct FleetLimitTests {
        /// Relays that all send to one host, which takes one connection at a time.
        private struct Fleet {
            let sink: Sink
            let relays: [Relay]
            private let folder: TemporaryFolder
            private let database: DatabaseAddress
            private let route: Route

            init(nodes: UInt8, limit: Int) async throws {
                let database = try PostgreSQLCluster.shared.get().makeDatabase()
                let folder = try TemporaryFolder()
                var manners = Sink.Manners()
                manners.delay = .milliseconds(50)
                let sink = try await Sink(manners, at: "127.0.0.1", port: 0)
                var limits = RouteLimits()
                limits.connections = limit
                var route = Route(
                    pattern: try #require(DomainPattern("*")),
                    via: [SocketEndpoint(host: "127.0.0.1", port: sink.port)])
                route.limits = limits
                var relays: [Relay] = []
                for node in 1...nodes {
                    relays.append(try await .started(as: node, on: database, in: folder, routes: [route]))
                }
                (self.folder, self.sink, self.relays) = (folder, sink, relays)
                (self.database, self.route) = (database, route)
                for relay in relays {
                    let knowsAll = try await eventually {
                        try await relay.feed(user: "ann").capabilities().sharing?.count == Int(nodes)
                    }
                    #expect(knowsAll)
                }
            }

            /// One more.
            func start(_ node: UInt8) async throws -> Relay {
                try await .started(as: node, on: self.database, in: self.folder, routes: [self.route])
            }

            /// Why the mail of each relay's own waits.
            func reasons() async throws -> [WaitReason] {
                let window = WindowRequest<MessageRef>(.row(number: 0), count: 99)
                var reasons: [WaitReason] = []
                for relay in self.relays {
                    let rows = try await relay.feed(user: "ann").queue(QueueQuery(), window: window).rows
                    reasons += rows.filter { $0.holder == nil }.compactMap(\.why)
                }
                return reasons
            }

            /// - Parameter first: how many have stopped.
            func stop(after first: Int = 0) async {
                for relay in self.relays.dropFirst(first) { await relay.stop(within: 2) }
                await self.sink.stop()
            }
        }

        @Test("one connection for three relays: never a second; who waits says so, and has a turn before all is sent")
        func one() async throws {
            let fleet = try await Fleet(nodes: 3, limit: 1)
            // The first has mail for ten seconds, twice as long as a turn; the others have to wait for theirs.
            for number in 0..<200 { try await fleet.relays[0].send(to: ["<u\(number)@d.example>"]) }
            for relay in fleet.relays.dropFirst() { try await relay.send(to: ["<late@d.example>"]) }
            #expect(try await eventually { try await fleet.reasons().contains(.limitedElsewhere(connections: 1)) })
            #expect(try await eventually { fleet.sink.messages.count >= 202 })
            let isLate = fleet.sink.messages.map { $0.to.contains { $0.contains("late@") } }
            #expect(isLate.count == 202 && isLate.count { $0 } == 2)
            #expect(try #require(isLate.lastIndex(of: true)) < #require(isLate.lastIndex(of: false)))
            #expect(fleet.sink.mostSessionsAtOnce == 1)
            await fleet.stop()
        }

        @Test("a relay that comes up while all that the host takes is in use: never more than that")
        func comingUp() async throws {
            let fleet = try await Fleet(nodes: 1, limit: 4)
            for number in 0..<120 { try await fleet.relays[0].send(to: ["<u\(number)@d.example>"]) }
            #expect(try await eventually { fleet.sink.mostSessionsAtOnce == 4 })
            var relays = fleet.relays
            for node: UInt8 in 2...3 {
                let relay = try await fleet.start(node)
                relays.append(relay)
                for number in 0..<40 { try await relay.send(to: ["<u\(number)@d.example>"]) }
                let goesOn = try await eventually { fleet.sink.messages.count >= (node == 2 ? 80 : 200) }
                #expect(goesOn)
            }
            #expect(fleet.sink.messages.count == 200)
            #expect(fleet.sink.mostSessionsAtOnce == 4)
            for relay in relays.dropFirst() { await relay.stop(within: 2) }
            await fleet.stop()
        }

        @Test("two for three relays: never a third, and when one of them stops the others go on")
        func two() async throws {
            let fleet = try await Fleet(nodes: 3, limit: 2)
            for number in 0..<20 {
                for relay in fleet.relays { try await relay.send(to: ["<u\(number)@d.example>"]) }
            }
            _ = try await eventually { fleet.sink.messages.count >= 10 }
            await fleet.relays[0].stop(within: 2)
            #expect(try await eventually { fleet.sink.messages.count >= 60 })
            #expect(fleet.sink.messages.count == 60)
            #expect(fleet.sink.mostSessionsAtOnce == 2)
            await fleet.stop(after: 1)
        }
    }
}
