import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("undo")
struct UndoTests {
    @Test("a drop can be taken back whatever was said since, and every view offers it")
    func offered() async {
        let rig = await Rig()
        await rig.press("2", "d")
        for key in ["=", "=", "1", "2", "3", "x", "?", .escape, "2", .enter] as [Key] {
            await rig.press(key)
            #expect(await rig.text.contains("z undo drop (10m)") || key == "?", "\(key)")
        }
        await rig.press("z")
        #expect(rig.feed.performed == ["drop 4Q5B", "undo 7"])
        #expect(await !rig.text.contains("z undo"))
        #expect(await rig.text.contains("undo drop: 1 recipient"))
    }

    @Test("a hold that is done again has its reason again, and letting go has none")
    func reason() async {
        let rig = await Rig()
        await rig.press("2", "j")
        await rig.run("hold looks like spam")
        await rig.press("z", "Z")
        #expect(rig.feed.performed.count == 3)
        #expect(rig.feed.performed.map { $0.hasSuffix("because looks like spam") } == [true, false, true])
    }

    @Test("an undo that finds nothing says so")
    func nothing() async {
        let rig = await Rig()
        await rig.press("2", "d")
        rig.feed.write { $0.dropped = [:] }
        await rig.press("z")
        #expect(await rig.text.contains("undo drop: nothing to take back"))
    }

    @Test("one undo after the other takes back one action after the other")
    func stack() async {
        let rig = await Rig()
        await rig.press("2", "d")
        await rig.wait(seconds: 1)
        await rig.press("d", "z", "z", "z")
        #expect(rig.feed.performed.suffix(2) == ["undo 8", "undo 7"])
        #expect(await rig.text.contains("nothing to undo"))
    }

    @Test("what was dropped before the screen came is offered, and taken back behind what the screen did itself")
    func before() async {
        let before = await Rig()
        await before.press("2", "d")
        let rig = await Rig(before.feed)
        #expect(await rig.text.contains("z undo"))
        await rig.press("2", "d", "z", "z", "z")
        #expect(rig.feed.performed.suffix(2) == ["undo 8", "undo 7"])
        #expect(await rig.text.contains("nothing to undo"))
    }

