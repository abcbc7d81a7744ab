import Foundation
import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("screens")
struct ScreenTests {
    @Test("a feed without transcripts says so")
    func transcript() async {
        let coded = await Rig(isCoded: true)
        await coded.press("3", .enter)
        #expect(await coded.text.contains("transcripts"))
        #expect(await !coded.text.contains("EHLO"))
    }

    @Test("ASCII only: no octet beyond it")
    func ascii() async throws {
        let rig = await Rig { $0.isASCII = true }
        for key in ["1", "2", "3", "?"] as [Key] {
            await rig.press(key)
            #expect(await rig.text.utf8.allSatisfy { $0 < 0x80 })
        }
    }

    @Test("a terminal that is too small asks to be enlarged, and any size is survived")
    func sizes() async {
        let rig = await Rig()
        await rig.screen.resize(columns: 30, rows: 8)
        #expect(await rig.text.contains("please enlarge"))
        for (columns, rows) in [(1, 1), (40, 10), (220, 60), (80, 24), (41, 11), (300, 5)] {
            await rig.screen.resize(columns: columns, rows: rows)
            for key in ["1", "2", .enter, .escape, "3", "?", .escape] as [Key] { await rig.press(key) }
            #expect(await rig.screen.canvas.columns == columns)
        }
    }

