import Mail
import NIOCore
import Testing

@testable import Spool

@Suite("facts that are handed on as they were written")
struct RecentFactsTests {
    @Test("followers read what the database would tell them, from each place on and however many at a time")
    func sameAsWritten() async throws {
        let fixture = try TemporarySpool()
        for recipients in [1, 5, 2] {
            let message = try await fixture.accept(
                recipients: recipients, content: "Subject: a \u{1b}[2J\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n")
            let targets = (0..<recipients).map { RecipientTarget(message: message.id, index: $0, generation: 0) }
            _ = try await fixture.apply(.hold, targets)
            let other = try await fixture.accept(recipients: recipients)
            _ = try await fixture.settle(
                other, (0..<recipients).map { $0 == 1 ? .deferred : .relayed },
                report: NewMessage(fixture.message(octets: 1), content: .buffer(ByteBuffer(string: "x"))))
        }
        let end = try #require(fixture.spool.recentFacts.newest(count: 0)?.end)
        let fresh = try await self.answers(fixture, upTo: end)
        try await fixture.reopen()
        #expect(fixture.spool.recentFacts.facts(after: end, count: 1) == nil)
        #expect(fixture.spool.recentFacts.newest(count: 0) == nil)
        for (read, fresh) in zip(try await self.answers(fixture, upTo: end), fresh) {
            #expect(read.end == fresh.end)
            #expect(read.missing == fresh.missing)
            for (read, fresh) in zip(read.facts, fresh.facts) { #expect(read == fresh) }
            #expect(read.facts.count == fresh.facts.count)
        }
    }

    /// What the spool tells from each place on.
    private func answers(_ fixture: TemporarySpool, upTo end: Int64) async throws -> [FactPage] {
        var pages: [FactPage] = []
        for count in [1, 2, 7, 100] {
            pages.append(try await fixture.spool.newestFacts(count: count))
            for start in 0...end {
                let cursor = start == 0 ? FactCursor.start : FactCursor("\(start)")
                pages.append(try await fixture.spool.facts(after: cursor, count: count))
            }
        }
        return pages
    }

    @Test("so many are kept; what is older is left to the database")
    func bounded() async throws {
        let recent = RecentFacts(limit: 10)
        for last in 1...30 {
            let fact = SharedFact(fact: Fact(at: .now, kind: .accepted, message: nil, recipient: last))
            recent.append([RecentFacts.Row(last: Int64(last), fact)])
        }
        #expect(recent.facts(after: 19, count: 100) == nil)
        let all = try #require(recent.facts(after: 20, count: 100))
        #expect(all.rows.map(\.fact.recipient) == Array(21...30) && all.end == 30)
        let some = try #require(recent.facts(after: 20, count: 3))
        #expect(some.rows.map(\.fact.recipient) == Array(21...23) && some.end == 23)
        let none = try #require(recent.facts(after: 30, count: 100))
        #expect(none.rows.isEmpty && none.end == 30)
        #expect(recent.facts(after: 31, count: 100) == nil)
        #expect(recent.newest(count: 11) == nil)
        #expect(recent.newest(count: 3)?.rows.map(\.fact.recipient) == [28, 29, 30])
    }

    @Test("what a transaction wrote that failed is told to nobody")
    func rolledBack() async throws {
        struct Refusal: Error {}
        let fixture = try TemporarySpool()
        let first = try await fixture.accept()
        let failed = fixture.spool.writer.submit(on: fixture.loop) { store, db in
            try store.insert(SharedFact(fact: Fact(at: .now, kind: .held, message: first.id)), db)
            throw Refusal()
        }
        await #expect(throws: SpoolError.self) { try await failed.get() }
        let second = try await fixture.accept()
        let facts = try await fixture.spool.facts(after: .start, count: 10).facts
        #expect(facts.map(\.message) == [first.id, second.id])
    }
}
