import Mail
import SMTP
import Testing

@testable import Relay

@Suite("senders of forwarded mail (SRS)")
struct SenderRewritingTests {
    private let rewriter = SenderRewriter(domain: "srs.example.net", secret: "tops3cret")
    private let now = Timestamp(milliseconds: 1_795_511_096_999)
    private static let day: Int64 = 86_400_000

    private func mailbox(_ text: String) throws -> Mailbox { try Mailbox(parsing: text) }

    /// What Mail::SRS 0.31 makes of them with that secret on that day.
    static let reference: [(String, String)] = [
        ("ann@example.org", "SRS0=o3zi=JN=example.org=ann"),
        ("Ann.Doe+tag@Example.ORG", "SRS0=41J6=JN=Example.ORG=Ann.Doe+tag"),
        ("a=b@x.example", "SRS0=d17S=JN=x.example=a=b"),
        ("SRS0=abcd=QQ=src.example=user@fwd1.example", "SRS1=ig1y=fwd1.example==abcd=QQ=src.example=user"),
        ("SRS0+abcd=QQ=src.example=user@fwd1.example", "SRS1=D6jq=fwd1.example=+abcd=QQ=src.example=user"),
    ]

    @Test("are rewritten as the reference does it, and turned back", arguments: reference)
    func known(_ sender: String, _ rewritten: String) throws {
        let result = try #require(self.rewriter.rewritten(try self.mailbox(sender), at: self.now))
        #expect(result.description == "\(rewritten)@srs.example.net")
        #expect(self.rewriter.original(of: result, at: self.now)?.description == sender)
    }

    @Test("do not grow with a third forwarder, who goes to the first")
    func chain() throws {
        let second = try self.mailbox("SRS1=zzzz=fwd1.example==abcd=QQ=src.example=user@fwd2.example")
        let third = try #require(self.rewriter.rewritten(second, at: self.now))
        #expect(third.description == "SRS1=ig1y=fwd1.example==abcd=QQ=src.example=user@srs.example.net")
        #expect(
            self.rewriter.original(of: third, at: self.now)?.description == "SRS0=abcd=QQ=src.example=user@fwd1.example"
        )
    }

    @Test("are turned back for three weeks, also where somebody changed the case, and no longer")
    func age() throws {
        let address = try #require(self.rewriter.rewritten(try self.mailbox("ann@example.org"), at: self.now))
        for (days, holds) in [(0, true), (21, true), (22, false), (-1, false), (1003, false), (1024, true)]
            as [(Int64, Bool)]
        {
            let then = self.now.adding(milliseconds: days * Self.day)
            #expect((self.rewriter.original(of: address, at: then) != nil) == holds, "after \(days) days")
        }
        let shouted = try self.mailbox("SRS0=O3ZI=jn=EXAMPLE.ORG=ANN@srs.example.net")
        #expect(self.rewriter.original(of: shouted, at: self.now)?.description == "ANN@EXAMPLE.ORG")
    }

    @Test(
        "that nobody rewrote here are none",
        arguments: [
            "SRS0=o3zj=JN=example.org=ann", "SRS0=o3zi=JO=example.org=ann", "SRS0=o3zi=JN=example.com=ann",
            "SRS0=o3zi=JN=example.org=bob",
            "SRS0=o3z=JN=example.org=ann", "SRS0==JN=example.org=ann", "SRS0=o3zi=JN=example.org", "SRS0", "SRS0=",
            "SRS1=ig1y=fwd1.example",
            "SRS1=ig1z=fwd1.example==abcd=QQ=src.example=user", "ann", "SRS0.o3zi=JN=example.org=ann",
        ])
    func forged(_ local: String) throws {
        let address = Mailbox(localPart: local, domain: Domain("srs.example.net"))
        #expect(self.rewriter.original(of: address, at: self.now) == nil)
    }

    @Test("stay where a rewritten address would be none", arguments: ["\"a b\"@example.org", "a@[192.0.2.1]"])
    func impossible(_ sender: String) throws {
        #expect(self.rewriter.rewritten(try self.mailbox(sender), at: self.now) == nil)
        let long = Mailbox(localPart: String(repeating: "a", count: 220), domain: Domain("example.org"))
        #expect(self.rewriter.rewritten(long, at: self.now) == nil)
    }
}
