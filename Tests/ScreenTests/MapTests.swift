import Mail
import Monitor
import SMTP
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the map: relays and the mail between them")
struct MapTests {
    // MARK: what there is

    private static let recent = (0..<LinkTraffic.steps).map { [3, 9, 18, 30, 36, 39].contains($0) ? 1 : 0 }
    private static func traffic(_ lastMinute: Int, median: Int = 35) -> LinkTraffic {
        LinkTraffic(
            messages: lastMinute * 3, lastMinute: lastMinute, octets: lastMinute * 4096, median: median,
            recent: lastMinute > 0 ? self.recent : [])
    }
    private static func hop(
        _ destination: String, _ lastMinute: Int, waiting: Int = 0, median: Int = 35,
        _ condition: DestinationAges.Condition = .ok, until seconds: Int64? = nil, sent: Int? = nil
    ) -> Neighbours.Hop {
        let sending = sent.map { octets in
            DeliveryProgress(
                session: SessionRef(node: "A", id: "out#7"), phase: .content, contentOctetsSent: octets,
                contentOctets: 100)
        }
        return Neighbours.Hop(
            destination: destination, condition: condition, reason: condition == .backoff ? "refused" : nil,
            until: seconds.map { ScriptedFeed.now.adding(milliseconds: $0 * 1000) }, waiting: waiting,
            traffic: self.traffic(lastMinute, median: median), sending: [sending].compactMap { $0 })
    }
    private static func node(
        _ name: String, clients: [Neighbours.Client] = [], _ hops: [Neighbours.Hop], more: Neighbours.Others? = nil
    ) -> ScriptedFeed {
        let feed = ScriptedFeed(node: name)
        feed.write { script in
            script.overview.listening = ["127.0.0.1:\(name.utf8.first ?? 0)"]
            script.overview.neighbours = Neighbours(clients: clients, nextHops: hops, moreNextHops: more)
            script.overview.queuedMessages = hops.reduce(0) { $0 + $1.waiting }
        }
        return feed
    }

    /// As in the demo: a chain, a way that goes past it, mailboxes behind two of the relays, and reports that go back.
    private static func chain() -> [ScriptedFeed] {
        func at(_ name: Character) -> String { "127.0.0.1:\(name.asciiValue ?? 0)" }
        let far = "mailboxes.example:9"
        let client = Neighbours.Client(name: "c", traffic: self.traffic(120, median: 2))
        func from(_ name: String) -> Neighbours.Client { Neighbours.Client(name: name, traffic: self.traffic(84)) }
        return [
            self.node(
                "A", clients: [client],
                [self.hop(at("D"), 84), self.hop(at("Z"), 24), self.hop(far, 12, waiting: 3, median: 1500, sent: 60)]),
            self.node("D", clients: [from("A")], [self.hop(at("P"), 80, waiting: 12), self.hop(at("A"), 4)]),
            self.node("P", clients: [from("D")], [self.hop(at("U"), 78)]),
            self.node("U", clients: [from("P")], [self.hop(at("Z"), 78)]),
            self.node("Z", clients: [from("U"), from("A")], [self.hop(far, 90, median: 4)]),
        ]
    }

    private static func smarthost() -> ScriptedFeed {
        self.node(
            "mx1.example.net",
            clients: [
                Neighbours.Client(name: "app1.shop.example", traffic: self.traffic(1900, median: 3)),
                Neighbours.Client(name: "app2.shop.example", traffic: self.traffic(600, median: 3)),
            ],
            [
                self.hop("gmail.com", 1200, waiting: 41_207, .deferring), self.hop("outlook.com", 900, waiting: 4),
                self.hop("corp.example", 0, waiting: 1904, .backoff, until: 720),
                self.hop("lists.example.org", 30), self.hop("mail.example.de", 0, waiting: 955, .suspended),
            ], more: Neighbours.Others(count: 2114, waiting: 18_022, lastMinute: 380))
    }

