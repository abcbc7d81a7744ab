import Foundation
import Logging
import Mail
import Monitor
import NIOCore
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("source routes, byte for byte (RFC 821 §3.6)", .timeLimit(.minutes(2)))
    struct SourceRouteTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// What a relay said to its next hop: reverse-path and forward-path.
        private func said(by engine: Engine) async throws -> [String] {
            let feed = engine.relay.feed(user: "test")
            let sessions = try await feed.connections(
                ConnectionQuery(includesEnded: true), window: WindowRequest(.row(number: 0), count: 100))
            var said: [String] = []
            for row in sessions.rows where row.direction == .outbound {
                let lines = try await feed.transcript(row.ref, from: 0, count: 1000)?.lines ?? []
                said += lines.filter { $0.speaker == .client }.map(\.text).compactMap { line in
                    for verb in ["MAIL FROM:", "RCPT TO:"] where line.hasPrefix(verb) {
                        return String(line.dropFirst(verb.count).prefix { $0 != " " })
                    }
                    return nil
                }
            }
            return said
        }

        private func engine(
            _ name: String, _ mode: RelayConfiguration.SourceRoutes, routes: [(String, String)]
        ) async throws -> Engine {
            var configuration = RelayConfiguration(
                hostname: name, listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))], sourceRoutes: mode,
                spoolDirectory: "\(self.folder.path)/\(name)")
            configuration.routes = routes.compactMap { pattern, address in
                guard let pattern = DomainPattern(pattern), let host = SocketEndpoint(address) else { return nil }
                return Route(pattern: pattern, via: [host])
            }
            return try await Engine.start(configuration, log: silence)
        }

        @Test("honoured along A, D, P, U, Z, with and without the first name", arguments: ["@A,@D,@P,@U", "@D,@P,@U"])
        func honored(_ route: String) async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let u = try await self.engine("U", .honor, routes: [("Z", "\(farEnd.endpoint)")])
            let p = try await self.engine("P", .honor, routes: [("U", u.relay.listening[0])])
            let d = try await self.engine("D", .honor, routes: [("P", p.relay.listening[0])])
            let a = try await self.engine("A", .honor, routes: [("D", d.relay.listening[0])])
            try await a.relay.send(to: ["<\(route):u@Z>"])
            ledger.sent([Ledger.Entry("<1@c>", "u@Z")])
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(try await self.said(by: a) == ["<@A:s@c>", "<@D,@P,@U:u@Z>"])
            #expect(try await self.said(by: d) == ["<@D,@A:s@c>", "<@P,@U:u@Z>"])
            #expect(try await self.said(by: p) == ["<@P,@D,@A:s@c>", "<@U:u@Z>"])
            #expect(try await self.said(by: u) == ["<@U,@P,@D,@A:s@c>", "<u@Z>"])
            for engine in [a, d, p, u] { await engine.stop() }
            await farEnd.stop()
        }

        @Test("a bounce comes back along the reverse-path")
        func bounce() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let a = try await self.engine("A", .honor, routes: [("c", "\(farEnd.endpoint)")])
            let d = try await self.engine(
                "D", .honor, routes: [("Z", "\(farEnd.endpoint)"), ("A", a.relay.listening[0])])
            var configuration = RelayConfiguration(
                hostname: "A", listen: [], sourceRoutes: .honor, spoolDirectory: "\(self.folder.path)/A")
            configuration.routes = [
                Route(
                    pattern: try #require(DomainPattern("D")),
                    via: [try #require(SocketEndpoint(d.relay.listening[0]))]),
                Route(pattern: try #require(DomainPattern("c")), via: [farEnd.endpoint]),
            ]
            a.relay.reload(configuration, keyring: try Keyring(configuration))
            try await a.relay.send(to: ["<@D:nobody@Z>"])
            ledger.sent([Ledger.Entry("<1@c>", "nobody@Z")])
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(try await self.said(by: d) == ["<@D,@A:s@c>", "<nobody@Z>", "<>", "<@A:s@c>"])
            #expect(try await self.said(by: a).suffix(2) == ["<>", "<s@c>"])
            for engine in [a, d] { await engine.stop() }
            await farEnd.stop()
        }

        @Test("stripped, the mailbox is relayed without its route")
        func stripped() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let a = try await self.engine("A", .strip, routes: [("Z", "\(farEnd.endpoint)")])
            try await a.relay.send(to: ["<@A,@D,@P,@U:u@Z>"])
            ledger.sent([Ledger.Entry("<1@c>", "u@Z")])
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(try await self.said(by: a) == ["<s@c>", "<u@Z>"])
            await a.stop()
            await farEnd.stop()
        }
    }
}
