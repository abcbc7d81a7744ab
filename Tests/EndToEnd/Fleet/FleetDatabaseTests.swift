import Mail
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("several relays whose database fails", .timeLimit(.minutes(15)))
    struct FleetDatabaseTests {
        private func run(_ blows: [FleetRun.Blow], on database: DatabaseAddress) async throws {
            let ledger = Ledger()
            let run = try await FleetRun(nodes: 3, seed: Effort.seed, ledger: ledger, database: database)
            let tally = try await run.run(blows)
            try await run.finish()
            let summary = ledger.summary(queued: [])
            print("seed \(Effort.seed): \(tally); \(summary); lost: \(ledger.missing.count)")
            #expect(ledger.missing.isEmpty)
            #expect(summary.relayed > 0)
        }

        @Test("a database that crashes while mail flows, again and again: what got its 250 arrives")
        func crashes() async throws {
            let cluster = try PostgreSQLCluster()
            let crash = FleetRun.Blow.crash(cluster) { try cluster.start() }
            try await self.run(Array(repeating: crash, count: Effort.crashes), on: cluster.makeDatabase())
        }

        @Test("a primary that is lost while mail flows, and its standby is promoted: what got its 250 arrives")
        func promotion() async throws {
            let primary = try PostgreSQLCluster()
            let database = try primary.makeDatabase().database
            let standby = try primary.makeStandby()
            try await self.run(
                [.crash(primary) { try standby.promote() }, .kill], on: primary.address(of: database, or: standby))
        }
    }
}
