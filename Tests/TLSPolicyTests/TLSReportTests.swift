import Foundation
import Testing

@testable import TLSPolicy

@Suite("TLS reports (RFC 8460)")
struct TLSReportTests {
    @Test(
        "records of _smtp._tls",
        arguments: [
            (["v=TLSRPTv1; rua=mailto:reports@example.com"], [.mail("reports@example.com")]),
            (
                ["v=TLSRPTv1;rua=https://reporting.example.com/v1/tlsrpt;"],
                [.web("https://reporting.example.com/v1/tlsrpt")]
            ),
            (
                ["v=spf1 -all", "v=TLSRPTv1; rua = MailTo:a%2Cb@example.com?subject=x , HTTPS://r.example/ ; ext=1"],
                [.mail("a,b@example.com"), .web("HTTPS://r.example/")]
            ),
            (["v=TLSRPTv1; rua=ftp://r.example/,mailto:a@example.com"], [.mail("a@example.com")]),
            (["v=TLSRPTv1; rua=http://r.example/"], nil), (["v=TLSRPTv1; rua=mailto:"], nil),
            (["v=TLSRPTv1; rua=mailto:a%4"], nil), (["v=TLSRPTv1; rua=mailto:a%zz@x"], nil),
            (["v=TLSRPTv1; rua=mailto:%FF@x"], nil), (["v=TLSRPTv1;"], nil), (["v=TLSRPTv2; rua=mailto:a@b"], nil),
            (["v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:a@b"], nil), ([], nil),
        ] as [([String], [TLSReportRecord.Destination]?)])
    func records(_ records: [String], _ destinations: [TLSReportRecord.Destination]?) {
        #expect(TLSReportRecord(records: records)?.destinations == destinations)
    }

    @Test("a record troubles no more than four")
    func many() {
        let list = (1...9).map { "mailto:\($0)@example.com" }.joined(separator: ",")
        #expect(TLSReportRecord(records: ["v=TLSRPTv1; rua=\(list)"])?.destinations.count == 4)
    }

    /// Out of RFC 8460, appendix B.
    private static let example = """
        {
          "organization-name": "Company-X",
          "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
          "contact-info": "sts-reporting@company-x.example",
          "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
          "policies": [{
            "policy": {
              "policy-type": "sts",
              "policy-string": ["version: STSv1","mode: testing", "mx: *.mail.company-y.example","max_age: 86400"],
              "policy-domain": "company-y.example",
              "mx-host": ["*.mail.company-y.example"]
            },
            "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
            "failure-details": [{
              "result-type": "certificate-expired",
              "sending-mta-ip": "2001:db8:abcd:0012::1",
              "receiving-mx-hostname": "mx1.mail.company-y.example",
              "failed-session-count": 100
            }, {
              "result-type": "starttls-not-supported",
              "sending-mta-ip": "2001:db8:abcd:0013::1",
              "receiving-mx-hostname": "mx2.mail.company-y.example",
              "receiving-ip": "203.0.113.56",
              "failed-session-count": 200,
              "additional-information": "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported"
            }, {
              "result-type": "validation-failure",
              "sending-mta-ip": "198.51.100.62",
              "receiving-ip": "203.0.113.58",
              "receiving-mx-hostname": "mx-backup.mail.company-y.example",
              "failed-session-count": 3,
              "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
            }]
          }]
        }
        """

