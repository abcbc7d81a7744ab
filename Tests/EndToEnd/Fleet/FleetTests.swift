import Foundation
import Glibc
import Logging
import Mail
import Monitor
import NIOCore
import NIOPosix
import Relay
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("several relays on one queue", .timeLimit(.minutes(15)))
    struct FleetTests {
        @Test("kill -9 of any of three, at any moment: what got its 250 arrives, by way of the others if need be")
        func kills() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let ledger = Ledger()
            let run = try await FleetRun(nodes: 3, seed: Effort.seed, ledger: ledger, database: database)
            let tally = try await run.run(Array(repeating: .kill, count: max(3, Effort.kills / 4)))
            try await run.finish()
            let summary = ledger.summary(queued: [])
            print("seed \(Effort.seed): \(tally); \(summary); lost: \(ledger.missing.count)")
            #expect(ledger.missing.isEmpty)
            #expect(summary.relayed > 0 && summary.bounced > 0)
        }

        @Test("a relay that stands still for longer than its lease: others take its mail, and it goes on by itself")
        func standstill() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let ledger = Ledger()
            let run = try await FleetRun(nodes: 3, seed: Effort.seed, ledger: ledger, database: database)
            let tally = try await run.run(Array(repeating: .stop(for: Effort.standstill), count: 2))
            try await run.finish()
            let summary = ledger.summary(queued: [])
            print("seed \(Effort.seed): \(tally); \(summary); lost: \(ledger.missing.count)")
            #expect(ledger.missing.isEmpty)
            #expect(summary.relayed > 0)
        }

        @Test("mail of a relay that is killed and does not come back is taken over by another")
        func takeover() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let ledger = Ledger()
            let run = try await FleetRun(nodes: 2, seed: Effort.seed, ledger: ledger, database: database)
            let address = try run.server(1).address
            var entries: [Ledger.Entry] = []
            for number in 0..<20 {
                // Its first attempt is put off, so that it waits at the first node.
                let (id, mailbox) = ("<\(number)@fleet>", "grey.\(number)@grey.example")
                _ = try await PlainClient(name: "client.example", server: address).send(id, to: [mailbox], octets: 100)
                entries.append(Ledger.Entry(id, mailbox))
            }
            ledger.sent(entries)
            try run.kill(1)
            try await run.finish()
            #expect(ledger.missing.isEmpty)
            #expect(ledger.summary(queued: []).relayed == 20)
        }

        @Test("a node that is gone is told of at the others, until it is forgotten")
        func gone() async throws {
            let cluster = try PostgreSQLCluster.shared.get()
            let database = try cluster.makeDatabase()
            let folder = try TemporaryFolder()
            let relay = try await Relay.started(as: 1, on: database, in: folder, lease: 1000)
            await (try PostgreSQLSpool(database, node: 2, name: "mx2")).close()
            let feed = relay.feed(user: "ann")
            func told() async throws -> [Attention.Kind] { try await feed.overview().attention.map(\.kind) }
            #expect(try await feed.fleet().nodes.map(\.state) == [.up, .stopped])
            #expect(try await told().isEmpty)
            // As of a process that was killed.
            try cluster.execute("UPDATE hoptop.nodes SET stopped = false WHERE node = 2", in: database.database)
            #expect(try await eventually { try await told() == [.nodeGone(name: "mx2")] })
            #expect(try await feed.forget(2).nodes.map(\.number) == [1])
            #expect(try await eventually { try await told().isEmpty })
            #expect(await #expect(throws: FeedError.self) { try await feed.forget(2) }?.code == .gone)
            #expect(await #expect(throws: FeedError.self) { try await feed.forget(1) }?.code == .invalid)
            await relay.stop(within: 0)
        }

        @Test("mail brought back at another node waits at its own; drained, that one hands it on")
        func undoElsewhere() async throws {
            let database = try PostgreSQLCluster.shared.get().makeDatabase()
            let folder = try TemporaryFolder()
            func start(_ node: UInt8) async throws -> (Relay, any Fleet) {
                let configuration = RelayConfiguration(
                    hostname: "mx\(node).example.net", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                    spoolDirectory: "\(folder.path)/\(node)")
                let spool = try PostgreSQLSpool(database, node: node, name: "mx\(node)")
                let relay = Relay(
                    configuration, keyring: try Keyring(configuration), spool: spool, threads: .singleton, log: silence)
                try await relay.start()
                return (relay, spool)
            }
            func row(_ feed: any MonitorFeed) async throws -> QueueRow? {
                try await feed.queue(QueueQuery(), window: WindowRequest<MessageRef>(.row(number: 0), count: 1)).rows
                    .first
            }
            func isElsewhere(_ row: QueueRow?) -> Bool { if case .otherNode? = row?.why { true } else { false } }

            let (first, second) = (try await start(1), try await start(2))
            let (own, other) = (first.0.feed(user: "ann"), second.0.feed(user: "bob"))
            try await first.0.send(to: ["<u@d.example>"])
            #expect(try await eventually { isElsewhere(try await row(other)) })
            let ref = try #require(try await row(other)?.ref)
            let dropped = try await other.perform(.drop, on: .messages(references: [ref], matching: .all))
            #expect(dropped.done == 1)
            #expect(try await eventually { try await row(own) == nil })
            #expect(try await other.undo(try #require(dropped.undo)).done == 1)
            #expect(try await eventually { try await row(own).map { !isElsewhere($0) } ?? false })

            let loop = MultiThreadedEventLoopGroup.singleton.next()
            #expect(try await second.1.drain(1, true, on: loop).get())
            #expect(try await eventually { try await row(other).map { !isElsewhere($0) } ?? false })
            await first.0.stop()
            await second.0.stop()
        }
    }
}
