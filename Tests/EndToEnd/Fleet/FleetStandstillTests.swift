import Foundation
import Glibc
import Mail
import Monitor
import Relay
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("a relay that stood still while another took its mail over", .timeLimit(.minutes(3)))
    struct FleetStandstillTests {
        @Test("returns nothing that the other one is delivering, although its own patience with it is over")
        func patience() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let folder = try TemporaryFolder()
            let hop = try SilentHop()
            let other = try await Relay.started(
                as: 2, on: database, in: folder,
                routes: [
                    Route(
                        pattern: try #require(DomainPattern("*")),
                        via: [SocketEndpoint(host: "127.0.0.1", port: hop.port)])
                ], lease: 2000)
            let feed = other.feed(user: "ann")
            func kinds() async throws -> [FactRow.Kind] { try await feed.facts(after: "", count: 100).rows.map(\.kind) }
            let configuration = "\(folder.path)/1.toml"
            try """
            [queue.retry]
            first = "3s"
            longest = "3s"
            give-up = "6s"
            [[route]]
            domain = "*"
            via = ["127.0.0.1:\(hop.port)"]
            [spool]
            directory = "\(folder.path)/1"
            store = "\(database)"
            node = 1
            lease = "2s"
            """.write(toFile: configuration, atomically: true, encoding: .utf8)
            let server = try Server(
                spool: "\(folder.path)/1", configuration: configuration, keepsElsewhere: true, until: .ready, [])
            try await server.send("<1@fleet>", to: "u@d.example")
            hop.serveUntilDot()
            hop.answer("451 4.3.0 not now")
            #expect(try await eventually { try await kinds().contains(.deferred) })
            server.signal(SIGSTOP)
            hop.serveUntilDot()
            // The other one has it, and the time is past for which the first would have kept it.
            try await Task.sleep(for: .seconds(6))
            server.signal(SIGCONT)
            // It is back, and had the time to look for what waited too long.
            try await Task.sleep(for: .seconds(4))
            #expect(try await kinds() == [.accepted, .deferred])
            hop.answer("250 2.0.0 taken")
            #expect(try await eventually { try await kinds().contains(.relayed) })
            #expect(try await kinds() == [.accepted, .deferred, .relayed])
            #expect(server.end(with: SIGTERM) == 0)
            await other.stop(within: 1)
        }
    }
}
