import Mail
import Monitor
import NIOCore
import NIOPosix
import Relay
import Spool
import SpoolTesting
import Testing

extension EndToEnd {
    @Suite("standing rules of relays that share a queue", .timeLimit(.minutes(1)))
    struct FleetRuleTests {
        @Test("a limit is taken off at any node: one that it has not heard of yet, and both where there are two")
        func limit() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let folder = try TemporaryFolder()
            let relay = try await Relay.started(as: 1, on: database, in: folder)
            let other = try PostgreSQLSpool(database, node: 2, name: "mx2.example.net", lease: 30_000)
            let (feed, name) = (relay.feed(user: "ops"), "mx.example.org:25")
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            // As two nodes do that have not heard of each other's.
            let limits = [4, 2].map { StandingRule.Terms(.limit(destination: name, connections: $0)) }
            for terms in limits { _ = try await other.set(terms, at: .now, by: "ann", on: loop).get() }
            let off = try await feed.perform(.limit(destination: name, connections: nil))
            #expect(off.inverse == .set(terms: limits[1]))
            #expect(try await other.rules().rules.isEmpty)
            #expect(try await feed.rules().isEmpty)
            // What is set takes the place of all that there are, too.
            for terms in limits { _ = try await other.set(terms, at: .now, by: "ann", on: loop).get() }
            _ = try await feed.perform(.limit(destination: name, connections: 3))
            let orders = try await other.rules().rules.map(\.terms.order)
            #expect(orders == [.limit(destination: name, connections: 3)])
            await relay.stop()
            await other.close()
        }
    }
}
