import Mail
import NIOCore
import Spool
import Testing

@Suite("what every store promises of policies, and of what domains are to be told", .timeLimit(.minutes(5)))
struct KeptPolicyTests {
    @Test("a policy is kept over a restart until its end, and the last one counts", arguments: Implementation.allCases)
    func policies(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            func policy(_ id: String, _ fetched: Int64, _ until: Int64, of domain: String = "example.org") -> KeptPolicy
            {
                KeptPolicy(
                    domain: domain, id: id, text: "version: STSv1\r\n\(id)",
                    fetched: Timestamp(milliseconds: fetched), until: Timestamp(milliseconds: until))
            }
            func kept(at now: Int64, of domain: String = "example.org") async throws -> KeptPolicy? {
                try await store.spool.policies.keptPolicy(of: domain, at: Timestamp(milliseconds: now))
            }
            #expect(try await kept(at: 1) == nil)
            for policy in [policy("a", 1, 100), policy("x", 1, 10, of: "other.example"), policy("b", 20, 50)] {
                try await store.spool.policies.keep(policy, on: store.loop).get()
            }
            try await store.reopen()
            #expect(try await kept(at: 49) == policy("b", 20, 50))
            #expect(try await kept(at: 50) == nil)
            #expect(try await kept(at: 20, of: "other.example") == nil)
        }
        try await play(implementation.make())
    }

    @Test("a policy is due when half of its time is over, and each day", arguments: Implementation.allCases)
    func duePolicies(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let day: Int64 = 86_400_000
            let policies: [(String, Int64, Int64)] = [("week.example", 0, 7 * day), ("hour.example", 100, 3_600_100)]
            for (domain, fetched, until) in policies {
                let policy = KeptPolicy(
                    domain: domain, id: "1", text: "", fetched: Timestamp(milliseconds: fetched),
                    until: Timestamp(milliseconds: until))
                try await store.spool.policies.keep(policy, on: store.loop).get()
            }
            func due(at now: Int64, count: Int = 10) async throws -> [String] {
                try await store.spool.policies.policiesDue(at: Timestamp(milliseconds: now), count: count).map(\.domain)
            }
            #expect(try await due(at: 1_800_099).isEmpty)
            #expect(try await due(at: 1_800_100) == ["hour.example"])
            #expect(try await due(at: 3_600_100).isEmpty)
            #expect(try await due(at: day - 1).isEmpty)
            #expect(try await due(at: day) == ["week.example"])
            #expect(try await due(at: day, count: 0).isEmpty)
            #expect(try await due(at: 7 * day).isEmpty)
        }
        try await play(implementation.make())
    }

    @Test(
        "what domains are to be told of adds up over a restart, until it is forgotten",
        arguments: Implementation.allCases)
    func tallies(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            func tally(_ what: String, _ count: Int, of domain: String = "b.example", on day: Int = 7) -> Tally {
                Tally(domain: domain, day: day, what: what, count: count)
            }
            #expect(try await store.spool.tallies.talliedDays(before: 9).isEmpty)
            try await store.spool.tallies.add(
                [
                    tally("worked", 2), tally("broke", 1), tally("worked", 1, of: "a.example"),
                    tally("worked", 9, on: 8),
                ],
                on: store.loop
            ).get()
            try await store.spool.tallies.add([tally("worked", 40), tally("größe", 1)], on: store.loop).get()
            try await store.reopen()
            #expect(
                try await store.spool.tallies.tallies(of: "b.example", on: 7)
                    == [tally("broke", 1), tally("größe", 1), tally("worked", 42)])
            let days = [
                TalliedDay(domain: "a.example", day: 7, kinds: 1, octets: 6, count: 1),
                TalliedDay(domain: "b.example", day: 7, kinds: 3, octets: 18, count: 44),
                TalliedDay(domain: "b.example", day: 8, kinds: 1, octets: 6, count: 9),
            ]
            #expect(try await store.spool.tallies.talliedDays(before: 9) == days)
            #expect(try await store.spool.tallies.talliedDays(before: 8) == Array(days.prefix(2)))
            try await store.spool.tallies.forgetTallies(of: "b.example", on: 7, on: store.loop).get()
            #expect(try await store.spool.tallies.talliedDays(before: 9) == [days[0], days[2]])
        }
        try await play(implementation.make())
    }
}