    @Test("keys of undo that come while one is under way follow it, each on what is there then")
    func burst() async {
        let rig = await Rig(isCoded: true)
        await rig.press("2", "h")
        await rig.press("j", "h")
        for key in ["z", "Z", "z", "z"] as [Key] { await rig.screen.press(key) }
        await rig.screen.settled()
        #expect(
            rig.feed.performed == [
                "release 4Q5B", "hold 4Q6A", "release set 8", "hold set 9", "release set 10", "hold set 7",
            ])
    }

    @Test(
        "undo pressed while an action is under way takes back that action, and what comes to nothing holds up nothing")
    func whileUnderWay() async {
        let rig = await Rig(isCoded: true)
        await rig.press("2", "j", "h", "j")
        for key in ["h", "z", "z", "z", "Z"] as [Key] { await rig.screen.press(key) }
        await rig.screen.settled()
        #expect(
            rig.feed.performed == ["hold 4Q6A", "hold 4Q7K", "release set 8", "release set 7", "hold set 10"])
    }

    @Test("hold is taken back by a release of exactly what was held, and done again on exactly that")
    func opposite() async {
        let rig = await Rig()
        await rig.press("2", "j", "h", "z")
        #expect(rig.feed.performed == ["hold 4Q6A", "release set 7"])
        await rig.press("Z")
        #expect(rig.feed.performed.last == "hold set 8")
        await rig.press("z")
        #expect(rig.feed.performed.last == "release set 9")
        await rig.press("k", "H", "z")
        #expect(rig.feed.performed.suffix(2) == ["release 4Q5B", "hold set 11"])
    }

    @Test("what was dropped is purged when it was seen how much that is, and is not taken back after that")
    func purge() async throws {
        let rig = await Rig()
        await rig.press("2", "D")
        #expect(await rig.text.contains("nothing that was dropped is kept"))
        await rig.press("d")
        await rig.wait(seconds: 2)
        await rig.press("j", "d", "D")
        try await rig.expect("purge")
        await rig.press(.enter)
        #expect(rig.feed.performed == ["drop 4Q5B", "drop 4Q7K"])
        await rig.press("D", .tab, .enter)
        #expect(rig.feed.performed.last == "purge")
        #expect(await rig.text.contains("purged 2 recipients of 2 messages"))
        await rig.press("z")
        #expect(await rig.text.contains("nothing to undo"))
    }

    @Test("a node is stopped by whoever types its name")
    func shutdown() async throws {
        let rig = await Rig()
        await rig.run("shutdown")
        try await rig.expect("shutdown")
        await rig.type("mq")
        await rig.press(.enter)
        #expect(rig.feed.performed.isEmpty)
        await rig.run("shutdown")
        await rig.type("mx1")
        await rig.press(.enter)
        #expect(rig.feed.performed == ["shut down mx1"])
        #expect(await rig.text.contains("mx1 is stopping"))
        rig.feed.write { $0.abilities.subtract([.shutdown]) }
        let other = await Rig(rig.feed)
        await other.run("shutdown")
        #expect(await other.text.contains("this feed cannot shutdown"))
    }

    @Test("a drop that was taken back is done again, until something else is done")
    func redo() async {
        let rig = await Rig()
        await rig.press("2", "d", "z", "Z")
        #expect(rig.feed.performed == ["drop 4Q5B", "undo 7", "drop set 8"])
        await rig.press("z", "h", "Z")
        #expect(await rig.text.contains("nothing to redo"))
    }

    @Test("retry and bounce offer nothing")
    func none() async {
        let rig = await Rig()
        await rig.press("2", "r", "B", .tab, .enter)
        #expect(rig.feed.performed.count == 2)
        #expect(await !rig.text.contains("z undo"))
        // Their words stay for half a minute, whatever else can be taken back for longer.
        await rig.press("h", "r")
        await rig.wait(seconds: 31)
        #expect(await rig.text.contains("z undo"))
        #expect(await !rig.text.contains("retry: "))
    }

    @Test(
        "two drops at once ask about what the cursor is on after the first, and Esc loses nothing",
        arguments: [true, false])
    func twice(_ isPatient: Bool) async {
        let rig = await Rig()
        await rig.press("2")
        await rig.screen.press("d")
        if isPatient { await rig.screen.settled() }
        await rig.press("d")
        #expect(rig.feed.performed == ["drop 4Q5B"])
        #expect(await rig.text.contains("Drop?"))
        #expect(await rig.lines("4Q6A").contains { $0.contains("cat@example.net") && $0.contains("to") })
        #expect(await rig.lines("4Q5B").isEmpty)
        await rig.press(.escape)
        #expect(await rig.text.contains("nothing was done"))
        #expect(await rig.text.contains("z undo drop"))
        await rig.press("z")
        #expect(rig.feed.performed == ["drop 4Q5B", "undo 7"])
    }

    @Test("an undo that fails can be tried again")
    func failure() async {
        let rig = await Rig()
        await rig.press("2", "d")
        rig.feed.write { $0.failure = FeedError(.unavailable, "the relay is away") }
        await rig.press("z")
        #expect(await rig.text.contains("the relay is away"))
        await rig.press("z")
        #expect(rig.feed.performed == ["drop 4Q5B", "undo 7"])
    }

    @Test("what is gone does not stand in the way of what was done before it")
    func gone() async {
        let rig = await Rig()
        await rig.press("2", "j", "h", "d")
        rig.feed.write { $0.failure = FeedError(.gone, "it left") }
        await rig.press("z")
        #expect(await rig.text.contains("it left"))
        #expect(await rig.text.contains("z undo hold"))
        await rig.press("z")
        #expect(rig.feed.performed.count == 3)
    }

    @Test("what is gone keeps nothing else of the same action from being taken back, and is told")
    func partlyGone() async throws {
        let gone = FeedError(.gone, "it left")
        let receipts = try await Deed.each([1, 2, 3], passesGone: true) { part in
            guard part != 1 else { throw gone }
            return Receipt(done: part, messages: 1)
        }
        #expect(receipts.map(\.done) == [2, 3, 0])
        #expect(receipts.words("undo hold").contains("it left"))
        await #expect(throws: FeedError.self) {
            try await Deed.each([1], passesGone: true) { _ -> Receipt in throw gone }
        }
    }

    @Test("an offer ends with its time; other words after half a minute, those of an action with its offer")
    func expiry() async {
        let rig = await Rig()
        await rig.press("2", "d")
        await rig.wait(seconds: 599)
        #expect(await rig.text.contains("drop: 1 recipient"))
        #expect(await rig.text.contains("z undo drop (1s)"))
        await rig.wait(seconds: 1)
        #expect(await !rig.text.contains("drop: 1 recipient"))
        await rig.press("z")
        #expect(await rig.text.contains("nothing to undo"))
        await rig.wait(seconds: 29)
        #expect(await rig.text.contains("nothing to undo"))
        await rig.wait(seconds: 1)
        #expect(await !rig.text.contains("nothing to undo"))
    }

    @Test("what is under way in two sets is taken back in both")
    func sets() async {
        let rig = await Rig()
        await rig.press("2", " ")
        await rig.run("filter to:dan")
        await rig.press(" ")
        await rig.run("filter")
        await rig.press(.control("u"), .enter, "d", "z")
        #expect(Set(rig.feed.performed.prefix(2)) == ["drop 4Q5B", "drop 4Q6A matching to:dan"])
        #expect(Set(rig.feed.performed.suffix(2)) == ["undo 7", "undo 8"])
    }
}
