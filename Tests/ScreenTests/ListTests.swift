import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("lists")
struct ListTests {
    /// A queue of so many rows, the first the oldest.
    static func long(_ count: Int) -> ScriptedFeed {
        let feed = ScriptedFeed()
        let row = feed.queued("M0", from: "ann@example.net", to: "user0@example.org", age: 1_000_000)
        feed.write { script in
            script.rows += (1..<count).map { number in
                var other = row
                other.ref.id = "M\(number)"
                other.to = "<user\(number)@example.org>"
                other.arrived = row.arrived.adding(milliseconds: Int64(number))
                return other
            }
        }
        return feed
    }

    // MARK: Rows that stay

    @Test("! in the connections leaves what has been silent for a minute, and what went wrong")
    func troubledConnections() async {
        let rig = await Rig()
        rig.feed.write { script in
            script.connections[1].lastActivity = ScriptedFeed.now.adding(milliseconds: -61_000)
            script.connections[2].remark = "connection lost"
        }
        await rig.press("3", "!")
        #expect(await rig.text.contains("idle>60s | reply:/./"))
        #expect(await rig.text.contains("in#41"))
        #expect(await !rig.text.contains("out#9 "))
        #expect(await rig.text.contains("out#8"))
        await rig.press("!")
        #expect(await rig.text.contains("out#9 "))
        #expect(await !rig.text.contains("out#8"))
        await rig.press("e", "!", "!")
        #expect(await rig.text.contains("out#8"))
        rig.feed.write { $0.connections = [] }
        await rig.press("!")
        #expect(await rig.text.contains("nothing went wrong, and nobody is silent"))
        #expect(await rig.text.contains("! shows all"))
        await rig.press("e")
        #expect(await !rig.text.contains("nothing went wrong"))
        #expect(await rig.text.contains("e shows sessions that ended"))
    }

    @Test("sessions are put together by what they have in common; a group is a door to them")
    func outline() async throws {
        let rig = await Rig(columns: 100, rows: 30)
        rig.feed.write { script in
            var other = script.connections[1]
            other.ref.id = "in#42"
            other.name = nil
            other.user = "shop"
            script.connections.append(other)
        }
        await rig.press("3")
        await rig.run("outline name")
        try await rig.expect("session-groups")
        #expect(await rig.text.contains("3 sessions in 3 groups"))
        await rig.run("outline user")
        #expect(await rig.lines("nobody logged in").first?.contains("1      1") == true)
        await rig.press("/")
        await rig.type("shop")
        await rig.press(.enter, .enter)
        #expect(await rig.text.contains("filter: user=shop   1 of"))
        #expect(await rig.text.contains("in#42"))
        await rig.press("f", .control("u"), .enter, "o")
        #expect(await rig.text.contains("Group by"))
        await rig.press(.escape)
        await rig.run("outline name")
        await rig.press("/")
        await rig.type("gave no name")
        await rig.press(.enter, .enter)
        #expect(await rig.text.contains("filter: !name:/./   1 of"))
        await rig.run("outline shoe")
        #expect(await rig.text.contains("no session is grouped by shoe: destination, name, address, user, phase, tls"))
    }

    @Test("a group unfolds to its sessions; Enter on one is its dialogue", arguments: [false, true])
    func tree(_ isASCII: Bool) async throws {
        let rig = await Rig(columns: 120, rows: 36) { $0.isASCII = isASCII }
        rig.feed.write { script in
            for number in 43..<100 {
                var other = script.connections[1]
                other.ref.id = "in#\(number)"
                other.peer = "192.0.2.9:\(number)"
                other.address = "192.0.2.9"
                other.name = number.isMultiple(of: 2) ? "App.example" : "app.EXAMPLE"
                script.connections.append(other)
            }
        }
        await rig.press("3")
        await rig.run("outline destination")
        #expect(await rig.text.contains("59 sessions in 2 groups"))
        await rig.press("x")
        try await rig.expect(isASCII ? "session-tree-ascii" : "session-tree")
        #expect(await rig.lines("inbound").count == 1)
        await rig.press("G")
        #expect(await rig.cursorLine.contains("mx.example.org:25"))
        #expect(await !rig.lines("8 more").isEmpty)
        await rig.press("t")
        #expect(await rig.text.contains("a group has many dialogues: x shows its sessions"))
        await rig.press("x", "j", .enter)
        #expect(await rig.text.contains("\(isASCII ? ">" : "›") out#9"))
        await rig.press(.escape)
        #expect(await rig.cursorLine.contains("out#9"))
        // A name is the same however it is written, as in the filter that the group is a door to.
        await rig.run("outline name")
        #expect(await rig.text.contains("59 sessions in 3 groups"))
        await rig.run("outline address")
        await rig.press("/")
        await rig.type("192.0.2.9")
        await rig.press(.enter, .enter)
        #expect(await rig.text.contains("filter: peer=192.0.2.9   57 of"))
    }

