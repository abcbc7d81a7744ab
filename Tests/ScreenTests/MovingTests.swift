import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("moving about")
struct MovingTests {
    @Test("the header's figures follow changes once a second, and those of the overview at once")
    func header() async {
        let rig = await Rig { $0.showsClock = false }
        func change(_ count: Int) async {
            rig.feed.write { $0.overview.queuedMessages = count }
            await rig.screen.refresh(.changed(areas: [.queue]))
            await rig.screen.settled()
        }
        await change(41)
        #expect(await rig.text.contains("41 queued"))
        await rig.press("2")
        await change(42)
        #expect(await rig.text.contains("41 queued"))
        #expect(await rig.screen.wantsTicks)
        await rig.wait(seconds: 1)
        #expect(await rig.text.contains("42 queued"))
        for _ in 0..<2 { await rig.wait(seconds: 1) }
        // It is long ago that they were read.
        await change(43)
        #expect(await rig.text.contains("43 queued"))
    }

    @Test("help and the text of a message stop at their ends")
    func ends() async {
        let rig = await Rig()
        await rig.press("?", "G")
        let last = await rig.text
        for _ in 0..<50 { await rig.press("j") }
        #expect(await rig.text == last)
        await rig.press("k")
        #expect(await rig.text != last)

        rig.feed.write { $0.details["4Q6A"]?.text = (1...60).map { "line \($0)\n" }.joined() }
        await rig.press(.escape, "2", "j", .enter, "i", "G")
        #expect(await rig.text.contains("line 60"))
        let end = await rig.text
        for _ in 0..<50 { await rig.press("j") }
        #expect(await rig.text == end)
        await rig.press("k")
        #expect(await !rig.text.contains("line 60"))
    }

    @Test("Esc in the theme menu brings the theme back that was; Enter keeps the one that is seen")
    func theme() async {
        let rig = await Rig()
        await rig.run("theme")
        await rig.press("j")
        #expect(await rig.screen.theme.name != "ansi")
        await rig.press(.escape)
        #expect(await rig.screen.theme.name == "ansi")
        await rig.run("theme")
        await rig.press("j", .enter)
        #expect(await rig.screen.theme.name != "ansi")
    }

    @Test("digits without a view say which there are", arguments: ["8", "9", "0"] as [Key])
    func digits(_ key: Key) async {
        let rig = await Rig()
        await rig.press(key)
        #expect(await rig.text.contains("no view \(key.label): 1-6 show the views"))
    }

    @Test("the dialogue of a message that was tried opens at its part, on its first error")
    func transcript() async {
        let rig = await Rig()
        await rig.press("2", "j", "t")
        #expect(await rig.cursorLine.contains("450 4.2.0 greylisted"))
        await rig.press(.escape, .enter, "t")
        #expect(await rig.cursorLine.contains("450 4.2.0 greylisted"))
        await rig.press(.escape, .tab, .enter)
        #expect(await rig.cursorLine.contains("450 4.2.0 greylisted"))
        // So it does while the session goes on with other mail.
        rig.feed.write { $0.connections[2].ended = nil }
        await rig.press(.escape, .enter)
        #expect(await rig.cursorLine.contains("450 4.2.0 greylisted"))
        #expect(await !rig.text.contains("FOLLOWS"))
        rig.feed.write { $0.connections[2].ended = ScriptedFeed.now }
        // Of the whole session it is another one.
        await rig.press("3", "e", "G", .enter)
        #expect(await rig.cursorLine.contains("550 5.1.1 no such user"))
        // A live one is followed.
        await rig.press("3", "g", .enter)
        #expect(await rig.cursorLine.contains("250 2.1.0 Ok"))
        #expect(await rig.text.contains("FOLLOWS"))
    }

