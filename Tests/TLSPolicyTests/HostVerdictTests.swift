import Testing

@testable import TLSPolicy

@Suite("what the policies demand of a host")
struct HostVerdictTests {
    private let route = TLSDemand(.ifOffered, .route, why: "the route leaves it to the host")
    private let record = TLSARecord(
        usage: 3, selector: 1, matching: 1, association: [UInt8](repeating: 10, count: 32))
    private let name = "_25._tcp.mx.example.org"

    private func verdict(_ dane: DANEFinding, _ sts: STSFinding) -> HostVerdict {
        HostVerdict(route: self.route, dane: dane, sts: sts, host: "mx.example.org", domain: "example.org")
    }

    private func policy(_ mode: STSPolicy.Mode, _ host: String = "mx.example.org") -> STSFinding {
        .policy(STSPolicy(mode: mode, hosts: [host], maximumAgeSeconds: 1), domain: "example.org")
    }

    @Test("without a policy the route's word holds, and says what was looked for")
    func none() {
        #expect(
            self.verdict(.unsigned("the MX records are not signed"), .none("there is no record"))
                == .demand(
                    TLSDemand(
                        .ifOffered, .none,
                        why:
                            "no DANE: the MX records are not signed; no MTA-STS: there is no record"
                    )))
        #expect(self.verdict(.off, .off) == .demand(self.route))
    }

    @Test("DANE: a record for the certificate, under the names of the host and of the domain")
    func dane() throws {
        let names = [ReferenceName("mx.example.org"), ReferenceName("example.org")]
        let check = CertificateCheck.dane(try #require(TLSARecords([self.record])), names: names)
        let expected = HostVerdict.demand(
            TLSDemand(.verified(check), .dane, why: "TLSA 3 1 1 0a0a0a0a… at _25._tcp.mx.example.org"))
        #expect(self.verdict(.records([self.record], at: self.name), .off) == expected)
        // MTA-STS does not override it, whatever it says.
        for other in [self.policy(.enforce), self.policy(.enforce, "other.example.org"), self.policy(.none)] {
            #expect(self.verdict(.records([self.record], at: self.name), other) == expected)
        }
    }

    @Test("DANE: records that cannot be used demand TLS with any certificate")
    func unusable() {
        var record = self.record
        record.usage = 1
        #expect(
            self.verdict(.records([record], at: self.name), self.policy(.enforce))
                == .demand(
                    TLSDemand(.encrypted, .dane, why: "no TLSA record at _25._tcp.mx.example.org can be used")))
    }

    @Test("DANE: a host whose records are hidden is passed over, and MTA-STS does not help")
    func hidden() {
        #expect(
            self.verdict(.unavailable("DNS: SERVFAIL"), self.policy(.enforce))
                == .passOver(.dane, why: "DNS: SERVFAIL"))
    }

    @Test("a host whose addresses cannot be had is passed over, and no policy is to blame")
    func unreachable() {
        #expect(
            self.verdict(.unreachable("DNS: no answer"), self.policy(.enforce))
                == .passOver(.none, why: "DNS: no answer"))
    }

    @Test("MTA-STS: enforced where there is no DANE")
    func sts() {
        #expect(
            self.verdict(.none(at: self.name), self.policy(.enforce))
                == .demand(
                    TLSDemand(
                        .verified(.authority(names: [ReferenceName("mx.example.org")])), .mtaSTS,
                        why: "the policy of example.org is enforced")))
        #expect(
            self.verdict(.off, self.policy(.enforce, "other.example.org"))
                == .passOver(.mtaSTS, why: "mx.example.org is no host of the policy of example.org"))
    }

    @Test("MTA-STS: testing and none demand nothing", arguments: [STSPolicy.Mode.testing, .none])
    func lenient(_ mode: STSPolicy.Mode) {
        guard case .demand(let demand) = self.verdict(.off, self.policy(mode, "other.example.org")) else {
            Issue.record("passed over")
            return
        }
        #expect(demand.level == .ifOffered)
        #expect(demand.policy == .none)
    }
}