    @Test("of groups it is said which nodes are missing, and how many sessions were not counted")
    func outlineAbsent() async throws {
        let (first, second) = (ScriptedFeed.busy, ScriptedFeed(node: "mx2"))
        let entries = [FeedEntry(name: "mx1", feed: first), FeedEntry(name: "mx2", feed: second)]
        let joined = FeedEntry.joined(entries) { ScriptedFeed.now }
        let rig = await Rig(first, entries: joined, columns: 100, rows: 30)
        second.write { $0.isAway = true }
        await rig.press("3")
        await rig.run("outline name")
        #expect(await rig.text.contains("all   without mx2"))
    }

    @Test("sessions are put together anew once a second, however often one changes")
    func outlineAnew() async {
        let rig = await Rig(columns: 100, rows: 30) { $0.showsClock = false }
        await rig.press("3")
        await rig.run("outline name")
        await rig.wait(seconds: 5)
        #expect(await rig.text.contains("2 sessions in 2 groups"))
        #expect(await !rig.screen.wantsTicks)
        rig.feed.write { script in
            var other = script.connections[1]
            other.ref.id = "in#42"
            script.connections.append(other)
        }
        for _ in 0..<10 {
            await rig.screen.refresh(.changed(areas: [.connections]))
            await rig.screen.settled()
        }
        #expect(await rig.text.contains("2 sessions in 2 groups"))
        #expect(await rig.screen.wantsTicks)
        await rig.wait(seconds: 1)
        #expect(await rig.text.contains("3 sessions in 2 groups"))
        #expect(await !rig.screen.wantsTicks)
    }