    @Test("a message opens on its least happy recipient, which stays chosen once a key was pressed")
    func recipient() async {
        let feed = ScriptedFeed.busy
        let row = feed.write { $0.rows[1] }
        let detail = feed.detail(row, [.relayed, .active, .deferred, .queued])
        feed.write { script in
            script.details["4Q6A"] = detail
            script.rows[1].to = detail.recipients[2].forwardPath
        }
        let rig = await Rig(feed)
        await rig.press("2", "j", .enter)
        #expect(await rig.text.contains("acts on: user2@example.com"))
        await rig.press("k", "j")
        feed.write { $0.details["4Q6A"]?.recipients[2].state = .relayed }
        await rig.refresh()
        #expect(await rig.text.contains("<user2@example.com> is relayed already"))
        await rig.press("d")
        #expect(feed.performed.isEmpty)
        #expect(await rig.lines("user2@example.com> is relayed already").count == 2)
        await rig.wait(seconds: 1)
        await rig.press("k", "d")
        #expect(feed.performed == ["drop 4Q6A/1"])
    }

    @Test("the next message opens instead of the one that is shown")
    func neighbour() async {
        let rig = await Rig()
        await rig.press("2", .enter, "]")
        #expect(await rig.text.contains("› 4Q6A"))
        await rig.press("]", "[", "[")
        #expect(await rig.text.contains("› 4Q5B"))
        await rig.press(.escape)
        #expect(await rig.cursorLine.contains("4Q5B"))
    }

    @Test("a row of the overview opens the queue filtered to it")
    func doors() async {
        let rig = await Rig()
        await rig.press(.enter)
        #expect(await rig.text.contains("filter: dest=mx.example.org:25   3 of 3"))
        await rig.press("1", .backTab, .enter)
        #expect(await rig.text.contains("filter: dest=mx.example.org:25   3 of 3"))
        await rig.press("1", .backTab, .enter)
        #expect(await rig.text.contains("› 4Q4D"))
    }

    @Test("where there is little room the header still tells count and state, and a message has no boxes")
    func small() async {
        let rig = await Rig(columns: 40, rows: 10)
        for key in ["1", "2", "3", "2", .enter, "i"] as [Key] {
            await rig.press(key)
            let header = await rig.screen.canvas.line(0)
            #expect(header.contains("3 queued") && header.contains("accepting") && header.contains("unlocked"))
        }
        // Each line of the message ends within the screen, and says one thing.
        await rig.press("i", "j")
        let lines = await rig.text.split(separator: "\n").map(String.init)
        #expect(lines[1].contains("› 4Q5B"))
        #expect(lines[2].hasPrefix(" From <>") && lines[2].hasSuffix("here 5h00"))
        #expect(lines[3].contains("mx1 ─■─ mx.example.org:25"))
        #expect(lines[4].contains("■ hold     eve@example.net"))
        #expect(lines[5].contains("It is on hold"))
        await rig.press("3", "?")
        #expect(await rig.lines("Enter").first?.contains("open what") == true)
        await rig.press(.escape)
        #expect(await rig.screen.canvas.line(3).hasSuffix("IDLE"))
        rig.feed.write { $0.overview.isAccepting = false }
        await rig.press("1")
        #expect(await rig.screen.canvas.line(0).contains("refusing"))
    }

    @Test("a failed read is told of the node that failed, and of no other")
    func trouble() async {
        let away = ScriptedFeed(node: "away")
        away.write { $0.isAway = true }
        let screen = Screen(
            feeds: [FeedEntry(name: "mx1", feed: ScriptedFeed.busy), FeedEntry(name: "away", feed: away)],
            options: ScreenOptions { ScriptedFeed.now })
        await screen.start()
        await screen.settled()
        #expect(await !screen.canvas.text.contains("does not answer"))
        await screen.press(">")
        await screen.settled()
        #expect(await screen.canvas.text.contains("does not answer"))
        await screen.press(">")
        await screen.settled()
        #expect(await !screen.canvas.text.contains("does not answer"))
    }
}
