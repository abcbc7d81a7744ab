import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the mouse")
struct MouseTests {
    private func line(of word: String, _ rig: Rig) async throws -> Int {
        let canvas = await rig.screen.canvas
        return try #require((0..<canvas.rows).first { canvas.line($0).contains(word) })
    }

    @Test("a click selects the row, a second one opens it, the wheel moves")
    func rows() async throws {
        let rig = await Rig()
        await rig.press("2")
        let line = try await self.line(of: "4Q7K", rig)
        await rig.press(.mouse(.click(x: 20, y: line)))
        #expect(await rig.cursorLine.contains("4Q7K"))
        await rig.press(.mouse(.wheel(-1)))
        #expect(await !rig.cursorLine.contains("4Q7K"))
        await rig.press(.mouse(.wheel(1)))
        #expect(await rig.cursorLine.contains("4Q7K"))
        await rig.wait(seconds: 1)
        await rig.press(.mouse(.click(x: 20, y: line)), .mouse(.click(x: 21, y: line)))
        #expect(await rig.text.contains("› 4Q7K"))
    }

    @Test("what stands beside the rows is none of them")
    func beside() async throws {
        let rig = await Rig(columns: 160, rows: 45)
        await rig.press("2")
        let before = await rig.cursorLine
        let line = try await self.line(of: "4Q6A", rig)
        await rig.press(.mouse(.click(x: 120, y: line)))
        #expect(await rig.cursorLine == before)
        await rig.press(.mouse(.click(x: 60, y: line)))
        #expect(await rig.cursorLine != before)
    }

    @Test("a click where no row is selects nothing, and one on a tab shows its view")
    func tabs() async throws {
        let rig = await Rig()
        await rig.press("2")
        let before = await rig.cursorLine
        await rig.press(.mouse(.click(x: 3, y: 2)), .mouse(.click(x: 3, y: 12)), .mouse(.click(x: 3, y: 23)))
        #expect(await rig.cursorLine == before)
        let canvas = await rig.screen.canvas
        let tabs = canvas.line(1)
        let place = try #require(tabs.firstRange(of: "Connections")).lowerBound
        await rig.press(.mouse(.click(x: tabs.distance(from: tabs.startIndex, to: place), y: 1)))
        #expect(await rig.text.contains("out#9"))
    }

    /// A click on the first character of a word, the last time that it is on the screen, and one more.
    private func doubleClick(_ word: String, _ rig: Rig) async throws {
        let place = try await self.click(word, rig)
        await rig.press(place)
    }

    @discardableResult
    private func click(_ word: String, _ rig: Rig) async throws -> Key {
        let canvas = await rig.screen.canvas
        let y = try #require((0..<canvas.rows).last { canvas.line($0).contains(word) })
        let line = canvas.line(y)
        let place = try #require(line.firstRange(of: word)).lowerBound
        let x = line.distance(from: line.startIndex, to: place)
        let click = Key.mouse(.click(x: x, y: y))
        await rig.press(click)
        return click
    }

    @Test("each list of the overview is gone to by a click, and opened by the second one")
    func overview() async throws {
        let rig = await Rig(columns: 100, rows: 30)
        try await self.doubleClick("connection refused", rig)
        #expect(await rig.text.contains("filter: dest="))
        await rig.press("1")
        await rig.wait(seconds: 1)
        try await self.doubleClick("accepted", rig)
        #expect(await rig.text.contains("› "))
    }

    @Test("entries of the journal")
    func journal() async throws {
        let rig = await Rig()
        await rig.press("5")
        try await self.doubleClick("relayed", rig)
        #expect(await rig.text.contains("› "))
    }

    @Test("boxes and links of the map, and the rows that it has without a picture", arguments: [false, true])
    func map(_ isPlain: Bool) async throws {
        let rig = await Rig { $0.isPlain = isPlain }
        rig.feed.write { script in
            script.overview.neighbours = Neighbours(
                nextHops: [Neighbours.Hop(destination: "mx.example.org:25", waiting: 3)])
        }
        await rig.press("6")
        await rig.wait(seconds: 1)
        try await self.doubleClick(isPlain ? "mx.example.org" : "3 wait", rig)
        #expect(await rig.text.contains("filter: dest=mx.example.org:25"))
    }

    @Test("the words of each link of the map are its own: those of the way back, and of the next path")
    func mapWords() async throws {
        let rig = await Rig(columns: 160, rows: 45)
        rig.feed.write { script in
            script.overview.neighbours = Neighbours(
                clients: [
                    Neighbours.Client(name: "one.example", traffic: LinkTraffic(messages: 9, lastMinute: 60)),
                    Neighbours.Client(name: "two.example", traffic: LinkTraffic(messages: 9, lastMinute: 600)),
                    Neighbours.Client(name: "mx.example.org", traffic: LinkTraffic(messages: 9, lastMinute: 180)),
                ],
                nextHops: [Neighbours.Hop(destination: "mx.example.org:25", waiting: 3)])
        }
        await rig.press("6")
        await rig.wait(seconds: 1)
        // Its title says which it is, and Enter opens what it is.
        for (word, link) in [
            ("10.0/s", "two.example → mx1"), ("3 waiting", "mx1 → mx.example.org"), ("1.0/s", "one.example → mx1"),
        ] {
            try await self.click(word, rig)
            #expect(await rig.text.contains("╭─ \(link) ─"), "\(word)")
            await rig.wait(seconds: 1)
        }
    }