    @Test("a node that does not answer once does not close the groups of its sessions")
    func outlineBlind() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("3")
        await rig.run("outline name")
        rig.feed.write { $0.isAway = true }
        await rig.refresh()
        #expect(await rig.text.contains("2 sessions in 2 groups"))
    }

    @Test("where no session matches the filter, there are no groups of any")
    func outlineNone() async {
        let rig = await Rig(columns: 100, rows: 30)
        await rig.press("3", "f")
        await rig.type("peer:nowhere")
        await rig.press(.enter)
        await rig.run("outline name")
        #expect(await rig.text.contains("no session matches the filter"))
    }

    @Test("all sessions are counted, however many a feed hands out at a time")
    func manySessions() async {
        let rig = await Rig(columns: 100, rows: 30)
        rig.feed.write { script in
            let row = script.connections[1]
            script.connections += (0..<2300).map { number in
                var other = row
                other.ref.id = "in#\(1000 + number)"
                return other
            }
        }
        await rig.press("3")
        await rig.run("outline name")
        #expect(await rig.text.contains("2,302 sessions in 2 groups"))
    }

    @Test("below the connections stands what was said last in the one at the cursor, as it goes on")
    func lastLines() async {
        let rig = await Rig(columns: 100, rows: 30)
        let session = SessionRef(node: "mx1", id: "out#9")
        await rig.press("3")
        #expect(await rig.cursorLine.contains("out#9"))
        #expect(await rig.text.contains("╭─ out#9  last lines"))
        rig.feed.write { script in
            let number = (script.transcripts[session]?.last?.number ?? -1) + 1
            script.transcripts[session]?.append(
                TranscriptLine(number: number, at: ScriptedFeed.now, speaker: .server, text: "421 4.3.2 going down"))
        }
        await rig.refresh()
        #expect(await rig.text.contains("S  421 4.3.2 going down"))
        await rig.press("j")
        #expect(await rig.text.contains("╭─ in#41  last lines"))
        #expect(await rig.text.contains("its dialogue is no longer kept"))
        #expect(await !rig.text.contains("421 4.3.2"))
        await rig.press("k")
        #expect(await rig.text.contains("S  421 4.3.2 going down"))
    }

    @Test("a row that stays under the cursor becomes what its preview says")
    func agrees() async throws {
        let rig = await Rig()
        await rig.press("2", "j")
        #expect(await rig.lines("4Q6A").first?.contains("deferred") == true)
        rig.feed.write { script in
            script.rows.removeAll { $0.ref.id == "4Q6A" }
            script.details["4Q6A"]?.recipients[0].state = .relayed
            script.details["4Q6A"]?.recipients[0].lastReply = "250 2.0.0 Ok"
            script.details["4Q6A"]?.ref.generation = 1
        }
        await rig.refresh()
        let row = try #require(await rig.lines("4Q6A").first)
        #expect(row.contains("relayed") && row.contains("250 2.0.0 Ok"))
        #expect(await !rig.text.contains("deferred"))
        await rig.wait(seconds: 2)
        #expect(await rig.lines("4Q6A").isEmpty)
    }

    @Test("a row that left its place says so until rows may move; the others are as they are now")
    func departed() async throws {
        let rig = await Rig()
        await rig.press("2", "j")
        rig.feed.write { script in
            script.rows.removeAll { $0.ref.id == "4Q5B" }
            script.rows[0].state = .deferred
            script.rows[0].progress = nil
        }
        await rig.refresh()
        #expect(await rig.lines("4Q5B").first?.contains("moved on") == true)
        #expect(await rig.lines("4Q7K").first?.contains("deferred") == true)
        await rig.wait(seconds: 2)
        #expect(await rig.lines("4Q5B").isEmpty)
        #expect(await rig.cursorLine.contains("4Q6A"))
    }

    @Test("beyond the window's ends nothing is known to have left")
    func ends() {
        func row(_ number: Int) -> QueueRow {
            QueueRow(
                ref: MessageRef(node: "a", id: "\(number)", generation: 0), arrived: ScriptedFeed.now,
                contentOctets: nil, state: .queued, recipients: RecipientCounts([.queued: 1]), from: "", to: "",
                tries: 0)
        }
        func window(_ numbers: [Int], first: Int) -> Window<QueueRow> {
            Window(rows: numbers.map(row), first: first, matched: 100, total: 100, at: ScriptedFeed.now)
        }
        var list = ListState<QueueRow>()
        list.height = 4
        list.show(window(Array(10..<20), first: 10))
        list.update(window([12, 13, 15, 16, 17], first: 12))
        #expect(list.departed == ["a/14"])
        list.update(window([12, 13, 15, 16, 17], first: 0))
        #expect(list.departed == ["a/10", "a/11", "a/14"])
        list.update(window([12, 13, 15, 16, 17], first: 95))
        #expect(list.departed == ["a/14", "a/18", "a/19"])
    }

    // MARK: Search and filter

    @Test("a search finds what was never on the screen, and the next of it, going round")
    func search() async {
        let rig = await Rig(Self.long(20_000))
        await rig.press("2", "/")
        await rig.type("user19999@")
        await rig.press(.enter)
        #expect(await rig.cursorLine.contains("M19999"))
        #expect(await rig.text.contains("row 20,000 of 20,000"))
        await rig.press("/")
        await rig.type("user1999")
        await rig.press(.enter, "n")
        #expect(await rig.cursorLine.contains("M1999 "))
        await rig.press("n")
        #expect(await rig.cursorLine.contains("M19990"))
        await rig.press("N")
        #expect(await rig.cursorLine.contains("M1999 "))
        await rig.press("/")
        await rig.type("nobody")
        await rig.press(.enter)
        #expect(await rig.text.contains("nobody is nowhere here"))
        #expect(await rig.cursorLine.contains("M1999 "))
        await rig.press("/")
        await rig.type("age>x")
        await rig.press(.enter)
        #expect(await rig.text.contains("is no time"))
    }

    @Test("a filter that is not understood is red and says why; the rows are those of the last one that was")
    func filter() async {
        let rig = await Rig()
        await rig.press("2", "f")
        await rig.type("to:dan")
        await rig.press(.paste(" age>5"))
        #expect(await rig.role(of: "to:dan age>5") == .promptBad)
        #expect(await rig.text.contains("is no time such as"))
        #expect(await rig.lines("4Q6A").count >= 1)
        #expect(await rig.lines("4Q5B").isEmpty)
        await rig.press(.enter)
        #expect(await rig.role(of: "to:dan age>5") == .promptBad)
        await rig.type("m")
        #expect(await rig.role(of: "to:dan age>5m") == .prompt)
        await rig.press(.enter)
        #expect(await rig.text.contains("filter: to:dan age>5m   1 of 3"))
        await rig.run("filter frm=x next>soon")
        #expect(await rig.text.contains("filter: to:dan age>5m   1 of 3"))
        #expect(await rig.text.contains("no field frm: id from to"))
        await rig.run("connections")
        await rig.run("filter frm=x")
        #expect(await rig.text.contains("no field frm: id peer"))
        await rig.run("queue")
        await rig.press("f", .control("u"))
        #expect(await rig.text.contains("4Q5B"))
        await rig.press(.escape)
        #expect(await rig.text.contains("filter: to:dan age>5m   1 of 3"))
    }

    // MARK: Targets

    @Test("an action on a row is for those recipients that the filter matches")
    func matching() async {
        let rig = await Rig()
        await rig.press("2")
        await rig.run("filter to:dan")
        await rig.press("r")
        #expect(rig.feed.performed == ["retry 4Q6A matching to:dan"])
        let detail = rig.feed.detail(rig.feed.write { $0.rows[1] }, [.deferred, .deferred, .deferred])
        rig.feed.write { script in
            script.details["4Q6A"] = detail
            script.rows[1].recipients[.deferred] = 3
            script.rows[1].matching = 2
        }
        await rig.wait(seconds: 2)
        await rig.refresh()
        #expect(await rig.text.contains("acts on: 4Q6A, 2 of its 3 recipients"))
        await rig.press("B")
        #expect(await rig.text.contains("2 recipients of 1 message"))
        #expect(await rig.text.contains("those that match to:dan"))
    }

    @Test("all that match are those of one moment; more than twenty ask with their number, Esc does nothing")
    func all() async {
        let rig = await Rig(Self.long(41))
        await rig.press("2", "T")
        #expect(await rig.text.contains("acts on: all 41 recipients of 41 messages tagged"))
        await rig.press("h")
        #expect(await rig.text.contains("41 recipients of 41 messages"))
        #expect(await rig.text.contains("all there were at 09:00:00Z"))
        #expect(await rig.text.contains("type 41 to go on"))
        await rig.press(.enter)
        #expect(rig.feed.performed.isEmpty)
        await rig.press("h")
        await rig.type("41")
        await rig.press(.enter)
        #expect(rig.feed.performed == ["hold set 7"])
        #expect(await rig.text.contains("acts on: M0"))
    }

    @Test("an action right behind the key that tags all waits for it, and another key takes it back")
    func tagAndAct() async {
        // Answers take a while.
        let rig = await Rig(Self.long(5), isCoded: true)
        await rig.press("2")
        await rig.screen.press("T")
        await rig.screen.press("h")
        #expect(await rig.text.contains("hold waits for the tags"))
        await rig.screen.settled()
        #expect(rig.feed.performed == ["hold set 7"])
        for key in ["T", "h", "j"] as [Key] { await rig.screen.press(key) }
        #expect(await rig.text.contains("hold was taken back"))
        await rig.screen.settled()
        #expect(rig.feed.performed == ["hold set 7"])
    }

    @Test("an action that waits is not done where nothing was tagged after all, or something else is shown by then")
    func nothingTagged() async {
        let rig = await Rig(Self.long(5), isCoded: true)
        await rig.press("2")
        await rig.screen.press("T")
        await rig.screen.press("h")
        await rig.screen.run(command: "overview")
        await rig.screen.settled()
        #expect(await rig.text.contains("hold was not done: something else is shown now"))
        await rig.press("2", "U")
        rig.feed.write { $0.rows = [] }
        await rig.screen.press("T")
        await rig.screen.press("h")
        await rig.screen.settled()
        #expect(await rig.text.contains("hold was not done: nothing to tag"))
        #expect(rig.feed.performed.isEmpty)
    }

    @Test("a key that repeats by itself does not take back what it asked for, nor asks twice")
    func repeatedWhileWaiting() async {
        let rig = await Rig(Self.long(5), isCoded: true)
        await rig.press("2")
        for key in ["T", "h", "h"] as [Key] { await rig.screen.press(key) }
        #expect(await rig.text.contains("hold waits for the tags"))
        await rig.screen.settled()
        #expect(rig.feed.performed == ["hold set 7"])
    }

    @Test("how many match is told however long the filter is")
    func longFilter() async {
        let rig = await Rig()
        await rig.run("queue")
        await rig.run("filter !to:" + String(repeating: "abcdefgh", count: 12))
        #expect(await rig.lines("filter:").first?.contains("…   3 of 3") == true)
    }

    // MARK: Words

    @Test("how far a message is goes on while nothing else changes, in the list and in the message")
    func progress() async {
        let rig = await Rig()
        func say(_ octets: Int) {
            rig.feed.write { script in
                script.rows[0].progress?.contentOctetsSent = octets
                script.details["4Q7K"]?.recipients[0].progress?.contentOctetsSent = octets
            }
        }
        await rig.press("2")
        #expect(await rig.lines("4Q7K").first?.contains("DATA 62%") == true)
        say(3072)
        await rig.wait(seconds: 2)
        #expect(await rig.lines("4Q7K").first?.contains("DATA 75%") == true)
        await rig.press("G", .enter)
        say(4000)
        await rig.wait(seconds: 2)
        #expect(await rig.lines("DATA 97%").count == 3)
    }

    @Test("a message opens at the recipient that its row shows")
    func openedFor() async {
        let rig = await Rig()
        let detail = rig.feed.detail(rig.feed.write { $0.rows[1] }, [.deferred, .hold, .queued])
        rig.feed.write { script in
            script.details["4Q6A"] = detail
            script.rows[1].to = detail.recipients[2].forwardPath
        }
        await rig.press("2")
        await rig.run("filter 4Q6A")
        await rig.press(.enter)
        #expect(await rig.text.contains("acts on: user2@example.com"))
    }

    @Test("an attempt is told to be its recipient's where the list of recipients lacks some")
    func attemptOfOneOfMany() async {
        let rig = await Rig(columns: 120, rows: 36)
        let attempt = AttemptRow(recipientIndex: 1, at: ScriptedFeed.now, outcome: .deferred, reply: "450 4.2.0 later")
        var detail = rig.feed.detail(
            rig.feed.write { $0.rows[1] }, [.deferred, .hold, .queued], attempts: [attempt])
        detail.recipients.removeFirst()
        rig.feed.write { [detail] in $0.details["4Q6A"] = detail }
        await rig.press("2")
        await rig.run("filter 4Q6A")
        await rig.press(.enter)
        #expect(await rig.lines("450 4.2.0 later").contains { $0.contains("user1@example.com") })
    }

    @Test("a session in its content says DATA and how far it is, its recipient is active, in every view")
    func words() async {
        let rig = await Rig()
        await rig.press("2")
        #expect(await rig.lines("4Q7K").first.map { $0.contains("active") && $0.contains("DATA 62%") } == true)
        await rig.press("G", .enter)
        #expect(await rig.lines("DATA 62%").count == 3)
        await rig.press(.escape, "3")
        #expect(await rig.lines("out#9").first?.contains("DATA 62%") == true)
        await rig.press(.enter)
        #expect(await rig.text.contains("live, DATA 62%"))
        for key in ["1", "2", "3"] as [Key] {
            await rig.press(key)
            #expect(await !rig.text.contains("content"))
            #expect(await !rig.text.contains("sending"))
        }
    }

    @Test("a reply has the colour of its first digit")
    func replies() async {
        let rig = await Rig(columns: 120, rows: 36)
        #expect(await rig.role(of: "250 2.0.0 Ok") == .ok)
        #expect(await rig.role(of: "550 5.1.1") == .failed)
        await rig.press("2")
        #expect(await rig.role(of: "450 4.2.0 greylisted") == .deferred)
        await rig.press("3", "e", "G", .enter)
        #expect(await rig.role(of: "550 5.1.1") == .failed)
        #expect(await rig.role(of: "450 4.2.0") == .deferred)
        #expect(await rig.role(of: "250 2.0.0 Ok") == .server)
    }
}
