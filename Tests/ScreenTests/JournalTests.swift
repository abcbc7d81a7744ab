import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the journal")
struct JournalTests {
    /// A message's life, an operator's doings, a rule, and somebody's escape sequences.
    static func feed() -> ScriptedFeed {
        let feed = ScriptedFeed.busy
        feed.journaled(.accepted, "4Q3A", before: 90_000, from: "fay@example.net", session: "in#39")
        feed.journaled(
            .deferred, "4Q3A", before: 89_990, from: "fay@example.net", to: "gus@example.com",
            nextHop: "mx.example.org:25", text: "450 4.2.0 greylisted", session: "out#8")
        feed.journaled(.held, "4Q3A", before: 80_000, to: "gus@example.com", actor: "ops")
        feed.journaled(.ruleSet, nil, before: 5000, text: "7 hold to example.org", actor: "ops")
        feed.journaled(.released, "4Q3A", before: 4000, to: "gus@example.com", actor: "ops")
        feed.journaled(
            .bounced, "4Q3A", before: 3990, from: "fay@example.net", to: "gus@example.com",
            nextHop: "mx.example.org:25", text: "550 5.1.1 <gus@example.com>: no such \u{1b}[2J\u{202E}user",
            session: "out#8")
        feed.journaled(.reported, "4Q4D", before: 3989, to: "fay@example.net")
        feed.journaled(.accepted, "4Q6A", before: 1200, from: "cat@example.net", session: "in#40")
        feed.journaled(.dropped, "4Q5A", before: 600, to: "eve@example.net", actor: "ops")
        feed.journaled(.accepted, "4Q7K", before: 20, from: "ann@example.net", session: "in#41")
        feed.journaled(
            .relayed, "4Q4C", before: 2, from: "ann@example.net", to: "hal@example.org",
            nextHop: "mx.example.org:25", text: "250 2.0.0 Ok: queued as 7T", session: "out#9")
        return feed
    }

    /// `count` entries, of which every tenth bounced.
    private static func long(_ count: Int) -> ScriptedFeed {
        let feed = ScriptedFeed.busy
        for number in 1...count {
            feed.journaled(
                number % 10 == 0 ? .bounced : .relayed, "M\(number)", before: Int64(count - number),
                to: "u\(number)@example.org",
                text: number % 10 == 0 ? "550 no" : "250 ok")
        }
        return feed
    }

    @Test(
        "what became of mail, newest first, and the whole of the entry at the cursor",
        arguments: [(80, 24), (120, 36)], [false, true])
    func golden(_ size: (Int, Int), _ isCoded: Bool) async throws {
        let rig = await Rig(Self.feed(), isCoded: isCoded, columns: size.0, rows: size.1)
        await rig.press("5", "j", "j", "j", "j", "j")
        try await rig.expect("journal")
        await rig.press("!")
        try await rig.expect("journal-problems")
    }

    @Test("what operators did to a node is told as that: it has no reply, and Enter opens the session that was ended")
    func deeds() async {
        let feed = Self.feed()
        feed.journaled(.closed, nil, before: 1, text: "mx1", session: "out#9", actor: "ops")
        feed.journaled(.reloadFailed, nil, before: 1, text: "mx1: 550 is no port", actor: "signal")
        let rig = await Rig(feed, columns: 120, rows: 36)
        await rig.press("5", "g")
        #expect(await rig.cursorLine.contains("no reload"))
        #expect(await rig.lines("Node").contains { $0.contains("550 is no port") })
        await rig.press(.enter)
        #expect(await rig.text.contains("no message: it is about the node"))
        await rig.run("filter code:550")
        #expect(await !rig.text.contains("no reload"))
        await rig.run("filter state:closed")
        await rig.press(.enter)
        #expect(await rig.text.contains("› out#9"))
    }

    @Test("an entry opens its message, its session's dialogue, or the rules")
    func doors() async {
        let rig = await Rig(Self.feed())
        await rig.press("5", "j", .enter)
        #expect(await rig.text.contains("› 4Q7K"))
        await rig.press(.escape, "k", "t")
        #expect(await rig.text.contains("› out#9"))
        await rig.press(.escape)
        await rig.run("search state:\"rule set\"")
        await rig.press("t")
        #expect(await rig.text.contains("no session: it did not happen in one"))
        await rig.press(.enter)
        #expect(await rig.text.contains("Standing rules"))
    }

