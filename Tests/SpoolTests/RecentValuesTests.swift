import Testing

@testable import Spool

@Suite("values that are remembered for a while")
struct RecentValuesTests {
    @Test("what came last is there, and together they weigh no more than the limit")
    func limit() {
        var values = RecentValues<Int, Int>(limit: 20) { $0 }
        for key in 0..<100 { values.insert(3, for: key) }
        let kept = (0..<100).filter { values[$0] != nil }
        #expect(kept.count <= 20 / 3)
        #expect(kept.last == 99)
        #expect(kept == Array((100 - kept.count)..<100))
    }

    @Test("one that finds no room is not kept, and no other is forgotten for it")
    func heavy() {
        var values = RecentValues<Int, Int>(limit: 20) { $0 }
        for key in 0..<6 { values.insert(3, for: key) }
        let before = (0..<6).map { values[$0] }
        for key in 6..<20 { values.insert(11, for: key) }
        #expect((0..<6).map { values[$0] } == before)
        #expect(values[19] == nil)
        // Also where an earlier value of that name was kept.
        values.insert(11, for: 5)
        #expect(values[5] == nil)
    }
}
