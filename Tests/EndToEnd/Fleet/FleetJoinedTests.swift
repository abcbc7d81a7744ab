import Mail
import Monitor
import Relay
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("nodes of one queue, watched as one", .timeLimit(.minutes(3)))
    struct FleetJoinedTests {
        @Test("each message is shown once, with the node that has it; what is done is done once")
        func once() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let folder = try TemporaryFolder()
            let relays = [
                try await Relay.started(as: 1, on: database, in: folder),
                try await Relay.started(as: 2, on: database, in: folder),
            ]
            let feeds = relays.map { $0.feed(user: "ann") }
            let window = WindowRequest<MessageRef>(.row(number: 0), count: 9)
            for (relay, count) in zip(relays, [2, 1]) {
                for _ in 0..<count { try await relay.send(to: ["<u@d.example>"]) }
            }
            // At one of them: all of it, and who has what.
            var rows: [QueueRow] = []
            let isKnown = try await eventually {
                rows = try await feeds[0].queue(QueueQuery(), window: window).rows
                return rows.count == 3
            }
            #expect(isKnown)
            #expect(rows.count { $0.holder == nil } == 2)
            #expect(rows.count { $0.holder == "mx2.example.net" } == 1)
            let other = QueueQuery(filter: FilterExpression(.node, is: "mx2.example.net"))
            #expect(try await feeds[0].queue(other, window: window).rows.count == 1)
            #expect(try await feeds[0].capabilities().sharing == ["mx1.example.net", "mx2.example.net"])

            let joined = JoinedFeed(zip(["a", "b"], feeds).map { ($0, $1) })
            _ = try await joined.capabilities()
            let all = try await joined.queue(QueueQuery(), window: window)
            #expect(Set(all.rows.map(\.ref.id)) == Set(rows.map(\.ref.id)))
            #expect(all.rows.count == 3 && all.matched == 3 && all.total == 3)
            #expect(all.rows.allSatisfy { $0.holder == nil })
            #expect(try await joined.queue(other, window: window).matched == 1)
            let fleet = try await joined.fleet()
            #expect(fleet.nodes.map(\.name) == ["mx1.example.net", "mx2.example.net"])
            #expect(fleet.nodes.map(\.messages) == [2, 1])
            let overview = try await joined.overview()
            #expect(overview.queuedMessages == 3 && overview.totals.received == 3)
            let facts = try await joined.facts(after: "", count: 100).rows
            #expect(facts.count { $0.kind == .accepted } == 3)
            #expect(try await joined.groups(QueueQuery(), by: .destination).groups.map(\.messages) == [3])
            let set = try await joined.freeze(QueueQuery())
            #expect(set.messages == 3)
            let receipt = try await joined.perform(.hold, on: .frozen(set: set.id))
            #expect(receipt.done == 3 && receipt.skipped.isEmpty)
            for relay in relays { await relay.stop(within: 1) }
        }
    }
}