    @Test("the words below a path are of the mail that comes back on it")
    func wayBack() async throws {
        let near = ScriptedFeed(node: "near")
        let far = ScriptedFeed(node: "far")
        for (feed, port, other) in [(near, 1, 2), (far, 2, 1)] {
            feed.write { script in
                script.overview.listening = ["127.0.0.1:\(port)"]
                script.overview.neighbours = Neighbours(nextHops: [
                    Neighbours.Hop(
                        destination: "127.0.0.1:\(other)", traffic: LinkTraffic(messages: 9, lastMinute: port * 60))
                ])
            }
        }
        let entries = [near, far].map { FeedEntry(name: $0.node, feed: $0) }
        let rig = await Rig(entries: entries, columns: 100, rows: 30) { $0.view = "map" }
        _ = await rig.text
        try await self.click("2.0/s", rig)
        #expect(await rig.text.contains("╭─ far → near ─"))
        await rig.wait(seconds: 1)
        try await self.click("1.0/s", rig)
        #expect(await rig.text.contains("╭─ near → far ─"))
    }

    /// The map as a list of more links than there is room for, at its end.
    private func longMap() async -> Rig {
        let rig = await Rig { $0.isPlain = true }
        rig.feed.write { script in
            script.overview.neighbours = Neighbours(
                nextHops: (10..<50).map { Neighbours.Hop(destination: "mx\($0).example.org:25", waiting: 3) })
        }
        await rig.press("6")
        await rig.wait(seconds: 1)
        _ = await rig.text
        await rig.press("G")
        return rig
    }

    @Test("in a list that is scrolled, the second click opens what the first one selected")
    func scrolled() async throws {
        let rig = await self.longMap()
        let line = await rig.screen.canvas.line(6)
        let name = try #require(line.firstMatch(of: /mx\d+\.example\.org/)).output
        try await self.doubleClick(String(name), rig)
        #expect(await rig.text.contains("filter: dest=\(name):25"))
    }

    @Test("the map's rows are those that were painted, whatever was learned since")
    func learnedSince() async throws {
        let rig = await self.longMap()
        let line = await rig.cursorLine
        let name = try #require(line.firstMatch(of: /mx\d+\.example\.org/)).output
        rig.feed.write { $0.overview.neighbours = Neighbours() }
        await rig.refresh()
        // Nothing was painted since, and the keys come first.
        await rig.press("k", "j", .mouse(.click(x: 10, y: 6)), "G", .enter)
        #expect(await rig.text.contains("filter: dest=\(name):25"))
    }

    @Test("groups of the queue, standing rules, and what a message's boxes list")
    func otherLists() async throws {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("2")
        await rig.run("group state")
        try await self.doubleClick("deferred", rig)
        #expect(await rig.text.contains("filter: state=deferred"))
        await rig.wait(seconds: 1)
        rig.feed.write { script in
            script.rules = ["a.example", "b.example"].enumerated().map { index, domain in
                let rule = StandingRule(
                    id: Int64(index), .init(.hold(mail: .recipient(pattern: domain))), at: ScriptedFeed.now, by: "ops")
                return RuleRow(ref: RuleRef(node: "mx1", id: rule.id), rule: rule)
            }
        }
        await rig.run("rules")
        try await self.doubleClick("hold to b.example", rig)
        #expect(await rig.text.contains("filter: to:@b.example"))
    }

    @Test("recipients and attempts of a message, whichever of them has the keys")
    func message() async throws {
        let rig = await Rig(columns: 100, rows: 30)
        rig.feed.write { script in
            guard var other = script.details["4Q6A"]?.recipients[0] else { return }
            other.ref.index = 1
            other.forwardPath = "<eve@example.com>"
            script.details["4Q6A"]?.recipients.append(other)
        }
        await rig.press("2", "j", .enter)
        try await self.click("eve@example.com", rig)
        #expect(await rig.text.contains("acts on: eve@example.com"))
        await rig.wait(seconds: 1)
        try await self.doubleClick("08:50:00", rig)
        #expect(await rig.text.contains("› out#8"))
    }

    @Test("a dialog is answered by keys alone")
    func dialog() async {
        let rig = await Rig()
        await rig.press("2", "B")
        await rig.press(.mouse(.click(x: 20, y: 4)), .mouse(.click(x: 20, y: 4)))
        #expect(await rig.text.contains("Bounce?"))
        #expect(rig.feed.performed == [])
    }
}
