import Mail
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Spool

@Suite("copying a spool into another", .timeLimit(.minutes(5)))
struct TransferTests {
    @Test(
        "what is queued is there with all that is known of it, and rules hold what they held; a second copy finds it there",
        arguments: [(Implementation.sqlite, Implementation.postgresql), (.postgresql, .sqlite), (.memory, .postgresql)])
    func copies(_ from: Implementation, _ to: Implementation) async throws {
        func play(_ source: some StoreUnderTest, _ target: some StoreUnderTest) async throws {
            let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "example.org")))
            let at = Timestamp(milliseconds: 5)
            _ = try await target.spool.set(
                StandingRule.Terms(.suspend(destination: "a:25")), at: at, by: "bob", on: target.loop
            ).get()
            let rule = try await source.spool.set(terms, at: at, by: "ann", on: source.loop).get()
            let small = try await source.accept(recipients: 3)
            _ = try await source.apply(.holdUnder(rule: rule.id), [small.target(1)])
            _ = try await source.settle(small, [.relayed])
            let large = source.message(octets: 300_000)
            let file = source.spool.newContentFile(for: large.id)
            for _ in 0..<3 { try file.append(ByteBuffer(repeating: 0x61, count: 100_000)) }
            try file.finish()
            try await source.spool.accept(NewMessage(large, content: .file(file)), on: source.loop).get()
            let gone = try await source.accept()
            _ = try await source.apply(.drop(undoUntil: Timestamp(milliseconds: 9)), [gone.target()])
            let bad = try await source.accept()
            try await source.damageContent(of: bad.id)

            let transfer = SpoolTransfer(
                from: source.spool, to: target.spool, threads: .singleton, loop: source.loop)
            let report = try await transfer.run()
            #expect((report.copied, report.present, report.settled, report.rules) == (2, 0, 1, 1))
            #expect(report.damaged.map(\.message) == [bad.id])
            let again = try await transfer.run()
            #expect((again.copied, again.present, again.settled, again.rules) == (0, 2, 1, 0))

            try await target.reopen()
            var expected = try #require(try await source.spool.message(small.id))
            let copy = try #require(try await target.spool.rules().rules.first { $0.terms == terms })
            #expect(copy.id != rule.id && copy.by == "ann" && copy.at == at)
            #expect(expected.recipients.map(\.state) == [.relayed, .hold, .queued])
            expected.recipients[1].heldUnder = copy.id
            #expect(try await target.spool.message(small.id) == expected)
            #expect(try await target.spool.lease(after: nil, count: 10).messages.map(\.id) == [small.id, large.id])
            #expect(try await target.content(of: small.id) == source.content(of: small.id))
            #expect(try await target.content(of: large.id) == String(repeating: "a", count: 300_000))
            #expect(target.spool.nextID(at: at) > large.id)
            #expect(try await source.spool.message(large.id) == large)
        }
        try await play(from.make(), to.make())
    }
}
