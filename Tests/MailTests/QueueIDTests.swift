import Mail
import Testing

@Suite("queue IDs")
struct QueueIDTests {
    private let morning = Timestamp(milliseconds: 1_795_510_800_000)

    @Test("the text reads back, in either case")
    func text() {
        var generator = QueueIDGenerator(node: 7, after: nil)
        let id = generator.next(at: self.morning)
        #expect(QueueID(id.description) == id)
        #expect(QueueID(id.description.lowercased()) == id)
        #expect(id.node == 7)
        #expect(id.time == self.morning)
        #expect(id.description.utf8.count <= 11)
    }

    @Test("anything else is no queue ID", arguments: ["", "U", "not one", "ZZZZZZZZZZZZZZ", "4Q7K-", "ILO"])
    func noID(_ text: String) {
        #expect(QueueID(text) == nil)
    }

    @Test("IDs go up, also when the clock goes back, a second is full, or the node starts again")
    func monotonic() {
        var generator = QueueIDGenerator(node: 0, after: nil)
        var last = generator.next(at: self.morning)
        for step in 0..<200_000 {
            let now = self.morning.adding(milliseconds: step % 3 == 0 ? -60_000 : 0)
            let id = generator.next(at: now)
            #expect(id > last)
            last = id
        }
        var restarted = QueueIDGenerator(node: 0, after: last)
        #expect(restarted.next(at: self.morning.adding(milliseconds: -3_600_000)) > last)
    }

    @Test("a part of an ID is found as its description shows it")
    func parts() throws {
        let id = try #require(QueueID("DGMZ00004A"))
        for word in ["dgmz00004a", "gmz", "4a", "0000", "a"] {
            #expect(QueueID.isPart(word))
            #expect(id.contains(Array(word.utf8)), "\(word)")
        }
        for word in ["a4", "00000", "dgmz00004a0", "b"] { #expect(!id.contains(Array(word.utf8)), "\(word)") }
        #expect(!QueueID.isPart("example"))
        #expect(!QueueID.isPart("a@b"))
        #expect(QueueID(rawValue: 1).contains([UInt8(ascii: "1")]))
    }
}
