import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("a node that does not answer, and one that is only watched")
struct BlindnessTests {
    @Test("what was seen stays, dimmed, with the time since when; then it goes on by itself")
    func blind() async throws {
        let rig = await Rig()
        await rig.press("2", "1")
        rig.feed.write { $0.isAway = true }
        await rig.refresh()
        await rig.wait(seconds: 75)
        try await rig.expect("blind-overview")
        await rig.press("2")
        try await rig.expect("blind-queue")
        rig.feed.write { $0.isAway = false }
        await rig.wait(seconds: 1)
        #expect(await rig.text.contains("mx1 answers again; it did not from 09:00:00Z to 09:01:16Z"))
        #expect(await !rig.text.contains("blind"))
        #expect(await rig.role(of: "4Q7K") != .muted)
    }

    @Test("a view that was not looked at for a while says of when it is")
    func old() async {
        let rig = await Rig()
        await rig.press("2", "1")
        await rig.wait(seconds: 60)
        rig.feed.write { $0.isAway = true }
        await rig.wait(seconds: 1)
        await rig.refresh()
        #expect(await rig.lines("blind since").allSatisfy { !$0.contains("this is of") })
        await rig.press("2")
        #expect(await rig.text.contains("blind since 09:01:01Z, and this is of 09:00:00Z: "))
    }

    @Test("left again while it could not be read, it still says of when it is")
    func leftAgain() async {
        let rig = await Rig()
        await rig.press("2", "1")
        await rig.wait(seconds: 60)
        rig.feed.write { $0.isAway = true }
        await rig.wait(seconds: 1)
        await rig.refresh()
        await rig.press("2", "2", "1")
        await rig.wait(seconds: 60)
        await rig.press("2")
        #expect(await rig.text.contains("blind since 09:01:01Z, and this is of 09:00:00Z: "))
    }

    @Test("the journal is live when it was read, and not while its node is silent")
    func journal() async {
        let feed = ScriptedFeed.busy
        feed.journaled(.accepted, "4Q3A", before: 90, from: "fay@example.net")
        let rig = await Rig(feed)
        await rig.press("5")
        #expect(await rig.text.contains("live"))
        await rig.press("1")
        await rig.wait(seconds: 60)
        rig.feed.write { $0.isAway = true }
        await rig.refresh()
        await rig.press("5")
        #expect(await !rig.text.contains("live"))
        rig.feed.write { $0.isAway = false }
        await rig.wait(seconds: 2)
        await rig.refresh()
        #expect(await rig.text.contains("live"))
    }

    @Test("where there is little room it is said where outcomes are")
    func small() async {
        let rig = await Rig(columns: 40, rows: 10)
        rig.feed.write { $0.isAway = true }
        await rig.refresh()
        #expect(await rig.text.contains("blind since 09:00:00Z: the"))
    }

    @Test("nothing is done to what may be over")
    func refuses() async {
        let rig = await Rig()
        rig.feed.write { $0.isAway = true }
        await rig.refresh()
        await rig.press("2", "d")
        #expect(rig.feed.performed.isEmpty)
        #expect(await rig.text.contains("mx1 does not answer: nothing is done"))
    }

    @Test("a node that was never seen says why, and is shown when it comes")
    func late() async {
        let feed = ScriptedFeed.busy
        feed.write { $0.isAway = true }
        let rig = await Rig(feed)
        #expect(await rig.text.contains("the relay does not answer"))
        feed.write { $0.isAway = false }
        await rig.wait(seconds: 1)
        #expect(await rig.text.contains("accepting"))
    }

    @Test("a clock of the screen's own is not needed to see it again")
    func withoutClock() async {
        let rig = await Rig(ScriptedFeed()) { $0.showsClock = false }
        #expect(await !rig.screen.wantsTicks)
        rig.feed.write { $0.isAway = true }
        await rig.refresh()
        #expect(await rig.screen.wantsTicks)
    }

    private func restart(_ rig: Rig) async {
        rig.feed.write { $0.overview.started = ScriptedFeed.now }
        await rig.refresh()
    }

    @Test("a session's dialogue is closed when its node starts anew, since its name is another's now")
    func restartedSession() async {
        let rig = await Rig()
        await rig.press("3", .enter)
        #expect(await rig.text.contains("› out#9"))
        await self.restart(rig)
        #expect(await !rig.text.contains("› out#9"))
        #expect(await rig.text.contains("mx1 started anew: its sessions of before are no longer known"))
    }

    @Test("a dialog about what was before the restart is closed, and its undo no longer offered; a drop's is")
    func restartedDialog() async {
        let rig = await Rig()
        await rig.press("3", "K")
        #expect(await rig.text.contains("Close "))
        await self.restart(rig)
        #expect(await !rig.text.contains("Close "))
        await rig.press("2", "d")
        await rig.wait(seconds: 1)
        await rig.press("h")
        #expect(await rig.text.contains("z undo hold"))
        rig.feed.write { $0.overview.started = ScriptedFeed.now.adding(milliseconds: 1000) }
        await rig.refresh()
        #expect(await rig.text.contains("z undo drop"))
    }

    @Test("who may only watch is told so, whatever is locked")
    func observer() async {
        let feed = ScriptedFeed.busy
        feed.write { $0.abilities = [] }
        let rig = await Rig(feed) { $0.isLocked = true }
        await rig.press("2")
        #expect(await !rig.text.contains("unlock"))
        for key in ["d", "L", "d"] as [Key] {
            await rig.press(key)
            #expect(await rig.text.contains("this feed only shows"))
        }
        #expect(feed.performed.isEmpty)
    }

    @Test("nothing is done until L unlocks it, and ten minutes later it is locked again")
    func locked() async {
        let rig = await Rig {
            $0.isLocked = true
            $0.locksAgain = true
        }
        await rig.press("2", "d")
        #expect(await rig.text.contains("locked: L unlocks"))
        await rig.press("L", "d")
        #expect(rig.feed.performed == ["drop 4Q5B"])
        await rig.wait(seconds: 601)
        await rig.press("h")
        #expect(rig.feed.performed == ["drop 4Q5B"])
        #expect(await rig.text.contains("locked: L unlocks"))
    }
}
