import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("failures on the overview")
struct FailureTests {
    private static func feed() -> ScriptedFeed {
        let feed = ScriptedFeed.busy
        feed.write { script in
            script.overview.moreAttention = 1204
            script.overview.failures = Failures(
                [
                    FailureGroup(
                        ReplyFingerprint(of: "452 4.2.2 Over quota"), example: "452 4.2.2 Over quota", deferred: 48,
                        domains: 2, domain: "example.com", since: ScriptedFeed.now.adding(milliseconds: -16_020_000)),
                    FailureGroup(
                        ReplyFingerprint(of: "450 4.2.0 greylisted"), example: "450 4.2.0 greylisted", deferred: 1,
                        bounced: 2, domains: 1, domain: "example.com"),
                    FailureGroup(
                        ReplyFingerprint(of: "550 5.1.1 <gus@example.com>: no such user"),
                        example: "550 5.1.1 <gus@example.com>: no such user", bounced: 12),
                    FailureGroup(
                        ReplyFingerprint(of: "451 4.7.1 \u{1b}[2J\u{202E}slow down"),
                        example: "451 4.7.1 \u{1b}[2J\u{202E}slow down", deferred: 3, domains: 1000,
                        hasMoreDomains: true, domain: "a.example",
                        since: ScriptedFeed.now.adding(milliseconds: -86_400_000)),
                ], otherDeferred: 31)
        }
        return feed
    }

    @Test("what hosts say, how many it hit, and since when", arguments: [(80, 24), (120, 36)], [false, true])
    func golden(_ size: (Int, Int), _ isCoded: Bool) async throws {
        let rig = await Rig(Self.feed(), isCoded: isCoded, columns: size.0, rows: size.1)
        await rig.press(.tab)
        try await rig.expect("overview-failures")
    }

    @Test("Enter shows exactly the recipients of the group, and T tags them")
    func door() async {
        let rig = await Rig(Self.feed())
        await rig.press(.tab, "j", "j", .enter)
        #expect(await rig.text.contains(#"filter: state:deferred failure="450 4.2.0 greylisted"   1 of 3"#))
        await rig.press("T", "r")
        #expect(rig.feed.performed == ["retry set 7"])
    }

    @Test("one that only bounced is told in full")
    func bounced() async {
        let rig = await Rig(Self.feed())
        await rig.press(.tab)
        await rig.run("search no such user")
        await rig.press(.enter)
        #expect(await rig.lines("<gus@example.com>: no such user").count == 2)
    }

    @Test("where there is little room the failures are one of the lists, and there only if something fails")
    func small() async {
        let rig = await Rig(Self.feed(), columns: 60, rows: 14)
        await rig.press(.tab)
        #expect(await rig.text.contains("Failures (4)"))
        #expect(await rig.cursorLine.contains("452 4.2.2"))
        rig.feed.write { $0.overview.failures = Failures() }
        await rig.refresh()
        await rig.press("j")
        #expect(await rig.text.contains("Queue by destination"))
        await rig.press(.tab)
        #expect(await rig.text.contains("Newest"))
    }

    @Test("how many things need attention is told, also of those that are not shown")
    func attention() async {
        let rig = await Rig(Self.feed())
        #expect(await rig.text.contains("Needs attention (1,205)"))
        #expect(await rig.text.contains("1,205 things to look at"))
    }

    @Test("the words of a group")
    func words() {
        let now = ScriptedFeed.now
        func group(_ deferred: Int, _ bounced: Int, _ domains: Int, _ domain: String?, _ since: Int64?) -> String {
            FailureGroup(
                ReplyFingerprint(of: "452 full"), example: "452 full", deferred: deferred, bounced: bounced,
                domains: domains, domain: domain, since: since.map { now.adding(milliseconds: -$0 * 1000) }
            ).words(now)
        }
        #expect(group(48, 0, 2, "a.example", 16_020) == "48 recipients, 2 domains, since 04:33")
        #expect(group(1, 0, 1, "a.example", 90_000) == "1 recipient at a.example, since 2026-11-23 08:00")
        #expect(
            group(1, 3, 1, "a.example", nil)
                == "1 recipient at a.example, since before the start, 3 bounced within an hour")
        #expect(group(0, 1, 0, nil, nil) == "1 bounced within an hour")
        let expired = FailureGroup(ReplyFingerprint(of: "452 full"), example: "452 full", bounced: 31, expired: 31)
        #expect(expired.words(now) == "31 expired within an hour")
    }
}
