import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("several nodes on one screen")
struct JoinedScreenTests {
    /// Three nodes with their names' common domain, the same queue ID at two of them.
    private static func feeds() -> [ScriptedFeed] {
        let first = ScriptedFeed.busy("mx1.example.net")
        let second = ScriptedFeed(node: "mx2.example.net")
        second.queued(
            "4Q6A", from: "ida@example.net", to: "joe@example.com", state: .deferred, age: 40, octets: 900,
            reply: "421 4.3.2 shutting down", next: 60)
        second.queued("4Q7L", from: "kim@example.net", to: "leo@example.org", age: 2)
        second.write { script in
            script.facts = [
                FactRow(
                    at: ScriptedFeed.now.adding(milliseconds: -700), kind: .accepted, message: "4Q7L",
                    from: "<kim@example.net>", text: "192.0.2.8:40112", contentOctets: 4096)
            ]
            script.overview.received = (0..<60).map { $0 % 3 }
            script.overview.destinations = [
                DestinationAges(
                    destination: "mx.example.org:25", condition: .ok, total: 2, ages: AgeCounts([1, 0, 0, 0, 1]))
            ]
        }
        let third = ScriptedFeed(node: "mx3.example.net")
        third.queued("4Q5A", from: "max@example.net", to: "ned@example.org", state: .hold, age: 700)
        return [first, second, third]
    }

    private static func screen(_ feeds: [ScriptedFeed], columns: Int = 80, rows: Int = 24) async -> Screen {
        var options = ScreenOptions { ScriptedFeed.now }
        (options.columns, options.rows) = (columns, rows)
        let screen = Screen(
            feeds: FeedEntry.joined(feeds.map { FeedEntry(name: $0.node, feed: $0) }) { ScriptedFeed.now },
            options: options)
        await screen.start()
        await screen.settled()
        return screen
    }
    private static func press(_ screen: Screen, _ keys: Key...) async {
        for key in keys {
            await screen.press(key)
            await screen.settled()
        }
    }
    private static func run(_ screen: Screen, _ command: String) async {
        await screen.run(command: command)
        await screen.settled()
    }

    @Test("the views of three nodes as one, and of two when the third is away", arguments: [(80, 24), (120, 36)])
    func views(_ size: (Int, Int)) async throws {
        let feeds = Self.feeds()
        let screen = await Self.screen(feeds, columns: size.0, rows: size.1)
        try await GoldenScreen.expect(screen, "joined-overview")
        await Self.press(screen, "2", "j")
        try await GoldenScreen.expect(screen, "joined-queue")
        await Self.press(screen, "3")
        try await GoldenScreen.expect(screen, "joined-connections")
        feeds[2].write { $0.isAway = true }
        await screen.refresh(nil)
        await screen.settled()
        await Self.press(screen, "2")
        try await GoldenScreen.expect(screen, "joined-queue-away")
        await Self.press(screen, "1")
        try await GoldenScreen.expect(screen, "joined-overview-away")
    }

    @Test("each row's message is that of its own node, also where two have the same queue ID")
    func sameID() async {
        let feeds = Self.feeds()
        let row = feeds[1].write { $0.rows[0] }
        let detail = feeds[1].detail(row, [.deferred])
        feeds[1].write { $0.details["4Q6A"] = detail }
        let screen = await Self.screen(feeds)
        await Self.press(screen, "2")
        await Self.run(screen, "search to:joe")
        await Self.press(screen, .enter)
        let text = await screen.canvas.text
        #expect(text.contains("joe@example.com") && !text.contains("dan@example.com"), "\(text)")
    }

    @Test("an action goes to the nodes of what is chosen, and is taken back there")
    func actions() async {
        let feeds = Self.feeds()
        let screen = await Self.screen(feeds)
        await Self.press(screen, "2", "T")
        #expect(await screen.canvas.text.contains("tagged 6 recipients of 6 messages"))
        await Self.press(screen, "h")
        #expect(feeds.map { $0.performed.count } == [1, 1, 1])
        #expect(feeds.allSatisfy { $0.performed[0].hasPrefix("hold set ") })
        await Self.press(screen, "z")
        #expect(feeds.allSatisfy { $0.performed.count == 2 && $0.performed[1].hasPrefix("release set ") })

        await Self.press(screen, "U")
        await Self.run(screen, "search to:leo")
        await Self.press(screen, "d")
        #expect(feeds.map { $0.performed.count } == [2, 3, 2])
        #expect(feeds[1].performed[2] == "drop 4Q7L")
    }

    @Test("what a node that is away did not do is said")
    func partly() async {
        let feeds = Self.feeds()
        let screen = await Self.screen(feeds)
        await Self.press(screen, "2", "T")
        feeds[2].write { $0.isAway = true }
        await Self.press(screen, "h")
        #expect(feeds.map { $0.performed.count } == [1, 1, 0])
        let text = await screen.canvas.text
        #expect(text.contains("hold: 2 recipients"), "\(text)")
        let receipt = try? await FeedEntry.all(feeds.map { FeedEntry(name: $0.node, feed: $0) }).feed
            .perform(.set(terms: StandingRule.Terms(.suspend(destination: "mx.example.org:25"))))
        #expect(receipt?.done == 3 * 38)
    }

    @Test("a destination that is suspended at all nodes is resumed at all")
    func suspension() async {
        let feeds = Self.feeds()
        let screen = await Self.screen(feeds)
        await Self.run(screen, "suspend mx.example.org:25")
        await Self.press(screen, .tab, .enter)
        #expect(feeds.allSatisfy { $0.performed.last == "set suspend mx.example.org:25" })
        await Self.run(screen, "resume mx.example.org:25")
        await Self.press(screen, .tab, .enter)
        #expect(feeds.allSatisfy { $0.performed.last?.hasPrefix("end ") == true }, "\(feeds.map(\.performed))")
    }

    @Test(":node narrows to one, and joins all again")
    func narrow() async {
        let screen = await Self.screen(Self.feeds())
        #expect(await screen.canvas.line(0).contains("3 nodes"))
        await Self.run(screen, "node mx2")
        #expect(await screen.canvas.line(0).contains("mx2.example.net 2/3"))
        await Self.press(screen, "2")
        #expect(await !screen.canvas.text.contains("NODE"))
        await Self.run(screen, "node all")
        #expect(await screen.canvas.text.contains("NODE"))
    }
}
