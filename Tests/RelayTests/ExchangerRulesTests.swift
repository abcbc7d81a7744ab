import DNS
import SMTP
import Testing

@testable import Relay

@Suite("what MX records mean (RFC 5321 §5.1)")
struct ExchangerRulesTests {
    /// Always the same, so that what is shuffled can be told.
    private struct Fixed: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return self.state ^ self.state >> 33
        }
    }

    private let rules = ExchangerRules(hostname: "relay.example", port: 25)

    /// `10 a.example`; `0 .` is null, `5 ?` a name that cannot be.
    private func answer(_ records: String..., isSecure: Bool = false) throws -> Answer<MX> {
        let records = try records.map { record in
            let parts = record.split(separator: " ")
            let exchanger: MX.Exchanger =
                switch parts[1] {
                case ".": .none
                case "?": .unfit
                default: .host(try #require(HostName(String(parts[1]))))
                }
            return MX(preference: try #require(UInt16(parts[0])), exchanger: exchanger)
        }
        return Answer(records.isEmpty ? .noRecords : .records(records), isSecure: isSecure, ttl: 60)
    }

    /// The hosts in order, or the reply.
    private func resolved(
        _ answer: Answer<MX>, ours: Set<String> = [], seed: UInt64 = 1, _ rules: ExchangerRules? = nil
    ) -> String {
        let rules = rules ?? self.rules
        var random = Fixed(state: seed)
        switch rules.candidates(of: "example.org", answer) {
        case .refused(let reply): return "\(reply)"
        case .unavailable(let why): return why
        case .hosts(let hosts):
            let resolution = rules.resolution(
                of: "example.org", hosts, ours: { ours.contains($0.endpoint.host) }, using: &random)
            switch resolution {
            case .hosts(let hosts, _): return hosts.map(\.endpoint.host).joined(separator: " ")
            case .refused(let reply): return "\(reply)"
            case .unavailable(let why): return why
            }
        }
    }

    @Test("the best are tried first; equals in any order, and in each at times")
    func order() throws {
        let answer = try self.answer("20 c.example", "10 a.example", "10 b.example", "30 d.example")
        let orders = Set((0..<100).map { self.resolved(answer, seed: $0) })
        #expect(orders == ["a.example b.example c.example d.example", "b.example a.example c.example d.example"])
    }

    @Test("a host that is named twice is tried once, as its best")
    func twice() throws {
        #expect(
            self.resolved(try self.answer("20 a.example", "10 b.example", "5 a.example")) == "a.example b.example")
    }

    @Test("without MX the domain is its own host")
    func implicit() throws {
        #expect(self.resolved(try self.answer()) == "example.org")
    }

    @Test("a null MX returns mail (RFC 7505); beside others it means nothing")
    func null() throws {
        #expect(self.resolved(try self.answer("0 .")) == "556 5.1.10 example.org takes no mail (null MX)")
        #expect(self.resolved(try self.answer("0 .", "10 a.example")) == "a.example")
    }

    @Test("names that no host can have are passed over, and addresses are no names")
    func unfit() throws {
        #expect(self.resolved(try self.answer("5 ?", "6 192.0.2.1", "10 a.example")) == "a.example")
        #expect(self.resolved(try self.answer("5 ?")) == "550 5.4.4 The MX records of example.org name no hosts")
        #expect(
            self.resolved(try self.answer("5 192.0.2.1")) == "550 5.4.4 The MX records of example.org name no hosts")
    }

    @Test("what does not exist returns mail, what is not known puts it off")
    func failures() {
        #expect(self.resolved(Answer(.noSuchName)) == "550 5.1.2 The domain example.org does not exist")
        #expect(self.resolved(Answer(.failed(.refused("SERVFAIL")))) == "DNS: SERVFAIL for example.org MX")
        #expect(self.resolved(Answer(.failed(.timedOut))) == "DNS: no answer for example.org MX")
        #expect(self.resolved(Answer(.failed(.bogus("no keys")))) == "DNS: bogus (no keys) for example.org MX")
    }

    @Test(
        "ourselves, by name or by address, and all that are no better are left out",
        arguments: [
            (["10 a.example", "20 relay.example", "20 b.example", "30 c.example"], "a.example"),
            (["10 a.example", "20 other.example", "30 c.example"], "a.example"),
            (
                ["10 a.example", "10 relay.example"],
                "554 5.4.6 Mail for example.org loops: we are its best mail exchanger"
            ),
            (
                ["10 a.example", "5 other.example"],
                "554 5.4.6 Mail for example.org loops: we are its best mail exchanger"
            ),
        ])
    func ourselves(_ records: [String], _ expected: String) throws {
        let hosts = try records.flatMap { try self.answer($0).records }
        #expect(self.resolved(Answer(.records(hosts)), ours: ["other.example"]) == expected)
    }

    @Test("of hundreds of hosts the best twenty are tried, and no more are asked for")
    func many() throws {
        let records = try (1...300).reversed().flatMap { try self.answer("\($0) mx\($0).example").records }
        let best = (1...20).map { "mx\($0).example" }.joined(separator: " ")
        #expect(self.resolved(Answer(.records(records))) == best)
        // We are no better than any of these.
        let equals = try (1...300).flatMap { try self.answer("10 mx\($0).example").records }
        let loop = Answer<MX>(.records(equals + (try self.answer("10 relay.example").records)))
        #expect(self.resolved(loop).hasPrefix("554 5.4.6"))
    }

    @Test("a domain without MX that is our name loops")
    func ownName() throws {
        let rules = ExchangerRules(hostname: "example.org", port: 25)
        #expect(self.resolved(try self.answer(), rules).hasPrefix("554 5.4.6"))
    }

    @Test("domains with the same hosts are one site, unless they prefer others or their names are less sure")
    func sites() throws {
        func site(_ records: String..., isSecure: Bool = false) throws -> Site? {
            let records = try records.flatMap { try self.answer($0).records }
            var random = SystemRandomNumberGenerator()
            guard
                case .hosts(let hosts) = self.rules.candidates(of: "x", Answer(.records(records), isSecure: isSecure)),
                case .hosts(_, let site) = self.rules.resolution(of: "x", hosts, ours: { _ in false }, using: &random)
            else { return nil }
            return site
        }
        let site1 = try #require(try site("10 a.example", "10 b.example"))
        #expect(try site("10 b.example", "10 a.example") == site1)
        #expect(try site("10 a.example", "20 b.example") != site1)
        #expect(try site("10 a.example") != site1)
        #expect(try site("10 a.example", "10 b.example", isSecure: true) != site1)
    }
}
