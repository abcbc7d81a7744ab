import Mail
import Monitor
import Synchronization
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the queue's view")
struct QueueViewTests {
    @Test("! leaves what was put off, what goes nowhere, and what waits behind a destination that fails")
    func problems() async {
        let rig = await Rig()
        let until = ScriptedFeed.now.adding(milliseconds: 90_000)
        rig.feed.queued("4QBB", from: "app@example.net", to: "one@dead.example", reply: "connection refused")
        rig.feed.queued("4QBC", from: "app@example.net", to: "two@example.org", age: 0)
        rig.feed.queued("4QBD", from: "app@example.net", to: "three@nowhere.example", age: 0)
        rig.feed.queued("4QBE", from: "app@example.net", to: "four@example.org", state: .hold, reply: "450 later")
        rig.feed.write { script in
            for place in script.rows.indices {
                switch script.rows[place].ref.id {
                case "4QBB": script.rows[place].why = .backoff(until: until, reason: "connection refused")
                case "4QBD": script.rows[place].destination = nil
                default: break
                }
            }
        }
        await rig.press("2", "!")
        #expect(await !rig.lines("4QBB").isEmpty)
        #expect(await !rig.lines("4QBD").isEmpty)
        #expect(await rig.lines("4QBC").isEmpty)
        // Somebody looks after it.
        #expect(await rig.lines("4QBE").isEmpty)
        await rig.press("!")
        #expect(await !rig.lines("4QBC").isEmpty)
    }

    // MARK: Freezing and following

    @Test("frozen rows stand as they are; what comes is counted beside them, and = shows it")
    func frozen() async {
        let rig = await Rig()
        await rig.press("2", "=")
        #expect(await rig.text.contains("FROZEN"))
        await rig.wait(seconds: 5)
        rig.feed.queued("4Q8N", from: "new@example.net", to: "one@example.org", age: 0)
        rig.feed.queued("4Q8P", from: "new@example.net", to: "two@example.com", age: 0)
        rig.feed.write { $0.rows.removeAll { $0.ref.id == "4Q5B" } }
        await rig.refresh()
        await rig.wait(seconds: 1)
        #expect(await rig.text.contains("all 3   +2 new (= live)"))
        #expect(await !rig.lines("4Q5B").isEmpty)
        #expect(await rig.lines("4Q8N").isEmpty)
        // Another question is answered as things are now, and stands from then on.
        await rig.run("filter to:example.org")
        #expect(await rig.text.contains("filter: to:example.org   2 of 4"))
        #expect(await !rig.text.contains("new (="))
        await rig.press("f", .control("u"), .enter, "=")
        #expect(await rig.text.contains("all 4"))
        #expect(await rig.lines("4Q5B").isEmpty)
    }

    @Test("of a filter the first rows are shown as soon as they are found, and then all", arguments: [false, true])
    func parts(_ isCoded: Bool) async {
        let rig = await Rig(isCoded: isCoded)
        rig.feed.write { $0.rowsAtOnce = 1 }
        await rig.press("2")
        await rig.run("sort size")
        // Of an order there is no first part.
        #expect(rig.feed.write { $0.parts } == 0)
        await rig.run("filter to:example")
        #expect(rig.feed.write { $0.parts } == 1)
        #expect(await rig.text.contains("filter: to:example   3 of 3"))
        #expect(await !rig.text.contains("3 of 3   ..."))
    }

    @Test("what comes while a key is fresh is counted until rows may move")
    func still() async {
        let rig = await Rig()
        await rig.press("2", "j")
        rig.feed.queued("4Q8N", from: "new@example.net", to: "one@example.org", age: 0)
        await rig.refresh()
        #expect(await rig.text.contains("all 3   +1 new"))
        await rig.wait(seconds: 2)
        #expect(await rig.text.contains("all 4"))
        #expect(await !rig.text.contains("+1 new"))
    }

