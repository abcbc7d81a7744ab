import Spool
import Testing

@testable import Relay

@Suite("what is counted for TLS reports is bounded")
struct TallyBudgetTests {
    private func key(_ what: String, _ domain: String = "a.example", day: Int = 7) -> Tally.Key {
        Tally.Key(domain: domain, day: day, what: what)
    }

    private func budget(_ change: (inout TallyBudget.Limits) -> Void) -> TallyBudget {
        var limits = TallyBudget.Limits()
        change(&limits)
        return TallyBudget(day: 7, limits: limits)
    }

    @Test("by kinds of a domain; what is counted already goes on")
    func kinds() {
        var budget = self.budget { $0.kinds = 2 }
        #expect(["1", "2", "1", "2"].map { budget.takes(self.key($0)) } == [true, true, true, true])
        #expect(!budget.isExceeded)
        #expect(["3", "1"].map { budget.takes(self.key($0)) } == [false, true])
        #expect(budget.isExceeded)
        let other = budget.takes(self.key("3", "b.example"))
        #expect(other)
    }

    @Test("by octets of a domain, and of all")
    func octets() {
        var budget = self.budget {
            $0.octets = 10
            $0.allOctets = 15
        }
        #expect(["12345678", "123", "12"].map { budget.takes(self.key($0)) } == [true, false, true])
        #expect(["123456", "12345"].map { budget.takes(self.key($0, "b.example")) } == [false, true])
        #expect(budget.isExceeded)
    }

    @Test("by domains, and anew each day")
    func domains() {
        var budget = self.budget { $0.domains = 1 }
        #expect(["a", "b"].map { budget.takes(self.key("1", "\($0).example")) } == [true, false])
        let (next, first) = (budget.takes(self.key("1", "b.example", day: 8)), budget.takes(self.key("1", day: 8)))
        #expect(next && !first)
        #expect(budget.day == 8)
    }

    @Test("with what an earlier run counted that day")
    func before() {
        var budget = self.budget { $0.kinds = 3 }
        budget.add(TalliedDay(domain: "a.example", day: 6, kinds: 9, octets: 9, count: 9))
        budget.add(TalliedDay(domain: "a.example", day: 7, kinds: 2, octets: 9, count: 9))
        #expect(["1", "2"].map { budget.takes(self.key($0)) } == [true, false])
    }
}

@Suite("gzip")
struct GzipTests {
    @Test("begins and ends as RFC 1952 has it, and says how long the octets were", arguments: [0, 1, 100_000])
    func form(_ count: Int) throws {
        let packed = try #require(Gzip.compressed(Array(repeating: 7, count: count)))
        #expect(packed.prefix(3) == [0x1F, 0x8B, 8])
        let length = packed.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(length == count)
        #expect(count < 1000 || packed.count < 1000)
    }
}
