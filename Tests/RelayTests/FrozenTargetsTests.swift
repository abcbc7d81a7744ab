import Mail
import Spool
import Testing

@testable import Relay

@Suite("sets of recipients that wait for an order")
struct FrozenTargetsTests {
    private let one = [RecipientTarget(message: QueueID(rawValue: 1), index: 0, generation: 1)]

    @Test("whoever selects again and again takes nobody else's selection away")
    func owners() throws {
        var sets = FrozenTargets(after: 0)
        let operators = sets.keep(self.one, of: "ann")
        let first = sets.keep(self.one, of: "bob")
        let later = (0..<100).map { _ in sets.keep(self.one, of: "bob") }
        #expect(sets.targets(operators) == self.one)
        #expect(sets.targets(first) == nil)
        #expect(sets.targets(try #require(later.last)) == self.one)
    }

    @Test("of large sets fewer are kept, and the newest always")
    func large() {
        var sets = FrozenTargets(after: 0)
        let small = sets.keep(self.one, of: "ann")
        let many = Array(repeating: self.one[0], count: 600_000)
        let (before, after) = (sets.keep(many, of: "bob"), sets.keep(many, of: "bob"))
        let newest = sets.keep(self.one, of: "bob")
        #expect(sets.targets(before) == nil)
        #expect(sets.targets(small) != nil && sets.targets(after) != nil && sets.targets(newest) != nil)
    }
}