    private static func screen(
        _ feeds: [ScriptedFeed], columns: Int = 80, rows: Int = 24, _ adjust: (inout ScreenOptions) -> Void = { _ in }
    ) async -> Screen {
        var options = ScreenOptions { ScriptedFeed.now }
        (options.columns, options.rows, options.view) = (columns, rows, "map")
        adjust(&options)
        let entries = feeds.map { FeedEntry(name: $0.node, feed: $0) }
        let screen = Screen(
            feeds: feeds.count > 1 ? entries + [.all(entries) { ScriptedFeed.now }] : entries, options: options)
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

    // MARK: pictures

    @Test("a chain of five", arguments: [(80, 24), (100, 30), (160, 45), (40, 10)])
    func chain(_ size: (Int, Int)) async throws {
        let screen = await Self.screen(Self.chain(), columns: size.0, rows: size.1)
        try await GoldenScreen.expect(screen, "map-chain")
    }

    @Test("the same in ASCII", arguments: [(80, 24), (100, 30), (160, 45)])
    func ascii(_ size: (Int, Int)) async throws {
        let screen = await Self.screen(Self.chain(), columns: size.0, rows: size.1) { $0.isASCII = true }
        try await GoldenScreen.expect(screen, "map-chain-ascii")
        #expect(await screen.canvas.text.unicodeScalars.allSatisfy(\.isASCII))
    }

    @Test("clients, a smarthost, and where its mail goes", arguments: [(80, 24), (100, 30), (160, 45)])
    func smarthost(_ size: (Int, Int)) async throws {
        let screen = await Self.screen([Self.smarthost()], columns: size.0, rows: size.1)
        try await GoldenScreen.expect(screen, "map-smarthost")
    }

    @Test("a relay that is down is said to be, with what is known of it")
    func down() async throws {
        let feeds = Self.chain()
        let screen = await Self.screen(feeds, columns: 100, rows: 30)
        feeds[2].write { $0.isAway = true }
        feeds[1].write {
            $0.overview.neighbours?.nextHops = [
                Self.hop("127.0.0.1:80", 60, waiting: 31, .backoff, until: 12)
            ]
        }
        await screen.refresh(nil)
        await screen.settled()
        try await GoldenScreen.expect(screen, "map-down")
    }

    @Test("a frame whose colour says something of the whole screen does not say it of a relay")
    func frames() async throws {
        let feeds = Self.chain()
        let screen = await Self.screen(feeds, columns: 100, rows: 30)
        feeds[2].write { $0.isAway = true }
        await screen.refresh(nil)
        await screen.settled()
        let canvas = await screen.canvas
        // The first corner of each box, in the first row of the picture.
        let corners = (0..<canvas.columns).map { canvas[$0, 2] }.filter { $0.text.description == "╭" }.map(\.role)
        #expect(corners.count == 7)
        #expect(corners.filter { $0 == .failed }.count == 1)
        #expect(corners.filter { $0 == .graphGrid }.count == 6)
    }

    @Test("--plain has lines and no picture, and nothing on it moves")
    func plain() async throws {
        let screen = await Self.screen(Self.chain()) { $0.isPlain = true }
        let canvas = await screen.canvas
        #expect(canvas.text.contains("A → D"))
        #expect(!canvas.text.contains("●──") && !canvas.text.contains("╭"))
        #expect(await !screen.isMoving)
    }

    // MARK: keys

    @Test("arrows go to what lies that way, Tab to all there is, and Enter behind it")
    func keys() async throws {
        let screen = await Self.screen(Self.chain(), columns: 160, rows: 45)
        _ = await screen.canvas
        await Self.press(screen, .right)
        #expect(await screen.canvas.text.contains("A → D ─"))
        await Self.press(screen, .right)
        #expect(await screen.canvas.text.contains("╭─ D ─"))
        await Self.press(screen, .left, .enter)
        // The link's mail at A.
        #expect(await screen.canvas.text.contains("filter: dest=127.0.0.1:68"))
        await Self.press(screen, "6", .enter)
        #expect(await screen.canvas.text.contains("filter: dest=127.0.0.1:68"))
        var seen: Set<String> = []
        await Self.press(screen, "6")
        for _ in 0..<20 {
            await Self.press(screen, .tab)
            seen.insert(
                await screen.canvas.text.split(separator: "\n").first { $0.contains("Enter shows") }.map(String.init)
                    ?? "")
        }
        // Seven boxes, and nine links, one of them back.
        #expect(seen.count == 16)
    }

    @Test("several next hops in one box: how many are not well, each by its name, and Enter shows the mail of all")
    func others() async throws {
        let few = Self.node(
            "mx1",
            [
                self.busy("a.example"), self.busy("b.example"),
                Self.hop("c.example", 0, waiting: 1, .backoff, until: 60),
                Self.hop("no route", 0, waiting: 1, .unrouted), Self.hop("e.example", 1),
            ])
        // So low that three of the five share a box.
        let screen = await Self.screen([few], columns: 100, rows: 22)
        _ = await screen.canvas
        await Self.press(screen, "/")
        await Self.press(screen, Key.paste("other"), .enter, .left)
        let picture = await screen.canvas.text
        #expect(picture.contains("1 no route") && picture.contains("2 waiting"), "\(picture)")
        #expect(picture.contains("no route, c.example backoff 60s: refused"), "\(picture)")
        await Self.press(screen, .enter)
        let queue = await screen.canvas.text
        #expect(queue.contains("filter: dest=c.example | dest=e.example | dest=\"no route\""), "\(queue)")
    }
    private func busy(_ name: String) -> Neighbours.Hop { Self.hop(name, 100) }

    @Test("those that are told by no name are all but the ones that are")
    func nameless() async throws {
        let screen = await Self.screen([Self.smarthost()], columns: 160, rows: 45)
        await Self.press(screen, "/")
        await Self.press(screen, Key.paste("other"), .enter, .left, .enter)
        let filter =
            "!dest=gmail.com !dest=outlook.com !dest=corp.example !dest=lists.example.org !dest=mail.example.de"
        let queue = await screen.canvas.text
        #expect(queue.contains("filter: \(filter)"), "\(queue)")
    }

    @Test("a client's sessions are those that ended too")
    func client() async throws {
        let screen = await Self.screen([Self.smarthost()], columns: 100, rows: 30)
        await Self.press(screen, "/")
        await Self.press(screen, Key.paste("app1"), .enter, .enter)
        let connections = await screen.canvas.text
        #expect(connections.contains("filter: name=app1.shop.example"), "\(connections)")
        #expect(connections.contains("live and ended"), "\(connections)")
    }

    @Test("a list of links names a node that is down, and Enter opens its overview")
    func downInRows() async throws {
        let feeds = Self.chain()
        let screen = await Self.screen(feeds) { $0.isPlain = true }
        feeds[2].write { $0.isAway = true }
        await screen.refresh(nil)
        await screen.settled()
        let first = await screen.canvas.text.split(separator: "\n").dropFirst(3).first ?? ""
        #expect(first.contains(" P ") && first.contains("down 0s"), "\(first)")
        await Self.press(screen, "g", .enter)
        #expect(await screen.canvas.text.contains("HOPTOP  P"))
    }

    @Test("a node that is chosen opens its own overview")
    func node() async throws {
        let screen = await Self.screen(Self.chain(), columns: 100, rows: 30)
        _ = await screen.canvas
        await Self.press(screen, "/")
        await Self.press(screen, "P", .enter, .enter)
        #expect(await screen.canvas.text.contains("HOPTOP  P"))
    }

    // MARK: motion

    @Test("a message walks the path once, a cell in each step")
    func motion() {
        let traffic = LinkTraffic(messages: 1, lastMinute: 1, recent: Array(repeating: 0, count: 39) + [2])
        #expect(MapMotion.marks(traffic, elapsed: 0, cells: 10) == [0: 2])
        #expect(MapMotion.marks(traffic, elapsed: 1000, cells: 10) == [5: 2])
        #expect(MapMotion.marks(traffic, elapsed: 2000, cells: 10) == [:])
        // A long path is walked in the time that is told of.
        #expect(MapMotion.marks(traffic, elapsed: 4000, cells: 80) == [40: 2])
        #expect(MapMotion.marks(LinkTraffic(), elapsed: 0, cells: 10) == [:])
    }

    @Test("the picture moves while mail is on it, and not when all has arrived or it is frozen")
    func moving() async {
        let feed = Self.smarthost()
        let screen = await Self.screen([feed], columns: 100, rows: 30)
        _ = await screen.canvas
        #expect(await screen.isMoving)
        await Self.press(screen, "=")
        #expect(await !screen.isMoving)
        await Self.press(screen, "=")
        feed.write { script in
            for place in script.overview.neighbours?.nextHops.indices ?? 0..<0 {
                script.overview.neighbours?.nextHops[place].traffic.recent = []
            }
            script.overview.neighbours?.clients = []
        }
        await screen.refresh(nil)
        await screen.settled()
        _ = await screen.canvas
        #expect(await !screen.isMoving)
    }
}
