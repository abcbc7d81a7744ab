import Mail
import Monitor
import Synchronization
import Testing

@testable import FeedTesting
@testable import Screen

/// A recording whose place a test says, and that remembers what was asked of it.
private final class ScriptedPlayback: Playback {
    private struct State {
        var position: PlaybackPosition
        var orders: [PlaybackOrder] = []
    }
    private let state: Mutex<State>
    let remark: String?

    init(_ position: PlaybackPosition, remark: String? = nil) {
        self.state = Mutex(State(position: position))
        self.remark = remark
    }
    var position: PlaybackPosition { self.state.withLock { $0.position } }
    var orders: [PlaybackOrder] { self.state.withLock { $0.orders } }

    func perform(_ order: PlaybackOrder) async throws -> String? {
        self.state.withLock { state in
            state.orders.append(order)
            if case .pause(let isPaused) = order { state.position.isPaused = isPaused }
            if case .speed(let speed) = order { state.position.speed = speed }
        }
        return order == .failure(isForward: true) ? "bounced 4Q4D <gus@example.com>: 550 5.1.1 no such user" : nil
    }
}

@Suite("a screen over a recording")
struct ReplayScreenTests {
    private static func position(isPaused: Bool = false) -> PlaybackPosition {
        PlaybackPosition(
            at: ScriptedFeed.now, begins: ScriptedFeed.now.adding(milliseconds: -3_600_000),
            ends: ScriptedFeed.now.adding(milliseconds: 3_600_000), speed: 10, isPaused: isPaused)
    }

    private static func feed() -> ScriptedFeed {
        let feed = ScriptedFeed.busy
        feed.write { $0.abilities = [] }
        return feed
    }

    /// The machine's clock is a day on, and nothing of it is shown.
    private func rig(
        _ playback: ScriptedPlayback, of feed: ScriptedFeed = Self.feed(), columns: Int = 80, rows: Int = 24
    ) async -> Rig {
        await Rig(feed, columns: columns, rows: rows) { options in
            options.playback = playback
            options.isLocked = true
            options.clock = { ScriptedFeed.now.adding(milliseconds: 86_400_000) }
        }
    }

    @Test("a recording is not recorded")
    func recording() async {
        let rig = await self.rig(ScriptedPlayback(Self.position()))
        await rig.run("record")
        #expect(await rig.text.contains("this is a recording already"))
    }

    @Test("a sentence names no key that means something else in a recording")
    func sentences() async {
        let rig = await Rig(Self.feed()) { options in
            options.playback = ScriptedPlayback(Self.position())
            options.keymap[Keymap.Name("freeze")] = ["p"]
        }
        await rig.run("freeze")
        #expect(await rig.text.contains("frozen: :freeze goes live again"))
    }

    @Test("it says that it is one, its speed, and the moment that is shown; keys of a replay are hinted")
    func golden() async throws {
        let rig = await self.rig(ScriptedPlayback(Self.position()))
        await rig.press("2")
        try await rig.expect("replay-queue")
        let paused = await self.rig(ScriptedPlayback(Self.position(isPaused: true)), columns: 120, rows: 36)
        await paused.press("}")
        try await paused.expect("replay-overview")
    }

    @Test("its keys go through the recording, and come before those of a pane")
    func keys() async {
        let playback = ScriptedPlayback(Self.position())
        let rig = await self.rig(playback)
        await rig.press("2", Key.enter, "]", "[", "}", "{", "p", "p", "+", "-")
        await rig.run("speed 60")
        await rig.run("goto 09:30")
        #expect(
            playback.orders == [
                .step(1), .step(-1), .failure(isForward: true), .failure(isForward: false), .pause(true),
                .pause(false), .speed(30), .speed(10), .speed(60),
                .go(to: ScriptedFeed.now.adding(milliseconds: 1_800_000)),
            ])
        await rig.run("goto soon")
        #expect(await rig.text.contains("write goto 12:41"))
        await rig.run("speed fast")
        #expect(await rig.text.contains("write speed 10"))
        #expect(playback.orders.count == 10)
        // The message's own way to the next one has its name still.
        await rig.run("next-item")
        #expect(await rig.text.contains("4Q"))
    }

    @Test("a failure that is found is told; what is to be known of the recording at the start too")
    func words() async {
        let rig = await self.rig(ScriptedPlayback(Self.position(), remark: "the recording: 2 lines cut"))
        #expect(await rig.text.contains("the recording: 2 lines cut"))
        await rig.press("}")
        #expect(await rig.text.contains("550 5.1.1 no such user"))
    }

    @Test("what is no recording knows none of it")
    func live() async {
        let rig = await Rig()
        await rig.press("?")
        #expect(await !rig.text.contains("step-back"))
        await rig.press(.escape)
        await rig.run("goto 09:30")
        #expect(await !rig.text.contains("REPLAY"))
    }

    @Test("after a jump back the newest facts and a dialogue are those of then")
    func back() async {
        let feed = Self.feed()
        let playback = ScriptedPlayback(Self.position())
        let rig = await self.rig(playback, of: feed)
        #expect(await rig.text.contains("gus@example.com"))
        feed.write { _ = $0.facts.popLast() }
        await rig.press("[")
        #expect(await !rig.text.contains("gus@example.com"))
        await rig.press("3", .enter)
        #expect(await rig.text.contains("6 lines"))
        feed.write { $0.transcripts[SessionRef(node: "mx1", id: "out#9")]?.removeLast(2) }
        await rig.press("[")
        #expect(await rig.text.contains("4 lines"))
    }
}
