import Mail
import NIOCore
import SMTP
import Spool
import Testing

@testable import Journal

@Suite("entries as they are packed")
struct PackedEntriesTests {
    private func facts(_ entries: PackedEntries) -> [Fact] {
        entries.octets.withUnsafeBytes { octets in
            var facts: [Fact] = []
            var place = 0
            while let entry = PackedEntries.Entry(octets, at: place) {
                facts += [entry.fact(octets)].compactMap { $0 }
                place = entry.end
            }
            return facts
        }
    }

    @Test("each kind of fact has a place, and is read as it was", arguments: FactKind.allCases)
    func kinds(_ kind: FactKind) {
        var fact = Fact(
            at: TestJournal.start, kind: kind, message: QueueID("4Q7K"), recipient: 1, from: "<a@b>", to: "<c@d>",
            nextHop: "mx:25", remoteID: "7T", text: "250 ok", session: "in#1",
            security: SessionSecurity(tls: "TLSv1.3"),
            actor: "ops", contentOctets: 7, milliseconds: 9,
            arrival: Arrival(
                peer: "192.0.2.7:1", hello: "c", with: "ESMTP", session: "in#1", tls: "TLSv1.3", user: "u"),
            subject: ByteBuffer(string: "hi"), messageID: "<1@x>")
        fact.saidBy = .nextHop
        var (entries, grams) = (PackedEntries(), GramFilter())
        entries.append(fact, &grams)
        #expect(self.facts(entries) == [fact])
    }

    /// What several recipients share is not packed again for each: that must not show.
    @Test("a row of several recipients is what its facts are one by one, from whichever on", arguments: 0..<6)
    func row(_ first: Int) throws {
        var paths = try ["<@hop.example:u@d.example>", "<\u{FC}@d.example>", "<u3@d.example>", "<u33@d.example>"].map {
            try ForwardPath(parsing: $0, utf8: true)
        }
        // Of the first its domain is beyond what is kept of it.
        for local in [String(repeating: "x", count: 3000), "x"] {
            paths.append(.path(Path(mailbox: Mailbox(localPart: local, domain: Domain("late.example")))))
        }
        let others = zip(1..., paths.dropFirst()).map { SharedFact.Recipient(index: 3 * $0, forwardPath: $1) }
        let row = SharedFact(
            fact: Fact(
                at: TestJournal.start, kind: .relayed, message: QueueID("4Q7K"), recipient: 0, from: "<a@b>",
                to: paths[0].description, nextHop: "mx:25", text: "250 ok", session: "out#1", milliseconds: 9),
            others: others)
        #expect(row.count == 6)
        for end in first...row.count {
            var (together, itsGrams) = (PackedEntries(), GramFilter())
            var (alone, grams) = (PackedEntries(), GramFilter())
            // Of the entry before it nothing is taken for this one's.
            let before = Fact(at: TestJournal.start, kind: .accepted, message: QueueID("4Q7H"), to: "<z@z>")
            together.append(before, &itsGrams)
            alone.append(before, &grams)
            together.append(row, first..<end, &itsGrams)
            for fact in FactPage(rows: [row], end: .start).facts[first..<end] { alone.append(fact, &grams) }
            #expect(together.octets == alone.octets && together.count == alone.count)
            #expect(itsGrams == grams)
        }
    }
}
