import DNS
import Foundation
import Glibc
import Mail
import Monitor
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    /// One relay that finds its next hops in a network of the tests' own.
    @Suite("delivery by DNS (RFC 5321 §5)", .timeLimit(.minutes(2)))
    final class ExchangerTests {
        private let folder: TemporaryFolder
        private let network: TestNetwork

        /// `127.0.0.2` and `.3` take mail; `.4` greets with 554, `.5` with 421; at `.9` nobody listens.
        init() async throws {
            self.folder = try TemporaryFolder()
            var refusing = Sink.Manners()
            refusing.greeting = Reply(554, "5.3.2", "No mail here")
            var busy = Sink.Manners()
            busy.greeting = Reply(421, "4.3.2", "Later")
            self.network = try await TestNetwork(
                zones: [
                    Zone(name: "plain.example", records: Self.records),
                    Zone(name: "signed.example", records: "@ MX 10 mx\nmx A 127.0.0.2", signing: .signed),
                    Zone(name: "bogus.example", records: "@ MX 10 mx\nmx A 127.0.0.2", signing: .bogus),
                ],
                hosts: [
                    "127.0.0.2": .init(), "127.0.0.3": .init(), "127.0.0.4": refusing, "127.0.0.5": busy,
                    "::1": .init(),
                ])
        }

        private static let records = """
            two A 127.0.0.2
            three A 127.0.0.3
            four A 127.0.0.4
            five A 127.0.0.5
            dead A 127.0.0.9
            six AAAA ::1
            half AAAA ::1
            half A 127.0.0.9
            mixed AAAA 100::1
            mixed A 127.0.0.2
            txt TXT nothing
            relay A 127.0.0.1
            best MX 10 two
            best MX 20 three
            second MX 10 dead
            second MX 20 three
            implicit A 127.0.0.3
            null MX 0 .
            alias CNAME best
            aliased MX 10 twoalias
            twoalias CNAME two
            loop MX 10 loop1
            loop1 CNAME loop2
            loop2 CNAME loop1
            v6 MX 10 six
            both MX 10 half
            refusing MX 10 four
            refusing MX 20 two
            allrefuse MX 10 four
            busy MX 10 five
            busy MX 20 four
            empty MX 10 txt
            emptyfirst MX 10 txt
            emptyfirst MX 20 two
            ours MX 10 relay.example.
            oursfirst MX 10 two
            oursfirst MX 20 relay.example.
            oursfirst MX 30 three
            nohost MX 10 gone
            xn--bcher-kva MX 10 two
            """

        private func relay(
            _ change: (inout RelayConfiguration) throws -> Void = { _ in }
        ) async throws -> Engine {
            var configuration = try self.network.configuration(spool: "\(self.folder.path)/spool")
            try change(&configuration)
            return try await Engine.start(configuration, log: silence)
        }

        /// The kind of fact that the first attempt for each mailbox becomes, its host without the port, and its text.
        private func attempts(
            _ mailboxes: [String], _ relay: Engine
        ) async throws -> [(kind: FactRow.Kind, host: String?, text: String)] {
            var attempts: [(FactRow.Kind, String?, String)] = []
            for mailbox in mailboxes {
                let fact = try await relay.relay.firstAttempt(to: mailbox)
                attempts.append((fact.kind, fact.nextHop.flatMap { SocketEndpoint($0) }?.host, fact.text ?? ""))
            }
            return attempts
        }

        @Test("the best exchanger that answers takes it; without MX, by a CNAME and by IDN it is found too")
        func found() async throws {
            let relay = try await self.relay()
            for (domain, host) in [
                ("best.plain.example", "two.plain.example"), ("second.plain.example", "three.plain.example"),
                ("implicit.plain.example", "implicit.plain.example"), ("alias.plain.example", "two.plain.example"),
                ("aliased.plain.example", "twoalias.plain.example"), ("v6.plain.example", "six.plain.example"),
                ("both.plain.example", "half.plain.example"), ("emptyfirst.plain.example", "two.plain.example"),
                ("oursfirst.plain.example", "two.plain.example"), ("xn--bcher-kva.plain.example", "two.plain.example"),
                ("mixed.plain.example", "mixed.plain.example"), ("signed.example", "mx.signed.example"),
                ("[127.0.0.3]", "127.0.0.3"), ("[IPv6:::1]", "::1"),
            ] {
                let attempt = try await self.attempts(["u@\(domain)"], relay)[0]
                #expect(attempt.kind == .relayed, "\(domain): \(attempt.text)")
                #expect(attempt.host == host, "\(domain)")
            }
            #expect(try self.network.sink("::1").messages.count == 3)
            await relay.stop()
        }

        @Test("what can never be delivered is returned at once, with the status that says why")
        func returned() async throws {
            let relay = try await self.relay()
            for (domain, text) in [
                ("null.plain.example", "556 5.1.10 null.plain.example takes no mail (null MX)"),
                ("gone.plain.example", "550 5.1.2 The domain gone.plain.example does not exist"),
                ("ours.plain.example", "554 5.4.6 Mail for ours.plain.example loops: we are its best mail exchanger"),
                ("empty.plain.example", "550 5.4.4 txt.plain.example has no address"),
                ("nohost.plain.example", "550 5.4.4 gone.plain.example has no address"),
                ("txt.plain.example", "550 5.4.4 txt.plain.example has no address"),
                ("allrefuse.plain.example", "554 5.3.2 No mail here"),
            ] {
                let attempt = try await self.attempts(["u@\(domain)"], relay)[0]
                #expect(attempt.kind == .bounced, "\(domain)")
                #expect(attempt.text == text, "\(domain)")
            }
            await relay.stop()
        }

        @Test("what may be delivered later is put off, and the reason names DNS where it is to blame")
        func putOff() async throws {
            let relay = try await self.relay()
            for (domain, text) in [
                ("elsewhere.example", "DNS: SERVFAIL for elsewhere.example MX"), ("bogus.example", "DNS: bogus"),
            ] {
                let reason = try await relay.relay.reasonToWait(for: "u@\(domain)")
                #expect(reason.hasPrefix(text), "\(domain): \(reason)")
            }
            let attempt = try await self.attempts(["u@loop.plain.example"], relay)[0]
            #expect(attempt.kind == .deferred)
            #expect(attempt.text == "DNS: SERVFAIL for loop1.plain.example A")
            await relay.stop()
        }

        @Test("a host that takes no mail is passed over; one that is busy is worth waiting for")
        func refusing() async throws {
            let relay = try await self.relay()
            let attempts = try await self.attempts(["u@refusing.plain.example", "u@busy.plain.example"], relay)
            #expect(attempts.map(\.kind) == [.relayed, .deferred])
            #expect(attempts[0].host == "two.plain.example")
            let feed = relay.relay.feed(user: "test")
            let window = WindowRequest<MessageRef>(.row(number: 0), count: 1)
            let waiting = try #require(try await feed.queue(QueueQuery(), window: window).rows.first)
            let ahead = try await feed.message(waiting.ref.id)?.recipients.first?.nextHops
            #expect(ahead == ["five", "four"].map { "\($0).plain.example:\(self.network.port)" })
            await relay.stop()
        }

        @Test("mail exchangers are known as hosts that can be suspended; where all of them are, the domain is")
        func suspended() async throws {
            let relay = try await self.relay()
            let feed = relay.relay.feed(user: "ops")
            #expect(try await self.attempts(["u@busy.plain.example"], relay)[0].kind == .deferred)
            for host in ["five", "four"] {
                let terms = StandingRule.Terms(.suspend(destination: "\(host).plain.example:\(self.network.port)"))
                #expect(try await feed.preview(terms).isKnown)
                _ = try await feed.perform(.set(terms: terms))
            }
            let rows = try await feed.overview().destinations
            #expect(rows.map(\.destination) == ["busy.plain.example"] && rows.map(\.condition) == [.suspended])
            // What is to be resumed is told, and what waits for that counted and shown.
            let hosts = ["five", "four"].map { "\($0).plain.example:\(self.network.port)" }
            let all = try await feed.destinations(DestinationQuery(), window: WindowRequest(.row(number: 0), count: 10))
            let row = try #require(all.rows.first { $0.name == "busy.plain.example" })
            #expect(row.suspendedHost.map(hosts.contains) == true)
            let attention = try await feed.overview().attention.filter(\.isSuspension)
            #expect(attention.map(\.count) == [1, 1])
            #expect(attention.allSatisfy { $0.door == FilterExpression(.dest, is: "busy.plain.example") })
            for host in hosts {
                #expect(try await feed.preview(StandingRule.Terms(.suspend(destination: host))).recipients == 1)
            }
            let suspension = try #require(try await feed.rules().about(hosts[0]) { _ in true }.first)
            #expect(try await feed.perform(.end(rule: suspension.ref)).done == 1)
            await relay.stop()
        }

        @Test("we are known by our addresses too, where exchangers listen")
        func ownAddress() async throws {
            let port = self.network.port
            let relay = try await self.relay { configuration in
                configuration.listen.append(Listener(SocketEndpoint(host: "127.0.0.9", port: port)))
            }
            let attempts = try await self.attempts(
                ["u@second.plain.example", "u@dead.plain.example", "u@[127.0.0.9]"], relay)
            #expect(attempts.map(\.kind) == [.bounced, .bounced, .bounced])
            #expect(attempts.allSatisfy { $0.text.hasPrefix("554 5.4.6") })
            await relay.stop()
        }

        @Test("a resolver that is down puts off what needs it, and nothing else; localhost needs none")
        func resolverDown() async throws {
            let port = self.network.port
            let relay = try await self.relay { configuration in
                // Nobody answers there, nor says so.
                configuration.resolver.servers = .addresses([try #require(ServerAddress("127.0.0.1:\(port)"))])
                configuration.resolver.trustAnchor = .none
                configuration.resolver.patience = 300
                configuration.routes =
                    [
                        Route(
                            pattern: try #require(DomainPattern("fixed.example")),
                            via: [SocketEndpoint(host: "127.0.0.2", port: port)]),
                        Route(
                            pattern: try #require(DomainPattern("local.example")),
                            via: [SocketEndpoint(host: "localhost", port: port)]),
                        Route(
                            pattern: try #require(DomainPattern("named.example")),
                            via: [SocketEndpoint(host: "two.plain.example", port: port)]),
                    ] + configuration.routes
            }
            #expect(try await relay.relay.reasonToWait(for: "u@best.plain.example").hasPrefix("DNS: "))
            let attempts = try await self.attempts(["u@fixed.example", "u@local.example", "u@named.example"], relay)
            #expect(attempts.map(\.kind) == [.relayed, .relayed, .deferred])
            #expect(attempts[2].text.hasPrefix("DNS: "), "\(attempts[2].text)")
            await relay.stop()
        }

        @Test("hosts of a route are looked up too; a name that does not exist is no reason to return mail")
        func namedHosts() async throws {
            let port = self.network.port
            let relay = try await self.relay { configuration in
                configuration.routes = [
                    Route(
                        pattern: try #require(DomainPattern("a.example")),
                        via: [SocketEndpoint(host: "two.plain.example", port: port)]),
                    Route(
                        pattern: try #require(DomainPattern("b.example")),
                        via: [SocketEndpoint(host: "gone.plain.example", port: port)]),
                ]
            }
            let attempts = try await self.attempts(["u@a.example", "u@b.example"], relay)
            #expect(attempts.map(\.kind) == [.relayed, .deferred])
            #expect(attempts[1].text == "DNS: gone.plain.example has no address")
            await relay.stop()
        }

        @Test("the program does it by its configuration, and changes name servers with SIGHUP")
        func program() async throws {
            let file = "\(self.folder.path)/hoptop.toml"
            func write(_ resolver: String) throws {
                try """
                resolver = "\(resolver)"
                trust-anchor = "\(self.network.trustAnchor)"
                [queue.retry]
                first = "200ms"
                [delivery]
                mx-port = \(self.network.port)
                [[route]]
                domain = "*"
                via = ["mx"]
                """.write(toFile: file, atomically: true, encoding: .utf8)
            }
            let other = try await NameServer([Zone(name: "other.example", records: "")])
            try write("\(other.address)")
            let server = try Server(spool: "\(self.folder.path)/program", configuration: file)
            try await server.send("<1@c>", to: "u@signed.example")
            try write("\(self.network.resolver)")
            server.signal(SIGHUP)
            try server.waitFor("configuration")
            server.signal(SIGUSR1)
            try server.waitFor("via=mx.signed.example:\(self.network.port)")
            #expect(try await eventually { try self.network.sink("127.0.0.2").messages.count == 1 })
            #expect(server.end(with: SIGTERM) == 0)
        }
    }
}
