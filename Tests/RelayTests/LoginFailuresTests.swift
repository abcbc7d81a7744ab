import Mail
import SMTP
import Sockets
import Testing

@Suite("failed logins, and what limits know clients by")
struct LoginFailuresTests {
    private func key(_ address: String) throws -> ClientKey {
        try #require(Network.octets(address).flatMap(ClientKey.init))
    }
    private func time(_ milliseconds: Int) -> Timestamp { Timestamp(milliseconds: Int64(milliseconds)) }

    @Test("addresses of one IPv6 network are one client, and each IPv4 address is its own")
    func keys() throws {
        #expect(try self.key("2001:db8:1:2::7") == self.key("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(try self.key("2001:db8:1:2::7") != self.key("2001:db8:1:3::7"))
        #expect(try self.key("192.0.2.7") != self.key("192.0.2.8"))
        #expect(try self.key("::ffff:192.0.2.7") == self.key("192.0.2.7"))
        #expect(try self.key("0.0.0.7") != self.key("::7"))
        #expect(ClientKey([1, 2, 3]) == nil)
    }

    @Test("the tenth failure is one too many, until ten minutes pass without another")
    func limit() throws {
        let failures = LoginFailures()
        let client = try self.key("192.0.2.7")
        for count in 1...9 {
            #expect(failures.failed(client, at: self.time(0)) == count)
            #expect(!failures.areTooMany(of: client, at: self.time(0)))
        }
        #expect(LoginFailures.areTooMany(failures.failed(client, at: self.time(1))))
        #expect(failures.areTooMany(of: client, at: self.time(600_000)))
        #expect(!failures.areTooMany(of: client, at: self.time(600_001)))
        #expect(!failures.areTooMany(of: try self.key("192.0.2.8"), at: self.time(1)))
    }

    @Test("of more attackers than are kept those are forgotten whose last failure is the longest ago")
    func manyAttackers() throws {
        let failures = LoginFailures()
        let attackers = try (0..<10_001).map { try self.key("10.0.\($0 / 256).\($0 % 256)") }
        for (place, attacker) in attackers.enumerated() { _ = failures.failed(attacker, at: self.time(place)) }
        let known = attackers.map { failures.failures(of: $0, at: self.time(10_001)) }
        #expect(known.first == 0)
        #expect(known.drop { $0 == 0 }.allSatisfy { $0 == 1 })
        #expect(known.reduce(0, +) > 9_000)
        // The busiest is not the oldest, however long it is at it.
        for place in 10_001..<30_000 {
            _ = failures.failed(attackers[5_000], at: self.time(place))
            _ = failures.failed(try self.key("11.0.\(place / 256).\(place % 256)"), at: self.time(place))
        }
        #expect(failures.areTooMany(of: attackers[5_000], at: self.time(30_000)))
    }
}
