import Foundation
import Glibc
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
            let tally = try await run.run(Array(repeating: .stop, count: 2))
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
    }
}
