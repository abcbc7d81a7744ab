import Mail
import Monitor
import Relay
import SMTP
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("the hosts of a route, one after the other (RFC 5321 §5.1)", .timeLimit(.minutes(1)))
    struct HostListTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        enum Fault: String, CaseIterable { case greylists, closesAtMail, breaksAtRecipient }

        private static func manners(_ fault: Fault) -> Sink.Manners {
            var manners = Sink.Manners()
            switch fault {
            case .greylists: manners.refusal = Reply(450, "4.2.0", "Greylisted")
            case .closesAtMail: manners.transactions = 0
            case .breaksAtRecipient: manners.resetsAtRecipient = true
            }
            return manners
        }

        private func start(_ hosts: [Sink]) async throws -> Relay {
            let endpoints = hosts.map { SocketEndpoint(host: "127.0.0.1", port: $0.port) }
            let route = Route(pattern: try #require(DomainPattern("*")), via: endpoints)
            return try await Relay.started("\(self.folder.path)/spool") { $0.routes = [route] }
        }

        /// What became of a mailbox, attempt by attempt: the kind of fact and the host.
        private func attempts(_ relay: Relay, _ mailbox: String) async throws -> [(kind: FactRow.Kind, host: String?)] {
            try await relay.feed(user: "ops").facts(after: "", count: 100).rows
                .filter { $0.to == "<\(mailbox)>" && $0.kind != .accepted }.map { ($0.kind, $0.nextHop) }
        }

        @Test("mail that the first host puts off goes to the second one at once, and once", arguments: Fault.allCases)
        func second(_ fault: Fault) async throws {
            let bad = try await Sink(Self.manners(fault), at: "127.0.0.1", port: 0)
            let good = try await Sink(at: "127.0.0.1", port: 0)
            let relay = try await self.start([bad, good])
            try await relay.send(to: ["<a@z.example>", "<b@z.example>"])
            #expect(try await eventually { !good.messages.isEmpty })
            #expect(try await eventually { try await self.attempts(relay, "b@z.example").count == 2 })
            // Each attempt names its host.
            let attempts = try await self.attempts(relay, "b@z.example")
            #expect(attempts.map(\.kind) == [.deferred, .relayed])
            #expect(attempts.map(\.host) == ["127.0.0.1:\(bad.port)", "127.0.0.1:\(good.port)"])
            #expect(good.messages.map(\.to) == [["a@z.example", "b@z.example"]])
            #expect(bad.messages.isEmpty)
            await relay.stop()
            await bad.stop()
            await good.stop()
        }

        @Test("nothing goes to a host that is suspended, as the second of a list either")
        func suspended() async throws {
            let busy = try await Sink(Self.manners(.greylists), at: "127.0.0.1", port: 0)
            let other = try await Sink(at: "127.0.0.1", port: 0)
            let relay = try await self.start([busy, other])
            let feed = relay.feed(user: "ops")
            let terms = StandingRule.Terms(.suspend(destination: "127.0.0.1:\(other.port)"))
            _ = try await feed.perform(.set(terms: terms))
            try await relay.send(to: ["<a@z.example>"])
            #expect(try await eventually { try await self.attempts(relay, "a@z.example").count == 1 })
            #expect(try await self.attempts(relay, "a@z.example").map(\.host) == ["127.0.0.1:\(busy.port)"])
            // No other host is left: it waits by the retry schedule.
            let row = try #require(
                try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).rows.first)
            #expect(row.state == .deferred)
            #expect(try #require(row.nextAttempt) > Timestamp.now.adding(milliseconds: 60_000))
            await relay.stop()
            #expect(other.sessions == 0)
            await busy.stop()
            await other.stop()
        }
    }
}
