import Mail
import Testing

@testable import Monitor

@Suite("journals of several nodes, as one")
struct JoinedEntriesTests {
    private static func window(
        _ node: String, _ times: [Int64], isComplete: Bool = true, reached: Int64? = nil
    ) -> JournalWindow {
        let rows = times.map { time in
            JournalEntry(
                ref: JournalRef(node: node, number: time),
                fact: FactRow(at: Timestamp(milliseconds: time), kind: .relayed, message: "4Q7K"))
        }
        return JournalWindow(
            rows: rows, start: "0", end: "9", isComplete: isComplete,
            reached: (reached ?? times.last).map { Timestamp(milliseconds: $0) }, total: times.count,
            at: Timestamp(milliseconds: 99))
    }
    private static func text(_ entries: JoinedEntries) -> String {
        entries.rows.map { "\($0.ref.node)\($0.ref.number)" }.joined(separator: " ")
    }

    @Test("entries come by time, in either order")
    func order() {
        var newest = JoinedEntries([Self.window("a", [9, 4, 1]), Self.window("b", [7, 5])], newestFirst: true)
        newest.merge(count: 10)
        #expect(Self.text(newest) == "a9 b7 b5 a4 a1" && newest.isComplete)
        var oldest = JoinedEntries([Self.window("a", [1, 4, 9]), Self.window("b", [5, 7])], newestFirst: false)
        oldest.merge(count: 3)
        #expect(Self.text(oldest) == "a1 a4 b5" && oldest.taken == [2, 1] && !oldest.isComplete)
    }

    @Test("where one was not looked through yet, nothing is told that may stand behind what it has")
    func incomplete() {
        // The first node's search was over at 6, before it had found all that was asked for.
        let slow = Self.window("a", [8], isComplete: false, reached: 6)
        var entries = JoinedEntries([slow, Self.window("b", [9, 7, 5, 3])], newestFirst: true)
        entries.merge(count: 10)
        #expect(Self.text(entries) == "b9 a8 b7" && entries.taken == [1, 2])
        #expect(!entries.isComplete && entries.reached == Timestamp(milliseconds: 6))
    }

    @Test("what joined journals take is added up, and who fails is named")
    func status() {
        let one = JournalStatus(
            directory: "/a", entries: 1, octets: 2, octetsLimit: 3, ageLimit: 4, oldest: Timestamp(milliseconds: 7),
            newest: Timestamp(milliseconds: 8), transcripts: 1, behind: 2, missing: 3, failure: "the disk is full")
        let other = JournalStatus(
            directory: "/b", entries: 10, octets: 20, octetsLimit: 30, ageLimit: 9, oldest: Timestamp(milliseconds: 5),
            newest: Timestamp(milliseconds: 6), transcripts: 10, behind: 20, missing: 30)
        #expect(
            JournalStatus(joining: [("mx1", one), ("mx2", other)], absent: nil)
                == JournalStatus(
                    directory: nil, entries: 11, octets: 22, octetsLimit: 33, ageLimit: 9,
                    oldest: Timestamp(milliseconds: 5), newest: Timestamp(milliseconds: 8), transcripts: 11, behind: 22,
                    missing: 33, failure: "mx1: the disk is full"))
    }
}
