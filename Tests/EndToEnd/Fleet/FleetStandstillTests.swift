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
        /// Two relays that send to one host: this process is one, the other can stand still.
        private struct Pair {
            let hop: SilentHop
            let other: Relay
            let server: Server
            private let folder: TemporaryFolder

            init() async throws {
                let database = try PostgreSQLCluster.shared.get().makeDatabase()
                let folder = try TemporaryFolder()
                let hop = try SilentHop()
                self.other = try await Relay.started(
                    as: 2, on: database, in: folder,
                    routes: [
                        Route(
                            pattern: try #require(DomainPattern("*")),
                            via: [SocketEndpoint(host: "127.0.0.1", port: hop.port)])
                    ], lease: 2000)
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
                self.server = try Server(
                    spool: "\(folder.path)/1", configuration: configuration, keepsElsewhere: true, until: .ready, [])
                (self.folder, self.hop) = (folder, hop)
            }

            /// What happened to mail.
            func kinds() async throws -> [FactRow.Kind] {
                try await self.other.feed(user: "ann").facts(after: "", count: 100).rows.map(\.kind)
                    .filter { !$0.isAboutNode }
            }
        }

        @Test("gives the next hop no message that the other one may have given it, whatever that had said before")
        func fence() async throws {
            let pair = try await Pair()
            try await pair.server.send("<1@fleet>", to: "u@d.example")
            let goOn = pair.hop.serveUntilData()
            pair.server.signal(SIGSTOP)
            pair.hop.serveUntilDot()
            pair.hop.answer("250 2.0.0 taken")
            #expect(try await eventually { try await pair.kinds().contains(.relayed) })
            // When it wakes up the reply is there, to which it would have sent the content.
            let heard = Task { goOn("354 go on") }
            try await Task.sleep(for: .milliseconds(200))
            pair.server.signal(SIGCONT)
            #expect(await !heard.value.contains("\r\n.\r\n"))
            #expect(pair.server.end(with: SIGTERM) == 0)
            #expect(try await pair.kinds() == [.accepted, .relayed])
            await pair.other.stop(within: 1)
        }

        @Test("returns nothing that the other one is delivering, although its own patience with it is over")
        func patience() async throws {
            let pair = try await Pair()
            let (hop, server) = (pair.hop, pair.server)
            try await server.send("<1@fleet>", to: "u@d.example")
            hop.serveUntilDot()
            hop.answer("451 4.3.0 not now")
            #expect(try await eventually { try await pair.kinds().contains(.deferred) })
            server.signal(SIGSTOP)
            hop.serveUntilDot()
            // The other one has it, and the time is past for which the first would have kept it.
            try await Task.sleep(for: .seconds(6))
            server.signal(SIGCONT)
            // It is back, and had the time to look for what waited too long.
            try await Task.sleep(for: .seconds(4))
            #expect(try await pair.kinds() == [.accepted, .deferred])
            hop.answer("250 2.0.0 taken")
            #expect(try await eventually { try await pair.kinds().contains(.relayed) })
            #expect(try await pair.kinds() == [.accepted, .deferred, .relayed])
            #expect(server.end(with: SIGTERM) == 0)
            await pair.other.stop(within: 1)
        }
    }
}
