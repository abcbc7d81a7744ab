import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("crashes", .timeLimit(.minutes(3 + Effort.kills / 20)))
    struct CrashTests {
        @Test(
            "kill -9 at any moment, with a far end that comes and goes: no message that got its 250 is lost, and the journal has each fact once"
        )
        func kills() async throws {
            let ledger = Ledger()
            let run = try await CrashRun(seed: Effort.seed, ledger: ledger)
            let tally = try await run.run(kills: Effort.kills)
            let summary = ledger.summary(queued: [])
            print("seed \(Effort.seed): \(tally); recipients: \(summary.line); lost: \(ledger.missing.count)")
            #expect(ledger.missing.isEmpty)
            #expect(try await JournalExamination.complaints(about: run.spool) == [])
            // What this is about has happened.
            #expect(summary.relayed > 0 && summary.bounced > 0)
            #expect(tally.cuts > 0 && tally.killsBeforeReady > 0)
        }
    }
}

extension Ledger.Summary {
    fileprivate var line: String { self.description.split(separator: "\n").joined(separator: ", ") }
}