    @Test("a dialogue opens at the part that an entry is about, and there at its error")
    func part() {
        let said = [
            "MAIL FROM:<a@b.example>", "RCPT TO:<u1@example.org>", "DATA", "MAIL FROM:<a@b.example>",
            "RCPT TO:<u2@example.org>", "550 5.1.1 no", "MAIL FROM:<a@b.example>", "RCPT TO:<u3@example.org>",
        ]
        let lines = said.enumerated().map { number, text in
            TranscriptLine(
                number: number, at: ScriptedFeed.now, speaker: text.first == "5" ? .server : .client, text: text)
        }
        for (recipient, start, cursor) in [("u1", 0, 0), ("u2", 3, 5), ("u3", 6, 6)] {
            let fact = FactRow(
                at: ScriptedFeed.now, kind: .bounced, message: "4Q7K", from: "<a@b.example>",
                to: "<\(recipient)@example.org>", session: SessionRef(node: "mx1", id: "out#9"))
            let place = TranscriptPart(of: fact).place(in: lines)
            #expect(place == (start, cursor), "\(recipient)")
        }
    }

    @Test("what happens appears at the top as long as nobody has moved; then it is counted, and nothing moves")
    func tail() async {
        let feed = Self.feed()
        let rig = await Rig(feed)
        await rig.press("5")
        await rig.wait(seconds: 2)
        #expect(await rig.text.contains("live"))
        feed.journaled(.relayed, "N1", before: 1, to: "new@example.org")
        await rig.refresh()
        #expect(await rig.cursorLine.contains("N1"))
        await rig.press("j")
        #expect(await rig.cursorLine.contains("4Q4C"))
        for number in 2...38 { feed.journaled(.relayed, "N\(number)", before: 0, to: "new@example.org") }
        await rig.refresh()
        #expect(await rig.cursorLine.contains("4Q4C"))
        #expect(await rig.text.contains("+37 new (g)"))
        await rig.press("g")
        #expect(await rig.cursorLine.contains("N38"))
        #expect(await !rig.text.contains("new (g)"))
        await rig.press("F")
        feed.journaled(.relayed, "N39", before: 0, to: "new@example.org")
        await rig.wait(seconds: 2)
        await rig.refresh()
        #expect(await rig.cursorLine.contains("N38"))
        await rig.press("F")
        #expect(await rig.cursorLine.contains("N39"))
        await rig.press("=")
        feed.journaled(.relayed, "N40", before: 0, to: "new@example.org")
        await rig.refresh()
        #expect(await rig.cursorLine.contains("N39"))
        #expect(await rig.text.contains("frozen"))
    }

    @Test("who comes back sees that what came meanwhile is still to be shown, until it is")
    func behind() async {
        let feed = Self.feed()
        let rig = await Rig(feed)
        await rig.press("5")
        await rig.wait(seconds: 2)
        await rig.press("1")
        feed.journaled(.relayed, "N1", before: 1, to: "new@example.org")
        await rig.wait(seconds: 2)
        // Rows stay for a while after a key.
        await rig.press("5")
        #expect(await !rig.text.contains("N1"))
        #expect(await rig.lines("all 1").allSatisfy { $0.contains("...") })
        #expect(await !rig.text.contains("live"))
        await rig.wait(seconds: 2)
        #expect(await rig.cursorLine.contains("N1"))
        #expect(await rig.text.contains("live"))
    }

    @Test("more than a page came while the newest was followed: the list begins anew")
    func burst() async {
        let feed = Self.long(300)
        let rig = await Rig(feed)
        await rig.press("5")
        await rig.wait(seconds: 2)
        for number in 301...900 { feed.journaled(.relayed, "M\(number)", before: 0, to: "u@example.org") }
        await rig.refresh()
        #expect(await rig.cursorLine.contains("M900"))
        await rig.press("j")
        #expect(await rig.cursorLine.contains("M899"))
    }