    @Test("the report of RFC 8460 is read, and written with the same names and values")
    func example() throws {
        let report = try JSONDecoder().decode(TLSReport.self, from: Data(Self.example.utf8))
        #expect(report.policies[0].policy.kind == .sts)
        #expect(report.policies[0].summary == .init(successful: 5326, failed: 303))
        #expect(
            report.policies[0].failures?.map(\.result) == [
                .certificateExpired, .startTLSNotSupported, .validationFailure,
            ])
        let written = try JSONSerialization.jsonObject(with: Data(try report.text().utf8))
        let expected = try JSONSerialization.jsonObject(with: Data(Self.example.utf8))
        #expect(try #require(written as? NSDictionary) == #require(expected as? NSDictionary))
    }

    @Test("what there is none of is left out, but for the counts")
    func empty() throws {
        let policy = ReportedPolicy(.none, domain: "example.org")
        let results = TLSReport.Results(policy, .init(successful: 1, failed: 0))
        let report = TLSReport(
            organization: "o", range: .init(start: "s", end: "e"), contact: "c", id: "i", policies: [results])
        #expect(
            try report.text()
                == #"{"contact-info":"c","date-range":{"end-datetime":"e","start-datetime":"s"},"organization-name":"o","#
                + #""policies":[{"policy":{"policy-domain":"example.org","policy-type":"no-policy-found"},"summary":"#
                + #"{"total-failure-session-count":0,"total-successful-session-count":1}}],"report-id":"i"}"#)
    }

    // MARK: findings

    private let route = TLSDemand(.ifOffered, .route, why: "")
    private let record = TLSARecord(
        usage: 3, selector: 1, matching: 1, association: [UInt8](repeating: 10, count: 32))
    private let name = "_25._tcp.mx.example.org"

    private func findings(_ dane: DANEFinding, _ sts: STSFinding) -> HostFindings {
        HostFindings(route: self.route, dane: dane, sts: sts, host: "mx.example.org", domain: "example.org")
    }

    private func policy(_ mode: STSPolicy.Mode, _ host: String = "mx.example.org") -> STSFinding {
        .policy(STSPolicy(mode: mode, hosts: [host], maximumAgeSeconds: 9), domain: "example.org")
    }

    @Test("a session counts under the policy that applied to it")
    func applied() {
        let dane = self.findings(.records([self.record], at: self.name), self.policy(.enforce))
        #expect(
            dane.policy
                == ReportedPolicy(
                    .tlsa, strings: ["3 1 1 \(String(repeating: "0a", count: 32))"], domain: "mx.example.org"))
        #expect(dane.failure == nil)
        for mode in [STSPolicy.Mode.enforce, .testing] {
            let sts = self.findings(.unsigned("no"), self.policy(mode))
            #expect(
                sts.policy
                    == ReportedPolicy(
                        .sts, strings: ["version: STSv1", "mode: \(mode)", "mx: mx.example.org", "max_age: 9"],
                        domain: "example.org", hosts: ["mx.example.org"]))
            #expect(sts.failure == nil)
        }
        for sts in [STSFinding.off, .none("no"), self.policy(.none)] {
            #expect(self.findings(.off, sts).policy == ReportedPolicy(.none, domain: "example.org"))
        }
        let route = HostFindings(route: self.route, dane: .off, sts: .off, host: "relay.example", domain: nil)
        #expect(route.policy == nil)
    }

    @Test("what is wrong with a policy is known before there is a session")
    func wrong() {
        var unusable = self.record
        unusable.usage = 1
        let fetch = TLSFailure(.stsWebPKIInvalid, "the policy of example.org cannot be fetched: x")
        for (dane, sts, kind, failure) in [
            (.records([unusable], at: self.name), .off, .tlsa, .tlsaInvalid),
            (.unavailable("DNS: bogus"), .off, .tlsa, .dnssecInvalid),
            (.off, .unusable(fetch), .sts, .stsWebPKIInvalid),
            (.off, self.policy(.enforce, "other.example.org"), .sts, .validationFailure),
            (.off, self.policy(.testing, "other.example.org"), .sts, .validationFailure),
        ] as [(DANEFinding, STSFinding, ReportedPolicy.Kind, TLSFailure.Kind)] {
            let findings = self.findings(dane, sts)
            #expect(findings.policy?.kind == kind)
            #expect(findings.failure?.kind == failure)
        }
    }

    @Test(
        "a certificate that was not taken has the type that RFC 8460 §4.3 has for it",
        arguments: [
            (.wrongName(["mx.example.org"]), .certificateHostMismatch),
            (.expired(on: "2026-11-28"), .certificateExpired),
            (.noAuthority, .certificateNotTrusted), (.noTLSAMatch, .certificateNotTrusted),
            (.unreadable, .validationFailure), (nil, .validationFailure),
        ] as [(CertificateFailure?, TLSFailure.Kind)])
    func certificates(_ certificate: CertificateFailure?, _ kind: TLSFailure.Kind) {
        #expect(TLSFailure(handshake: certificate, "it broke").kind == kind)
        #expect(TLSFailure(handshake: certificate, "it broke").reason == certificate?.description ?? "it broke")
    }

    @Test("a policy of any length is kept by its first lines")
    func bounds() {
        let hosts = (0..<1000).map { "mx\($0).\(String(repeating: "a", count: 60)).example.org" }
        let policy = ReportedPolicy(.sts, strings: hosts, domain: "example.org", hosts: hosts)
        #expect(policy.strings.joined().utf8.count <= ReportedPolicy.octetsLimit)
        #expect(policy.hosts == Array(hosts.prefix(policy.hosts.count)))
        #expect(!policy.hosts.isEmpty)
    }
}
