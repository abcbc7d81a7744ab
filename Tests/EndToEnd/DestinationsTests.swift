import Mail
import Monitor
import NIOPosix
import Relay
import Spool
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the destinations of a relay", .timeLimit(.minutes(1)))
    struct DestinationsTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// An engine with two routes to one host, one of which wants TLS, and none for other domains.
        private func start(_ endpoint: SocketEndpoint) async throws -> (relay: Relay, feed: any MonitorFeed) {
            var secure = Route(pattern: try #require(DomainPattern("z.example")), via: [endpoint])
            secure.security.tls = .verified
            secure.limits.connections = 3
            let routes = [Route(pattern: try #require(DomainPattern("y.example")), via: [endpoint]), secure]
            let relay = try await Relay.started("\(self.folder.path)/spool") { $0.routes = routes }
            return (relay, relay.feed(user: "ops"))
        }

        private func rows(_ feed: any MonitorFeed) async throws -> [String: DestinationRow] {
            let query = DestinationQuery(sort: .name, descending: false)
            let window = try await feed.destinations(query, window: WindowRequest(.row(number: 0), count: 100))
            #expect(window.total == window.rows.count)
            return Dictionary(uniqueKeysWithValues: window.rows.map { ($0.ref.id, $0) })
        }

        @Test("of one name there are two by their terms; what waits, backs off, is suspended and limited is told")
        func destinations() async throws {
            let endpoint = ClosedPort.endpoint
            let name = "\(endpoint)"
            let (relay, feed) = try await self.start(endpoint)
            // Routes show where mail would go before there is any.
            var rows = try await self.rows(feed)
            #expect(rows.keys.sorted() == [name, "\(name)#2"])
            #expect(rows[name]?.terms?.tls == "opportunistic" && rows["\(name)#2"]?.terms?.tls == "verified")
            #expect(rows["\(name)#2"]?.connectionLimit == 3)
            #expect(rows.values.allSatisfy { $0.condition == .ok && $0.waiting == 0 })

            try await relay.send(to: ["<a@z.example>", "<b@z.example>"])
            try await relay.send(to: ["<c@nowhere.example>"])
            #expect(try await eventually { try await self.rows(feed)["\(name)#2"]?.condition == .backoff })
            rows = try await self.rows(feed)
            let failing = try #require(rows["\(name)#2"])
            #expect(failing.waiting == 2 && failing.failures > 0 && failing.until != nil && failing.oldest != nil)
            #expect(failing.reason?.contains("refused") == true)
            // The other one of its name has none of that mail.
            #expect(rows[name]?.waiting == 0)
            let unrouted = try #require(rows[noRoute])
            #expect(unrouted.condition == .unrouted && unrouted.recipients[.queued] == 1)
            #expect(unrouted.reason == "nowhere.example")

            // An order is by name, and so holds for both; it is told also of a name that nothing leads to.
            for destination in [name, "old.example:25"] {
                let terms = StandingRule.Terms(.suspend(destination: destination), reason: "a new disk")
                _ = try await feed.perform(.set(terms: terms))
            }
            _ = try await feed.perform(.limit(destination: name, connections: 1))
            rows = try await self.rows(feed)
            for id in [name, "\(name)#2", "old.example:25"] {
                #expect(rows[id]?.condition == .suspended && rows[id]?.by == "ops" && rows[id]?.reason == "a new disk")
            }
            #expect(rows["\(name)#2"]?.isLimited == true && rows["\(name)#2"]?.connectionLimit == 1)

            let query = DestinationQuery(filter: try FilterExpression(parsing: "state:suspended dest:old"))
            let window = try await feed.destinations(query, window: WindowRequest(.row(number: 0), count: 10))
            #expect(window.rows.map(\.name) == ["old.example:25"] && window.total == 4)
            let wanted = SearchRequest(try FilterExpression(parsing: "no route"), from: 0)
            #expect(try await feed.find(wanted, in: DestinationQuery())?.id.id == noRoute)
            await relay.stop()
        }

        @Test("what a limit took the place of comes back as it was; where there is none, none is taken off")
        func limit() async throws {
            let endpoint = ClosedPort.endpoint
            let (relay, feed) = try await self.start(endpoint)
            func perform(_ action: StandingAction) async throws -> StandingAction? {
                try await feed.perform(action).inverse
            }
            func rules() async throws -> [StandingRule.Terms] { try await feed.rules().map(\.rule.terms) }
            let name = "\(endpoint)"
            let first = StandingRule.Terms(
                .limit(destination: name, connections: 4), until: Timestamp.now.adding(milliseconds: 3_600_000),
                reason: "a slow disk")
            _ = try await perform(.set(terms: first))
            let back = try await perform(.limit(destination: name, connections: 2))
            #expect(try await rules() == [StandingRule.Terms(.limit(destination: name, connections: 2))])
            _ = try await perform(try #require(back))
            #expect(try await rules() == [first])
            let off = StandingAction.limit(destination: name, connections: nil)
            #expect(try await perform(off) == .set(terms: first))
            #expect(try await rules().isEmpty)
            _ = try await perform(try #require(try await perform(.limit(destination: name, connections: 3))))
            #expect(try await rules().isEmpty)
            let error = await #expect(throws: FeedError.self) { _ = try await perform(off) }
            #expect(error?.code == .gone)
            await relay.stop()
        }

        @Test("where mail would go is told: rule, next hop, hosts, and what was ordered instead")
        func route() async throws {
            let endpoint = ClosedPort.endpoint
            let (relay, feed) = try await self.start(endpoint)
            var answer = try #require(try await feed.route("bob@Z.example").first)
            #expect(answer.domain == "z.example" && answer.number == 2 && answer.rule == "z.example")
            #expect(answer.destination?.ref.id == "\(endpoint)#2" && answer.detour == nil)
            #expect(answer.hosts.map(\.name) == ["\(endpoint)"] && answer.hosts.first?.demand == "verified")
            // A source route goes to its first host (RFC 821 §3.6).
            #expect(try await feed.route("<@y.example:bob@z.example>").first?.domain == "y.example")
            let unrouted = try #require(try await feed.route("nowhere.example").first)
            #expect(unrouted.rule == nil && unrouted.problem?.contains("add a [[route]]") == true && !unrouted.leads)
            let order = StandingRule.Terms(.reroute(destination: "\(endpoint)", via: "127.0.0.1:2"))
            _ = try await feed.perform(.set(terms: order))
            answer = try #require(try await feed.route("bob@z.example").first)
            #expect(answer.detour == "127.0.0.1:2" && answer.hosts.map(\.name) == ["127.0.0.1:2"])
            await #expect(throws: FeedError.self) { try await feed.route("bob@") }
            await relay.stop()
        }
    }
}