    @Test("F follows the newest row until the cursor moves, and stays on the item from then on")
    func follow() async {
        let rig = await Rig()
        await rig.press("2", "F")
        #expect(await rig.text.contains("follows the newest"))
        #expect(await rig.cursorLine.contains("4Q7K"))
        rig.feed.queued("4Q8N", from: "new@example.net", to: "one@example.org", age: 0)
        await rig.wait(seconds: 2)
        await rig.refresh()
        #expect(await rig.cursorLine.contains("4Q8N"))
        await rig.press("j", "k")
        #expect(await !rig.text.contains("follows the newest"))
        rig.feed.queued("4Q8P", from: "newer@example.net", to: "two@example.org", age: -1)
        await rig.wait(seconds: 2)
        await rig.refresh()
        #expect(await rig.cursorLine.contains("4Q8N"))
    }

    // MARK: Ranges

    @Test("v tags from here to there, either way; what is tagged is spelt out")
    func range() async {
        let rig = await Rig()
        await rig.press("2", "G", "v", "k")
        #expect(await rig.text.contains("range of 2 rows: v tags it"))
        await rig.press("v")
        #expect(await rig.text.contains("acts on: 2 tagged (1 being tried now, left alone)"))
        await rig.press("u", "g", "v", .escape, "j")
        #expect(await !rig.text.contains("range of"))
        #expect(await rig.text.contains("acts on: 1 tagged"))
        await rig.press("r")
        #expect(rig.feed.performed == ["retry 4Q7K"])
    }

    @Test("a range may be longer than what was read")
    func longRange() async {
        let rig = await Rig(ListTests.long(500))
        await rig.press("2", "j", "v", "G", "v")
        #expect(await rig.text.contains("acts on: 499 tagged"))
        await rig.press("U", "g", "v")
        await rig.press("G", .escape)
        #expect(await rig.text.contains("acts on: M499"))
    }

    // MARK: Groups

    @Test("the queue is put together by what its mail has in common; a group is a door to it")
    func groups() async {
        let rig = await Rig()
        await rig.press("2")
        await rig.run("filter !state:active")
        await rig.press("o", "j", "j", .enter)
        #expect(await rig.text.contains("by state"))
        #expect(await rig.lines("■ hold").count == 1)
        await rig.press("/")
        await rig.type("deferred")
        await rig.press(.enter)
        #expect(await rig.text.contains("acts on: deferred, 1 recipient of 1 message"))
        await rig.press(.enter)
        #expect(await rig.text.contains("filter: !state:active state=deferred   1 of 3"))
        #expect(await rig.cursorLine.contains("4Q6A"))
    }