    @Test("what a peer wrote moves no cell and does nothing")
    func hostile() async {
        let feed = ScriptedFeed()
        let evil = "\u{1B}[2J\u{8}\u{8}\u{202E}evil\r\n\u{9}\u{200D}"
        feed.queued("4Q7K", from: evil, to: evil, state: .deferred, reply: evil)
        feed.queued("4Q7L", from: "plain@example.net", to: "plain@example.org")
        let rig = await Rig(feed)
        await rig.press("2")
        let text = await rig.text
        #expect(text.contains("\\x1b"))
        for scalar in ["\u{1B}", "\u{8}", "\u{202E}", "\u{200D}", "\u{9}", "\r"] { #expect(!text.contains(scalar)) }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.contains { $0.contains("4Q7L") && $0.contains("plain@exam") })
    }

    // MARK: keys

    @Test("after a burst of facts the newest are shown, and not the first of the burst")
    func burst() async {
        let rig = await Rig(columns: 100, rows: 36)
        rig.feed.write { script in
            for number in 0..<1000 {
                script.facts.append(
                    FactRow(
                        at: ScriptedFeed.now, kind: .accepted, message: "M\(number)", from: "<burst\(number)@a.example>"
                    ))
            }
        }
        await rig.refresh()
        #expect(await rig.text.contains("burst999@"))
    }

    @Test("filter as it is typed, and back again")
    func filter() async {
        let rig = await Rig()
        await rig.press("2", "f")
        await rig.type("reply:grey")
        await rig.press(.enter)
        #expect(await rig.text.contains("4Q6A"))
        #expect(await !rig.text.contains("4Q5B"))
        await rig.press("f", .control("u"))
        await rig.type("!reply:grey")
        await rig.press(.enter)
        #expect(await !rig.text.contains("greylisted"))
        #expect(await rig.text.contains("4Q5B"))
    }

    @Test("retry acts on the cursor's message; hold lets go of what is held")
    func retryAndHold() async {
        let rig = await Rig()
        await rig.press("2", "r", "j", "h")
        #expect(rig.feed.performed == ["retry 4Q5B", "hold 4Q6A"])
        await rig.press("k", "h")
        #expect(rig.feed.performed.last == "release 4Q5B")
        #expect(await rig.text.contains("release: 1 recipient"))
    }

    @Test("a drop acts on what is tagged, and z takes it back; what a feed cannot do is refused")
    func dropAndUndo() async {
        let rig = await Rig()
        await rig.press("2", " ", "j", " ", "d")
        #expect(rig.feed.performed.first?.hasPrefix("drop ") == true)
        #expect(rig.feed.performed.first?.split(separator: " ").count == 3)
        await rig.press("z")
        #expect(rig.feed.performed.last == "undo 7")
        let coded = await Rig(isCoded: true)
        await coded.press("2", "d", "z")
        #expect(coded.feed.performed.count == 1)
        #expect(await coded.text.contains("cannot undo"))
        await coded.press("B")
        #expect(await coded.text.contains("this feed cannot bounce"))
        await coded.press(.tab, .enter)
        #expect(coded.feed.performed.count == 1)
    }

    @Test("a bounce and a closing ask first, and Enter alone is no yes")
    func asks() async {
        let rig = await Rig()
        await rig.press("2", "B")
        #expect(await rig.text.contains("Bounce?"))
        await rig.press(.enter)
        #expect(rig.feed.performed.isEmpty)
        #expect(await rig.text.contains("nothing was done"))
        await rig.press("B", .tab, .enter)
        #expect(rig.feed.performed == ["bounce 4Q5B"])
        await rig.press("3", "K", .tab, .enter)
        #expect(rig.feed.performed.last == "close out#9")
    }

    @Test("a hold and a bounce take a reason, which the dialog shows")
    func reasons() async {
        let rig = await Rig()
        await rig.press("2")
        await rig.run("hold looks like spam")
        #expect(rig.feed.performed == ["hold 4Q5B because looks like spam"])
        await rig.run("bounce the domain has moved")
        #expect(await rig.text.contains("Reason: the domain has moved"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "bounce 4Q5B because the domain has moved")
        // What is on hold is not let go of by who gives a reason to hold it.
        await rig.run("hold once more")
        #expect(rig.feed.performed.last == "hold 4Q5B because once more")
    }

    @Test("words behind a command that understands none keep it from being done to what the cursor is on")
    func noWords() async {
        let rig = await Rig()
        await rig.press("2")
        await rig.run("drop example.org")
        #expect(rig.feed.performed.isEmpty)
        #expect(await rig.text.contains("drop understands no words behind it"))
        await rig.run("drop ")
        #expect(rig.feed.performed.count == 1)
    }

    @Test("a dialog says what it has to say to the end, however narrow the screen is")
    func narrowDialog() async {
        let rig = await Rig(columns: 60)
        await rig.press("2")
        await rig.run("edit to somebody.with.a.long.name@another.example.net")
        let text = await rig.text
        #expect(text.contains("Edit?"))
        #expect(text.contains("sender") && text.contains("knows."))
    }

    @Test("on the smallest screen examples and a long reason make room for what follows from an order")
    func smallestDialog() async {
        let feed = ScriptedFeed.busy
        feed.write { script in
            let row = script.rows[0]
            script.rows = (0..<30).map { number in
                var row = row
                row.ref.id = "4R\(10 + number)"
                row.from = "<sender\(number)@example.net>"
                return row
            }
        }
        let rig = await Rig(feed, columns: 40, rows: 10)
        await rig.press("2", "T")
        await rig.run("bounce the domain has moved to another provider, and takes no mail at the old one any more")
        let text = await rig.text
        #expect(text.contains("Bounce?"))
        #expect(text.contains("No undo."))
        #expect(!text.contains("sender1@"))
        #expect(text.contains("type 30 to go on:"))
        #expect(text.contains("[ Cancel ]"))
    }

    @Test("sort by a column, and turned round")
    func sort() async {
        let rig = await Rig()
        await rig.press("2", ":")
        await rig.type("sort size")
        await rig.press(.enter)
        let text = await rig.text
        let order = ["4Q6A", "4Q7K", "4Q5B"].compactMap { text.range(of: $0)?.lowerBound }
        #expect(order == order.sorted() || order == order.sorted(by: >))
        #expect(order.count == 3)
    }

    @Test("locked, nothing that changes mail works")
    func locked() async {
        let rig = await Rig { $0.isLocked = true }
        await rig.press("2", "r", "d", "h")
        #expect(rig.feed.performed.isEmpty)
        await rig.press("L", "r")
        #expect(rig.feed.performed.count == 1)
    }

    @Test("q goes back, and at the top leaves")
    func quit() async {
        let rig = await Rig()
        await rig.press("2", .enter, "q")
        #expect(await !rig.screen.wantsQuit)
        await rig.press("q")
        #expect(await rig.screen.wantsQuit)
    }

    @Test("what is understood in one place has names and keys of its own, and is carried out")
    func commands() {
        let feed = ScriptedFeed()
        let around = Surroundings(
            now: ScriptedFeed.now, columns: 80, rows: 24, nodes: [Node(FeedEntry(name: "mx1", feed: feed))], current: 0,
            glyphs: Glyphs(ThemeLibrary.builtin(.ansi), isASCII: true), isFrozen: false, rowsMustStay: false,
            searchWord: "", columnOffset: 0)
        let session = TranscriptPart(session: SessionRef(node: "mx1", id: "out#9"))
        var panes = View.all.map { $0.make(0, feed) }
        panes.append(MessagePane("4Q7K", node: 0, feed: feed))
        for case .open(let pane) in TranscriptPane.open(session, node: 0, feed, around) { panes.append(pane) }
        #expect(panes.count == View.all.count + 2)
        for pane in panes {
            let all = CommandTable(pane).all
            #expect(Set(all.map(\.name)).count == all.count, "\(pane.name)")
            #expect(Set(all.flatMap(\.keys)).count == all.flatMap(\.keys).count, "\(pane.name)")
            // What is done alike wherever it is understood.
            let shared = Command.editing + Command.scrolling
            for command in pane.commands where !shared.contains(command) {
                #expect(pane.perform(Call(command: command), around) != nil, "\(pane.name): \(command.name)")
            }
        }
    }
}
