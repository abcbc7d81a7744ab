import Testing

@testable import Journal

/// Blocks that cannot have a word are passed over, and no block that has it.
@Suite("runs of octets in a block")
struct GramFilterTests {
    /// - Parameter isOld: without runs of six, as an earlier program wrote it.
    private func filter(_ texts: [String], isOld: Bool = false) -> [UInt8] {
        var filter = GramFilter()
        for text in texts { Array(text.utf8).withUnsafeBytes { filter.insert($0) } }
        return isOld ? Array(filter.bits.prefix(8192)) : filter.bits
    }
    private func mayContain(_ word: String, _ filter: [UInt8]) -> Bool {
        filter.withUnsafeBytes { GramFilter.mayContain(Array(word.utf8), $0) }
    }

    @Test("each part of a text is found, whatever its letters, also in a block of before", arguments: [false, true])
    func parts(_ isOld: Bool) {
        let text = "<20261129.4711@Sender7.EXAMPLE>"
        let filter = self.filter([text], isOld: isOld)
        let small = Array(text.lowercased())
        for start in small.indices {
            for end in start...small.count { #expect(self.mayContain(String(small[start..<end]), filter)) }
        }
        #expect(!self.mayContain("nobody-has-this", filter))
    }

    @Test("numbers whose digits all occur are told from each other by longer runs")
    func numbers() {
        // All runs of four digits, and many longer ones.
        let texts =
            (0..<10_000).map { "\(String(10_000 + $0).dropFirst())" } + (0..<500).map { "<\(7_000_000 + $0)@x>" }
        let words = (0..<1000).map { String(4_000_000 + $0 * 1009) }
        let (filter, old) = (self.filter(texts), self.filter(texts, isOld: true))
        #expect(words.allSatisfy { self.mayContain($0, old) })
        #expect(words.count { self.mayContain($0, filter) } < 100)
        #expect(self.mayContain("7000123@", filter))
        #expect(self.mayContain("4711471", self.filter(texts + ["x4711471y"])))
    }

    @Test("each run has a bit of its own, few of them one that is another's")
    func places() {
        let filter = self.filter((0..<1000).map { "\(123_456 + $0 * 7919)" })
        // Of each number at least the run of its last six digits.
        #expect(filter[8192...].reduce(0) { $0 + $1.nonzeroBitCount } > 900)
    }

    @Test("what is no filter passes over nothing")
    func none() {
        #expect(self.mayContain("anything", []))
        #expect(self.mayContain("anything", [UInt8](repeating: 0, count: 100)))
        #expect(GramFilter([UInt8](repeating: 0, count: 8192)) == nil)
    }
}
