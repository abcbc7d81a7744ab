import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("destinations")
struct DestinationsTests {
    @Test("next hops with what waits for them", arguments: [(80, 24), (120, 36)], [false, true])
    func view(_ size: (Int, Int), _ isCoded: Bool) async throws {
        let rig = await Rig(isCoded: isCoded, columns: size.0, rows: size.1)
        await rig.press("4")
        try await rig.expect("destinations")
    }

    @Test("the same screen comes from a daemon", arguments: [(80, 24), (120, 36)])
    func served(_ size: (Int, Int)) async throws {
        let feed = ScriptedFeed.busy
        let served = try await ServedFeed(feed)
        let rig = await Rig(feed, served: served, columns: size.0, rows: size.1)
        await rig.press("4")
        try await rig.expect("destinations")
        withExtendedLifetime(served) {}
    }

    @Test("what waits, who suspended it and until when, what it said last", arguments: [false, true])
    func words(_ isCoded: Bool) async throws {
        let rig = await Rig(isCoded: isCoded, columns: 120, rows: 36)
        await rig.press("4")
        let row = try #require(await rig.lines("corp.example").first)
        #expect(row.contains("suspended 90m") && row.contains("1,904") && row.contains("by ops: a new disk"))
        await rig.press("/")
        await rig.type("corp")
        await rig.press(.enter)
        #expect(await rig.text.contains("ops suspended it until 10:30 UTC, in 90m: a new disk. P resumes it."))
        // Of one name there are two, which are told apart by number and terms.
        await rig.press("/")
        await rig.type("dest=mx.example.org:25")
        await rig.press(.enter)
        let line = await rig.cursorLine
        #expect(line.contains("mx.example.org:25#2") && line.contains("limited") && line.contains("2/2"))
        #expect(await rig.text.contains("TLS verified, logs in as relay, 100 messages in 60m"))
        await rig.press("n")
        #expect(await rig.text.contains("TLS if offered"))
        #expect(await rig.text.contains("It failed 3 times in a row; one session is tried in 2m, at 09:02 UTC"))
        // What a remote host said is shown, and not obeyed.
        #expect(await rig.text.contains("<U+202E>slow down"))
    }

    @Test("the list is filtered, sorted and turned round, and shows only what is in trouble")
    func questions() async {
        let rig = await Rig()
        await rig.press("4", "f")
        await rig.type("state:suspended")
        await rig.press(.enter)
        #expect(await rig.text.contains("filter: state:suspended   1 of 6"))
        await rig.run("filter age>1h !state:backoff")
        #expect(await rig.text.contains("1 of 6"))
        #expect(await rig.cursorLine.contains("example.net"))
        await rig.run("filter to:bob")
        #expect(await rig.text.contains("no field to: dest"))
        await rig.press("!")
        #expect(await rig.text.contains("4 of 6"))
        await rig.press("!", "s")
        #expect(await rig.text.contains("oldest"))
        await rig.press(.escape)
        await rig.run("sort name")
        #expect(await rig.cursorLine.contains("smarthost.example"))
        await rig.press("I")
        #expect(await rig.cursorLine.contains("corp.example"))
    }

    @Test("Enter shows its mail; P suspends or resumes it, R reroutes it, :limit limits it, r tries now")
    func acts() async {
        let rig = await Rig()
        await rig.press("4")
        await rig.run("sort name")
        await rig.press("I", "j", "j", .enter)
        #expect(await rig.text.contains("filter: dest=mx.example.org:25"))
        await rig.press("4", "r")
        #expect(rig.feed.performed == ["retry set 7"])
        await rig.press("P")
        #expect(await rig.text.contains("suspend mx.example.org:25"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "set suspend mx.example.org:25")
        await rig.press("R")
        await rig.type("mx2.example.org:25")
        await rig.press(.enter)
        #expect(await rig.text.contains("Reroute?"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "set reroute mx.example.org:25 to mx2.example.org:25")
        await rig.run("limit mx.example.org:25 3")
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "limit mx.example.org:25 3")
    }

    @Test("where a destination is suspended by its hosts, P resumes the host, which is named")
    func hosts() async {
        let rig = await Rig(columns: 120, rows: 36)
        rig.feed.write { script in
            for place in script.destinations.indices where script.destinations[place].name == "corp.example" {
                script.destinations[place].suspendedName = "mx1.corp.example:25"
            }
            let names = ["mx1.corp.example:2525", "MX1.corp.example:25", "corp.example"]
            script.rules = names.enumerated().map { index, name in
                let rule = StandingRule(
                    id: Int64(index + 3), .init(.suspend(destination: name)), at: ScriptedFeed.now, by: "ops")
                return RuleRow(ref: RuleRef(node: "mx1", id: rule.id), rule: rule)
            }
        }
        await rig.press("4", "f")
        await rig.type("corp")
        await rig.press(.enter)
        #expect(await rig.text.contains("ops suspended mx1.corp.example:25 until 10:30 UTC"))
        #expect(await rig.text.contains("P resumes mx1.corp.example:25"))
        await rig.press("P")
        #expect(await rig.text.contains("suspend MX1.corp.example:25"))
        await rig.press(.tab, .enter)
        #expect(rig.feed.performed.last == "end 4")
    }

    @Test("mail without a route has no next hop to be suspended")
    func unrouted() async {
        let rig = await Rig()
        await rig.press("4")
        await rig.run("filter state:\"no route\"")
        #expect(await rig.text.contains("No route takes mail for example.test"))
        await rig.press("P")
        #expect(await rig.text.contains("name a destination"))
        await rig.press("R")
        #expect(await rig.text.contains("nothing to reroute"))
        #expect(rig.feed.performed.isEmpty)
    }

    @Test("a feed that knows no destinations says so")
    func unsupported() async {
        struct Poor: MonitorFeed {
            let feed = ScriptedFeed.busy
            func capabilities() async throws -> FeedCapabilities { try await self.feed.capabilities() }
            func overview() async throws -> Overview { try await self.feed.overview() }
            func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
                try await self.feed.queue(query, window: window)
            }
            func connections(
                _ query: ConnectionQuery, window: WindowRequest<SessionRef>
            ) async throws -> Window<ConnectionRow> { try await self.feed.connections(query, window: window) }
            func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? { nil }
            func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? { nil }
            func facts(after cursor: String?, count: Int) async throws -> FactWindow {
                try await self.feed.facts(after: cursor, count: count)
            }
            func message(_ id: String) async throws -> MessageDetail? { nil }
            func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? { nil }
            func freeze(_ query: QueueQuery) async throws -> FrozenSet { try await self.feed.freeze(query) }
            func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
                Receipt(done: 0, messages: 0)
            }
            func undo(_ token: UndoToken) async throws -> Receipt { Receipt(done: 0, messages: 0) }
            func close(_ session: SessionRef) async throws -> Receipt { Receipt(done: 0, messages: 0) }
            func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }
        }
        let screen = Screen(
            feeds: [FeedEntry(name: "mx1", feed: Poor())], options: ScreenOptions { ScriptedFeed.now })
        await screen.start()
        await screen.settled()
        await screen.press("4")
        await screen.settled()
        #expect(await screen.canvas.text.contains("this feed has no list of destinations"))
    }
}
