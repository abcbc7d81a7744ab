import Testing

@testable import FeedTesting
@testable import Screen

@Suite("what a screen asks of its driver")
struct DriverTests {
    @Test("Ctrl-Z asks once for a stop, whatever is open and however small the terminal is")
    func suspension() async {
        let rig = await Rig()
        #expect(await !rig.screen.takeSuspension())
        await rig.press(.control("z"))
        #expect(await rig.screen.takeSuspension())
        #expect(await !rig.screen.takeSuspension())
        await rig.press("?", .control("z"))
        #expect(await rig.screen.takeSuspension())
        await rig.screen.resize(columns: 10, rows: 3)
        await rig.press(.control("z"))
        #expect(await rig.screen.takeSuspension())
    }

    @Test("a second is told to what has a clock, else only while something waits for its time")
    func ticks() async {
        #expect(await Rig().screen.wantsTicks)
        let rig = await Rig { $0.showsClock = false }
        #expect(await !rig.text.contains("09:00:00Z"))
        await rig.press("2")
        // One of them is being sent.
        #expect(await rig.screen.wantsTicks)
        await rig.run("filter to:dan")
        #expect(await !rig.screen.wantsTicks)
        // What is said of it is shown for a while.
        await rig.press("L")
        #expect(await rig.screen.wantsTicks)
    }
}
