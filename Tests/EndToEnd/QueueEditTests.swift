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
    @Suite("groups of the queue, and recipients that are changed", .timeLimit(.minutes(1)))
    struct QueueEditTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        private func row(_ feed: any MonitorFeed) async throws -> QueueRow? {
            let window = WindowRequest<MessageRef>(.row(number: 0), count: 1)
            return try await feed.queue(QueueQuery(), window: window).rows.first
        }
        private func targets(_ feed: any MonitorFeed) async throws -> Targets {
            let row = try #require(try await self.row(feed))
            return .messages(references: [row.ref], matching: .all)
        }

        @Test("a group's door leads to its recipients and no others, whatever the queue is grouped by")
        func groups() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let feed = relay.feed(user: "ops")
            try await relay.send(to: ["<b@q.example>", "<c@g.example>", "<d@q.example>"])
            try await relay.send(to: ["<E@g.example>"])
            #expect(
                try await eventually {
                    try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).total == 2
                })
            let some = try await feed.freeze(QueueQuery(filter: try FilterExpression(parsing: "to:q.example")))
            #expect(some.active == 0)
            _ = try await feed.perform(.hold, on: .frozen(set: some.id))
            for filter in ["", "to:g.example | state:hold to:b@"] {
                let query = QueueQuery(filter: try FilterExpression(parsing: filter))
                let all = try await feed.freeze(query)
                for grouping in QueueGrouping.allCases {
                    let groups = try await feed.groups(query, by: grouping)
                    #expect(groups.recipients == all.recipients && groups.messages == all.messages)
                    #expect(groups.groups.reduce(0) { $0 + $1.recipients.unsettled } == all.recipients)
                    for group in groups.groups {
                        let behind = try await feed.freeze(
                            QueueQuery(filter: group.door(grouping, of: query)))
                        #expect(behind.recipients == group.recipients.unsettled, "\(grouping): \(group)")
                        #expect(behind.messages == group.messages, "\(grouping): \(group)")
                    }
                }
            }
            let states = try await feed.groups(QueueQuery(), by: .state)
            #expect(states.groups.map(\.value) == ["hold", "queued"])
            #expect(states.groups.map(\.messages) == [1, 2])
            #expect(try await feed.groups(QueueQuery(), by: .destination).groups.map(\.value) == [noRoute])
            #expect(try await feed.groups(QueueQuery(), by: .client).groups.map(\.value) == ["127.0.0.1"])
            // Two of the first message are held, and its row is about one of them.
            let row = try #require(try await self.row(feed))
            #expect(row.client == "127.0.0.1")
            #expect(row.why == .held(by: "ops"))
            await relay.stop()
        }

        @Test("mail for an address that is wrong goes to the right one; what is put off waits, also over a restart")
        func edit() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            func start() async throws -> (Relay, any MonitorFeed) {
                let relay = try await Relay.started("\(self.folder.path)/spool") {
                    $0.retry.first = 600_000
                    $0.routes = [Route(pattern: try #require(DomainPattern("*")), via: [farEnd.endpoint])]
                }
                return (relay, relay.feed(user: "ops"))
            }
            let (before, first) = try await start()
            try await before.send(to: ["<u@grey.example>"])
            #expect(try await eventually { try await self.row(first)?.state == .deferred })

            let mail = try await self.targets(first)
            await #expect(throws: FeedError.self) { try await first.edit(mail, .address(to: "nobody")) }
            let tooLate = RecipientEdit.due(at: Timestamp.now.adding(milliseconds: 400 * 86_400_000))
            await #expect(throws: FeedError.self) { try await first.edit(mail, tooLate) }

            let time = Timestamp.now.adding(milliseconds: 3_600_000)
            let stale = try await self.targets(first)
            #expect(try await first.edit(stale, .due(at: time)).done == 1)
            #expect(try await first.edit(stale, .due(at: time)).skipped == [.changed: 1])
            #expect(try await self.row(first)?.nextAttempt == time)
            await before.stop()
            let (relay, feed) = try await start()
            #expect(try await eventually { try await self.row(feed)?.nextAttempt == time })

            let edited = try await feed.edit(try await self.targets(feed), .address(to: "v@wide.example"))
            #expect(edited.done == 1 && edited.touched != nil)
            ledger.sent([Ledger.Entry("<1@c>", "v@wide.example")])
            #expect(try await eventually { ledger.missing.isEmpty })
            let facts = try await feed.facts(after: "", count: 100).rows
            #expect(facts.map(\.kind) == [.accepted, .deferred, .retried, .readdressed, .relayed])
            #expect(facts[3].to == "<v@wide.example>" && facts[3].text == "<u@grey.example>")
            #expect(facts[3].actor == "ops" && facts[4].to == "<v@wide.example>")
            await relay.stop()
            await farEnd.stop()
        }

        @Test("mail that was never tried goes to the address that it was given, and to no other")
        func neverTried() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let relay = try await Relay.started("\(self.folder.path)/spool") {
                $0.routes = [Route(pattern: try #require(DomainPattern("wide.example")), via: [farEnd.endpoint])]
            }
            let feed = relay.feed(user: "ops")
            try await relay.send(to: ["<u@no-route.example>"])
            #expect(try await eventually { try await self.row(feed)?.state == .queued })
            let edited = try await feed.edit(try await self.targets(feed), .address(to: "v@wide.example"))
            #expect(edited.done == 1)
            ledger.sent([Ledger.Entry("<1@c>", "v@wide.example")])
            #expect(try await eventually { ledger.missing.isEmpty })
            await relay.stop()
            await farEnd.stop()
        }
    }
}
