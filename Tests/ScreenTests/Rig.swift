import Foundation
import Mail
import Monitor
import Synchronization
import Testing

@testable import FeedTesting
@testable import Screen

/// A screen with a feed behind it, and what a test does with one.
struct Rig {
    let feed: ScriptedFeed
    let screen: Screen
    private let clock: Clock

    private final class Clock: Sendable { let passed = Atomic<Int64>(0) }

    /// - Parameters:
    ///   - isCoded: as another MTA's feed answers.
    ///   - served: as a daemon's answers.
    ///   - entries: other nodes than that feed's.
    init(
        _ feed: ScriptedFeed = .busy, isCoded: Bool = false, served: ServedFeed? = nil, entries: [FeedEntry]? = nil,
        columns: Int = 80, rows: Int = 24, _ adjust: (inout ScreenOptions) -> Void = { _ in }
    ) async {
        self.feed = feed
        let clock = Clock()
        self.clock = clock
        var options = ScreenOptions { ScriptedFeed.now.adding(milliseconds: clock.passed.load(ordering: .relaxed)) }
        options.columns = columns
        options.rows = rows
        adjust(&options)
        let shown: any MonitorFeed = isCoded ? CodedFeed(feed: feed) : served?.remote ?? feed
        self.screen = Screen(feeds: entries ?? [FeedEntry(name: "mx1", feed: shown)], options: options)
        await self.screen.start()
        await self.screen.settled()
    }

    func press(_ keys: Key...) async {
        for key in keys {
            await self.screen.press(key)
            await self.screen.settled()
        }
    }
    func type(_ text: String) async { for character in text { await self.press(.character(character)) } }
    /// `:text`
    func run(_ text: String) async {
        await self.press(":")
        await self.type(text)
        await self.press(.enter)
    }

    /// Time goes by, and what was put off is done.
    func wait(seconds: Double) async {
        self.clock.passed.add(Int64(seconds * 1000), ordering: .relaxed)
        await self.screen.tick()
        await self.screen.settled()
    }
    /// The feed tells that something changed.
    func refresh() async {
        await self.screen.refresh(nil)
        await self.screen.settled()
    }

    var text: String { get async { await self.screen.canvas.text } }
    /// The row that the cursor is on.
    var cursorLine: String {
        get async {
            let canvas = await self.screen.canvas
            return canvas.line(canvas.cursor.y)
        }
    }
    /// The lines that have the word.
    func lines(_ word: String) async -> [String] {
        await self.text.split(separator: "\n").map(String.init).filter { $0.contains(word) }
    }
    /// What the first cell of the word means, the last time that it is on the screen.
    func role(of word: String) async -> Role? {
        let canvas = await self.screen.canvas
        for y in (0..<canvas.rows).reversed() {
            let cells = (0..<canvas.columns).map { canvas[$0, y] }
            let line = cells.map(\.text.description)
            let wanted = word.map(String.init)
            let start = line.indices.last {
                $0 + wanted.count <= line.count && Array(line[$0..<$0 + wanted.count]) == wanted
            }
            if let start { return cells[start].role }
        }
        return nil
    }
}
