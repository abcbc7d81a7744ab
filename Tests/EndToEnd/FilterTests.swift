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
    /// Mixed mail: what a filter shows, finds and lets an operator touch.
    @Suite("filters and actions", .timeLimit(.minutes(1)))
    struct FilterTests {
        private let folder: TemporaryFolder
        private let relay: Relay
        private let feed: any MonitorFeed

        init() async throws {
            self.folder = try TemporaryFolder()
            self.relay = try await Relay.startedWithoutRoutes(in: self.folder)
            self.feed = self.relay.feed(user: "ops")
        }

        private func query(_ filter: String) throws -> QueueQuery {
            QueueQuery(filter: try FilterExpression(parsing: filter), sort: .to, descending: false)
        }
        private func rows(_ filter: String = "") async throws -> [QueueRow] {
            try await self.feed.queue(self.query(filter), window: WindowRequest(.row(number: 0), count: 100)).rows
        }

        @Test("an action on what a filter matched touches those recipients, and no others of their messages")
        func exactly() async throws {
            try await self.relay.send(to: ["<b@q.example>", "<c@g.example>", "<d@q.example>"])
            try await self.relay.send(to: ["<e@g.example>"])
            #expect(try await eventually { try await self.rows().count == 2 })

            let set = try await self.feed.freeze(self.query("q.example"))
            #expect((set.recipients, set.messages) == (2, 1))
            let dropped = try await self.feed.perform(.drop, on: .frozen(set: set.id))
            #expect((dropped.done, dropped.messages, dropped.skipped) == (2, 1, [:]))
            #expect(try await self.rows().map(\.to) == ["<c@g.example>", "<e@g.example>"])
            #expect(try await self.rows().map(\.matching) == [1, 1])

            // Taken back, and dropped again.
            let undone = try await self.feed.undo(try #require(dropped.undo))
            #expect(undone.done == 2)
            #expect(try await eventually { try await self.rows("q.example").first?.matching == 2 })
            let again = try await self.feed.perform(.drop, on: .frozen(set: try #require(undone.touched)))
            #expect((again.done, again.skipped) == (2, [:]))

            // A row of a filtered view stands for what matched of its message.
            try await self.relay.send(to: ["<f@q.example>", "<g@g.example>"])
            #expect(try await eventually { try await self.rows("q.example").count == 1 })
            let row = try #require(try await self.rows("q.example").first)
            #expect((row.to, row.matching, row.recipients.unsettled) == ("<f@q.example>", 1, 2))
            let held = try await self.feed.perform(
                .hold, on: .messages(references: [row.ref], matching: self.query("q.example").filter))
            #expect(held.done == 1)
            #expect(try await self.rows("state:hold").map(\.to) == ["<f@q.example>"])
            // What was held can be let go of, and only that.
            let released = try await self.feed.perform(.release, on: .frozen(set: try #require(held.touched)))
            #expect((released.done, released.skipped) == (1, [:]))
            #expect(try await self.rows("state:hold").isEmpty)
            await self.relay.stop()
        }

        @Test("a search finds what no window holds, going round")
        func find() async throws {
            for number in 0..<40 { try await self.relay.send(to: ["<u\(number + 10)@a.example>"]) }
            #expect(try await eventually { try await self.rows().count == 40 })
            let query = try self.query("")
            func find(_ text: String, from start: Int, isForward: Bool = true) async throws -> Int? {
                let wanted = try FilterExpression(parsing: text)
                return try await self.feed.find(SearchRequest(wanted, from: start, isForward: isForward), in: query)?
                    .row
            }
            #expect(try await find("u49", from: 0) == 39)
            #expect(try await find("u10", from: 20) == 0)
            #expect(try await find("/u.9@/", from: 10) == 19)
            #expect(try await find("/u.9@/", from: 8, isForward: false) == 39)
            #expect(try await find("nobody", from: 0) == nil)
            await self.relay.stop()
        }

        @Test("mail without a route is told with how many domains it is for, and its door shows all of it")
        func unrouted() async throws {
            try await self.relay.send(to: ["<b@q.example>", "<c@G.example>", "<@r.example,@s.example:d@q.example>"])
            #expect(try await eventually { try await self.rows().count == 1 })
            let overview = try await self.feed.overview()
            #expect(overview.attention.map(\.kind) == [.unrouted(domains: 2, example: "g.example")])
            #expect(overview.attention.first?.count == 3)
            let door = try #require(overview.attention.first?.door)
            #expect(try await self.feed.freeze(QueueQuery(filter: door)).recipients == 3)
            #expect(overview.destinations.map(\.door) == [door])
            await self.relay.stop()
        }

        @Test("a next hop that puts mail off is not shown as ok, and its door shows what it put off")
        func deferring() async throws {
            let farEnd = try await FarEnd.start(ledger: Ledger())
            let relay = try await Relay.started("\(self.folder.path)/deferring") {
                $0.routes = [Route(pattern: try #require(DomainPattern("*")), via: [farEnd.endpoint])]
            }
            let feed = relay.feed(user: "ops")
            try await relay.send(to: ["<b@grey.example>", "<c@grey.example>", "<d@good.example>"])
            #expect(try await eventually { try await feed.overview().destinations.first?.total == 2 })
            #expect(try await eventually { try await feed.overview().destinations.first?.condition == .deferring })
            let overview = try await feed.overview()
            let attention = try #require(overview.attention.first)
            guard case .deferring(let destination, let reply) = attention.kind else {
                Issue.record("\(attention)")
                return
            }
            #expect((destination, attention.count) == (farEnd.endpoint.description, 2))
            #expect(reply.hasPrefix("451 4.7.1"))
            let door = try #require(attention.door)
            #expect(try await feed.freeze(QueueQuery(filter: door)).recipients == 2)
            await relay.stop()
            await farEnd.stop()
            await self.relay.stop()
        }

        @Test("the engine's way of matching says what the filter says of the rows")
        func agrees() async throws {
            for number in 0..<30 {
                try await self.relay.send(
                    from: "<app\(number % 3)@shop.example>", to: ["<u\(number)@d\(number % 4).example>"])
            }
            #expect(try await eventually { try await self.rows().count == 30 })
            for text in [
                "u1", "U1", "app2", "!app2", "app1 d2", "app1 | d2", "to:d3", "to=u7@d3.example", "from:/app[01]/",
                "dest:\"no route\"", "!dest:route", "state:queued", "state:hold", "try:0", "try>0", "size>1k",
                "size<1k",
                "age<1h", "age>1h", "next<1h", "reply:d2", "code:4", "user:x", "tls:1", "/u.@/", "id:x",
            ] {
                let filter = try FilterExpression(parsing: text)
                let now = Timestamp.now
                let expected = try await self.rows().filter { filter.matches(QueueRowSubject($0, at: now)) }
                #expect(try await self.rows(text).map(\.ref.id) == expected.map(\.ref.id), "\(text)")
            }
            await self.relay.stop()
        }
    }
}
