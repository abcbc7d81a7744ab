import Testing

@testable import TLSPolicy

@Suite("MTA-STS records and policies")
struct STSTests {
    @Test(
        "records of _mta-sts",
        arguments: [
            (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
            (["v=STSv1;id=1"], "1"),
            (["v=STSv1; other=x; id=a9 ; "], "a9"),
            (["v=spf1 -all", "v=STSv1; id=7"], "7"),
            (["v=STSv1; id=7", "v=STSv1; id=8"], nil),
            (["v=STSv1"], nil), (["v=STSv1; id="], nil), (["v=STSv1; id=a-b"], nil), (["v=STSv1; id=1; id=2"], nil),
            (["v=STSv1; id=\(String(repeating: "1", count: 33))"], nil),
            (["id=1; v=STSv1"], nil), (["v=STSv2; id=1"], nil), (["v=STSv1; id"], nil), ([], nil),
        ] as [([String], String?)])
    func records(_ records: [String], _ id: String?) { #expect(STSRecord(records: records)?.id == id) }

    private static let sound = """
        version: STSv1
        mode: enforce
        mx: mail.Example.com
        mx: *.example.net
        mx: backupmx.example.com
        max_age: 604800
        """

    @Test("the policy of RFC 8461 §3.2, whatever ends its lines")
    func sound() throws {
        for end in ["\n", "\r\n"] {
            let text = Self.sound.split(separator: "\n").joined(separator: end) + end
            let policy = try STSPolicy(text: text)
            #expect(policy.mode == .enforce)
            #expect(policy.hosts == ["mail.example.com", "*.example.net", "backupmx.example.com"])
            #expect(policy.maximumAgeSeconds == 604_800)
            #expect(try STSPolicy(text: policy.text) == policy)
        }
    }

    @Test("a policy that has ended needs no hosts, and the first of several values counts")
    func ended() throws {
        let policy = try STSPolicy(
            text: "version: STSv1\nmode: none\nmode: enforce\nmax_age: 86400\nmax_age: x\nnew_field: 1\n")
        #expect(policy == STSPolicy(mode: .none, hosts: [], maximumAgeSeconds: 86_400))
    }

    @Test("nothing holds longer than a year")
    func age() throws {
        let policy = try STSPolicy(text: "version: STSv1\nmode: none\nmax_age: 9999999999\n")
        #expect(policy.maximumAgeSeconds == 31_557_600)
    }

    @Test(
        "what is no policy",
        arguments: [
            ("", "is not of version STSv1"), ("<html>\n", "has a line without a colon"),
            ("version: STSv2\nmode: none\nmax_age: 1", "is not of version STSv1"),
            ("version: STSv1\nmode: strict\nmax_age: 1", "has an unknown mode"),
            ("version: STSv1\nmax_age: 1", "has no mode"),
            ("version: STSv1\nmode: none", "has no max_age"),
            ("version: STSv1\nmode: none\nmax_age: -1", "has a max_age that is no number of seconds"),
            ("version: STSv1\nmode: enforce\nmax_age: 1", "names no mx"),
            ("version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.example", "has an mx that is no host"),
            ("version: STSv1\nmode: enforce\nmax_age: 1\nmx: *", "has an mx that is no host"),
            ("version: STSv1\nmode: enforce\nmax_age: 1\nmx: *.com", "has an mx that is no host"),
            (String(repeating: "a:\n", count: 22_000), "is longer than 64 KiB"),
            (
                "version: STSv1\nmode: enforce\nmax_age: 1\n" + String(repeating: "mx: a.example\n", count: 1001),
                "has too many hosts"
            ),
        ])
    func unsound(_ text: String, _ why: String) {
        #expect(throws: STSPolicyError(why)) { try STSPolicy(text: text) }
    }

    @Test("which hosts match: a wildcard stands for one label")
    func hosts() {
        let policy = STSPolicy(mode: .enforce, hosts: ["mail.example.com", "*.example.net"], maximumAgeSeconds: 1)
        for host in ["mail.example.com", "MAIL.example.com", "a.example.net"] {
            #expect(policy.allows(host), "\(host)")
        }
        for host in [
            "example.net", "a.b.example.net", "mail.example.com.evil.org", "x.mail.example.com", ".example.net", "",
        ] {
            #expect(!policy.allows(host), "\(host)")
        }
    }
}