    @Test("rows are read as one scrolls, there and back, and far ones are forgotten")
    func scrolling() async {
        let rig = await Rig(Self.long(9000))
        await rig.press("5")
        #expect(await rig.text.contains("all 9,000"))
        for _ in 0..<600 { await rig.press(.pageDown) }
        #expect(await rig.cursorLine.contains("M3000 "))
        for _ in 0..<300 { await rig.press(.pageUp) }
        #expect(await rig.cursorLine.contains("M6000 "))
        await rig.press("G")
        #expect(await rig.cursorLine.contains("M1 "))
        await rig.press(.pageUp)
        #expect(await rig.cursorLine.contains("M11 "))
        for _ in 0..<50 { await rig.press(.pageUp) }
        #expect(await rig.cursorLine.contains("M511 "))
        await rig.press("g")
        #expect(await rig.cursorLine.contains("M9000 "))
    }

    @Test("a search finds what was never here, in both directions")
    func search() async {
        let rig = await Rig(Self.long(5000))
        await rig.press("5")
        await rig.run("search to:u17@")
        #expect(await rig.cursorLine.contains("M17 "))
        await rig.press("j")
        #expect(await rig.cursorLine.contains("M16 "))
        await rig.run("search nowhere")
        #expect(await rig.text.contains("nowhere is nowhere here"))
        await rig.run("search to:u4000@")
        #expect(await rig.text.contains("is nowhere here"))
        await rig.press("N")
        #expect(await rig.cursorLine.contains("M4000 "))
        await rig.press("k")
        #expect(await rig.cursorLine.contains("M4001 "))
        await rig.run("search frm:x")
        #expect(await rig.text.contains("no field frm"))
    }

    @Test("a filter has the journal's fields, and goes on where a search takes its time")
    func filter() async {
        let feed = Self.long(5000)
        feed.write { $0.journalStep = 300 }
        let rig = await Rig(feed)
        await rig.press("5")
        await rig.run("filter state:bounced to:u10@")
        #expect(await rig.text.contains("filter: state:bounced to:u10@   in 5,000"))
        #expect(await rig.cursorLine.contains("M10 "))
        await rig.press("f", .control("u"))
        await rig.type("state:expired")
        await rig.press(.enter)
        #expect(await rig.text.contains("nothing matches the filter"))
        await rig.press("f", .control("u"))
        await rig.type("size>1y")
        #expect(await rig.text.contains("is no size"))
        await rig.press(.escape)
        await rig.run("filter next>5m")
        #expect(await rig.text.contains("no field next"))
        await rig.run("filter failure=\"550 no\"")
        #expect(await rig.cursorLine.contains("M5000 "))
    }

    @Test("what only bounced is shown in the journal")
    func failureDoor() async {
        let feed = Self.feed()
        feed.write { script in
            let reply = "550 5.1.1 <kim@example.com>: no such \u{1b}[2J\u{202E}user"
            script.overview.failures = Failures(
                [FailureGroup(ReplyFingerprint(of: reply), example: reply, bounced: 1)], otherDeferred: 0)
        }
        let rig = await Rig(feed)
        await rig.press(.tab, .enter)
        #expect(await rig.cursorLine.contains("bounced"))
        #expect(await rig.text.contains("filter: failure="))
    }

    @Test("a feed without a journal does not offer it, and says so")
    func absent() async {
        let rig = await Rig()
        #expect(await !rig.text.contains("Journal"))
        #expect(await rig.text.contains("1-6 view"))
        await rig.press("5")
        #expect(await rig.text.contains("mx1 has no journal"))
        // The map comes next.
        await rig.press("4", .tab)
        #expect(await rig.text.contains("listens on"))
        let other = await Rig(Self.feed())
        #expect(await other.text.contains("1-6 view"))
        await other.press("4", .tab)
        #expect(await other.text.contains("all 11"))
    }

    @Test("the journal on a small terminal")
    func small() async {
        let rig = await Rig(Self.feed(), columns: 40, rows: 10)
        await rig.press("5", "G")
        #expect(await rig.cursorLine.contains("accepted"))
    }
}