    @Test("what is done to a group asks first, and is done to exactly those that were in it then")
    func groupOrder() async {
        let rig = await Rig()
        await rig.press("2")
        await rig.run("group sender")
        #expect(await rig.lines("<>").count >= 1)
        await rig.press("/")
        await rig.type("cat")
        await rig.press(.enter, "h")
        #expect(await rig.text.contains("1 recipient of 1 message"))
        #expect(await rig.text.contains("sender cat@example.net"))
        #expect(rig.feed.performed.isEmpty)
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed == ["hold set 7"])
        await rig.run("reroute to mx2.example.org:25")
        #expect(await rig.text.contains("They go to mx2.example.org:25 from now on"))
        await rig.press(.escape, .escape)
        #expect(await rig.text.contains("all 3"))
    }

    // MARK: Changing recipients

    @Test("R has them retried at a time, which is asked first")
    func retryAt() async {
        let rig = await Rig()
        await rig.press("2", "j", "R", "j", .enter)
        await rig.type("11:30")
        await rig.press(.enter)
        #expect(await rig.text.contains("They are tried at 11:30 UTC, and not before. Until then"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed == ["edit 4Q6A at 2026-11-24T11:30:00.000Z"])
        await rig.run("retry-at soon")
        #expect(await rig.text.contains("say when: 06:00"))
    }

    @Test("m sends one recipient to another address, and z back to the one that it had")
    func edit() async {
        let rig = await Rig()
        await rig.press("2", "j", "m", .backspace)
        await rig.type("g")
        await rig.press(.enter)
        #expect(await rig.text.contains("They go to dan@example.cog, at once."))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed == ["edit 4Q6A to dan@example.cog"])
        await rig.press("z")
        #expect(rig.feed.performed.last == "edit set 7 to dan@example.com")
        let detail = rig.feed.detail(rig.feed.write { $0.rows[1] }, [.deferred, .deferred, .deferred])
        rig.feed.write { script in
            script.details["4Q6A"] = detail
            script.rows[1].recipients[.deferred] = 3
            script.rows[1].matching = 3
        }
        await rig.wait(seconds: 2)
        await rig.refresh()
        await rig.run("edit to sue@example.com")
        #expect(await rig.text.contains("dan@example.com alone"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "edit 4Q6A matching to=dan@example.com to sue@example.com")
    }

    @Test("a dialog says how many are being tried now, and are left alone")
    func rehearsal() async {
        let rig = await Rig()
        await rig.press("2", "G", " ", "k", " ", "B")
        #expect(await rig.text.contains("2 recipients of 2 messages, 1 of them being tried now"))
    }

    // MARK: What is kept

    @Test("columns are chosen and ordered, and kept for the next screen")
    func columns() async {
        let kept = Mutex(Habits())
        let keep: HabitKeeping = { change in
            kept.withLock { change(&$0) }
            return kept.withLock { $0 }
        }
        let rig = await Rig { $0.keepHabits = keep }
        await rig.press("2")
        await rig.run("columns id user to nonsense")
        #expect(await rig.text.contains("no column nonsense; there are id age size"))
        await rig.run("columns to user id")
        #expect(await rig.lines("TO ").first?.contains("USER") == true)
        #expect(await !rig.text.contains("AGE"))
        let habits = kept.withLock { $0 }
        #expect(habits.columns == ["queue": ["to", "user", "id"]])
        let next = await Rig { $0.habits = habits }
        await next.press("2")
        #expect(await !next.text.contains("AGE"))
        await next.run("columns default")
        #expect(await next.text.contains("AGE"))
    }

    @Test("filters are kept by name, and those that were typed come back by the arrows")
    func filters() async {
        let rig = await Rig()
        await rig.press("2", "f")
        await rig.type("to:dan")
        await rig.press(.enter)
        await rig.run("save-filter dan")
        #expect(await rig.text.contains("kept: 'dan is to:dan"))
        await rig.press("f", .control("u"))
        await rig.type("from:ann")
        await rig.press(.enter, "'")
        await rig.type("d")
        await rig.press(.tab, .enter)
        #expect(await rig.text.contains("filter: to:dan   1 of 3"))
        await rig.press("f", .up)
        #expect(await rig.text.contains("filter: from:ann   1 of 3"))
        await rig.press(.up)
        #expect(await rig.text.contains("filter: to:dan   1 of 3"))
        await rig.press(.down, .enter)
        #expect(await rig.text.contains("filter: from:ann   1 of 3"))
        await rig.run("recall-filter nobody")
        #expect(await rig.text.contains("no filter is called nobody: there are dan"))
        await rig.run("forget-filter dan")
        await rig.run("recall-filter dan")
        #expect(await rig.text.contains("no filter is called dan: :save-filter keeps one"))
    }

    // MARK: The preview

    @Test("a message that its node does not know is asked for once, and not for ever")
    func unknown() async {
        let feed = ScriptedFeed.busy
        let other = feed.write { $0.details["4Q6A"] }
        // Another MTA may answer by another name.
        feed.write { $0.details["4Q5B"] = other }
        let rig = await Rig(feed)
        await rig.press("2")
        #expect(await rig.cursorLine.contains("4Q5B"))
        await rig.press("j")
        #expect(await rig.cursorLine.contains("4Q6A"))
    }

    @Test(
        "its golden screens", arguments: [(80, 24), (100, 30), (160, 45)])
    func golden(_ size: (Int, Int)) async throws {
        let rig = await Rig(columns: size.0, rows: size.1)
        await rig.press("2", "j", "v", "j", "=")
        try await rig.expect("queue-range")
        await rig.press(.escape)
        await rig.run("group destination")
        try await rig.expect("queue-groups")
        await rig.press(.escape, "k")
        await rig.run("edit to sue@example.com")
        try await rig.expect("queue-edit")
    }
}
