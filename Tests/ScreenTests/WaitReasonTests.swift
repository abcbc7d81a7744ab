import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("why not now, in words")
struct WaitReasonTests {
    private static let soon = ScriptedFeed.now.adding(milliseconds: 90_000)

    private static let sentences: [(WaitReason, String, row: String?)] = [
        (.due, "It is due and waits for a session.", nil),
        (.behind(others: 1), "It is due, behind 1 other that goes there.", "behind 1 other"),
        (.behind(others: 41_207), "It is due, behind 41,207 others that go there.", "behind 41,207 others"),
        (
            .limited(others: 0, connections: 1),
            "It is due, and the next one; no more than 1 connection may be had there at a time.",
            "limit of 1 connection"
        ),
        (
            .limited(others: 41, connections: 2),
            "It is due, behind 41 others; no more than 2 connections may be had there at a time.",
            "limit of 2 connections, behind 41 others"
        ),
        (
            .limitedElsewhere(connections: 1),
            "It is due; no more than 1 connection may be had there at a time by all nodes, and this one has none yet.",
            "limit of 1 connection, none here yet"
        ),
        (.retryTime, "It waits for its retry time, in 90s; the last attempt ended with: 450 later.", nil),
        (
            .rate(until: soon), "Its route allows only so many in a time; its turn comes, in 90s.",
            "rate limit, 90s to go"
        ),
        (
            .lookup(until: nil, reason: nil), "It is being asked which hosts take mail for its domain.",
            "its hosts are asked for"
        ),
        (
            .lookup(until: soon, reason: "DNS: SERVFAIL"),
            "It is not known for now which hosts take mail for its domain, and is asked again, in 90s (DNS: SERVFAIL); "
                + "the last attempt ended with: 450 later.", "DNS: SERVFAIL"
        ),
        (
            .suspended(by: "ops", until: soon, reason: "they move"),
            "ops suspended its destination until 09:01:30 UTC, in 90s: they move; the last attempt ended with: 450 later.",
            "suspended by ops, 90s to go: they move"
        ),
        (
            .suspended(by: "ops", until: nil, reason: nil),
            "ops suspended its destination, without an end; the last attempt ended with: 450 later.",
            "suspended by ops"
        ),
        (
            .spoolFailing, "Nothing is tried as long as the spool cannot write down what becomes of it.",
            "the spool cannot write"
        ),
        (.held(by: "ops"), "ops holds it; release it to have it tried again.", "by ops"),
        (
            .held(by: "rspamd", reason: "looks like spam"),
            "rspamd holds it: looks like spam; release it to have it tried again.", "by rspamd: looks like spam"
        ),
        (
            .held(by: "ops", reason: "rule 3 of ops until 2026-12-01T06:00:00Z: maintenance"),
            "ops holds it: rule 3 of ops until 2026-12-01T06:00:00Z: maintenance; release it to have it tried again.",
            "rule 3: maintenance"
        ),
        (
            .held(by: "ops", reason: "rule 4 of ops"),
            "ops holds it: rule 4 of ops; release it to have it tried again.", "rule 4 of ops"
        ),
        (
            .held(by: "rspamd", reason: "rule 4 of ops"),
            "rspamd holds it: rule 4 of ops; release it to have it tried again.", "by rspamd: rule 4 of ops"
        ),
        (.held(by: nil), "It is on hold; release it to have it tried again.", nil),
        (
            .damaged(reason: "no content"),
            "It is damaged (no content), and so kept aside; mend and release it, or drop it.", "damaged: no content"
        ),
    ]

    @Test("nothing says that a host does not answer which was never asked")
    func unasked() {
        let why = WaitReason.backoff(until: Self.soon, reason: "MTA-STS: the policy has no such host")
        let recipient = RecipientDetail(
            ref: RecipientRef(node: "mx1", message: "4Q7K", index: 0, generation: 0), forwardPath: "<bob@example.org>",
            state: .deferred, nextAttempt: Self.soon, lastReply: "MTA-STS: the policy has no such host", why: why)
        #expect(
            recipient.whyWords(ScriptedFeed.now)
                == "The next hop is tried again when its back-off is over, in 90s; it could not be used (MTA-STS: the policy "
                + "has no such host).")
    }

    @Test("each reason is a sentence in the message view, and some words in the queue", arguments: sentences)
    func words(_ why: WaitReason, _ sentence: String, _ row: String?) async {
        let recipient = RecipientDetail(
            ref: RecipientRef(node: "mx1", message: "4Q7K", index: 0, generation: 0), forwardPath: "<bob@example.org>",
            state: .deferred, nextAttempt: Self.soon, lastReply: "450 later", why: why)
        #expect(recipient.whyWords(ScriptedFeed.now) == sentence)
        #expect(why.words(ScriptedFeed.now) == row)
        let feed = ScriptedFeed()
        feed.queued("4Q7K", from: "ann@example.net", to: "bob@example.org", reply: "450 later")
        feed.write { $0.rows[0].why = why }
        let rig = await Rig(feed, columns: 160, rows: 20)
        await rig.press("2")
        #expect(await rig.lines("4Q7K").first?.contains(row ?? "450 later") == true)
    }

    @Test("a destination says how long what is due for it takes")
    func remaining() async {
        let feed = ScriptedFeed()
        feed.write { script in
            script.overview.destinations = [
                DestinationAges(
                    destination: "mx.example.org:25", condition: .ok, remaining: 185_000, total: 7,
                    ages: AgeCounts([7])),
                DestinationAges(
                    destination: "mx.example.net:25", condition: .ok, remaining: 900, total: 3, ages: AgeCounts([3])),
            ]
        }
        let rig = await Rig(feed, columns: 120, rows: 36)
        #expect(await rig.lines("mx.example.org:25").first?.contains("4m left") == true)
        #expect(await rig.lines("mx.example.net:25").first?.contains(" ok ") == true)
    }
}
