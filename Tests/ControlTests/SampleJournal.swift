import Mail
import Monitor

extension SampleFeed {
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        if let failure = self.failure { throw failure }
        let facts = try await self.facts(after: nil, count: 100).rows
        let rows = facts.enumerated().map { number, fact in
            JournalEntry(
                ref: JournalRef(node: Self.node, number: Int64(number)), fact: fact, messageID: "<1@b>", subject: "s",
                peer: "192.0.2.7:40112", hello: "c", with: "ESMTP", user: "ann",
                security: SessionSecurity(tls: "TLSv1.3", isVerified: true, policy: "DANE"))
        }
        return JournalWindow(
            rows: rows, start: "9", end: "7", isComplete: true, reached: Self.now, total: 99, at: Self.now)
    }
    func journalStatus() async throws -> JournalStatus {
        if let failure = self.failure { throw failure }
        return JournalStatus(
            directory: "/j", entries: 1, octets: 2, octetsLimit: 3, ageLimit: 4, oldest: Self.now, newest: Self.now,
            transcripts: 5, behind: 6, missing: 7, failure: "full")
    }
}
