import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("what is known of nodes")
struct NodeTableTests {
    private var table = NodeTable(
        ["mx1", "mx2"].map { FeedEntry(name: $0, feed: ScriptedFeed(node: "\($0).example")) })
    private static let asksOverview = Read.Key(owner: nil, node: 0, kind: Read.overviewKind)

    private func overview(_ node: String, startedBefore seconds: Int64) -> Overview {
        Overview(
            node: node, started: ScriptedFeed.now.adding(milliseconds: -seconds * 1000), at: ScriptedFeed.now,
            listening: [], sessionsInLimit: 10)
    }

    @Test("a node that does not answer is blind since the first time, until it answers again")
    mutating func blindness() {
        let later = ScriptedFeed.now.adding(milliseconds: 5000)
        self.table.failed(Self.asksOverview, FeedError(.unavailable, "gone"), "gone", at: ScriptedFeed.now)
        self.table.failed(Self.asksOverview, FeedError(.denied, "no"), "no", at: later)
        #expect(self.table[0].blindness == Blindness(since: ScriptedFeed.now, words: "no"))
        #expect(self.table[1].blindness == nil)
        let news = self.table.learn(self.overview("mx1.example", startedBefore: 60), of: 0, at: ScriptedFeed.now)
        guard case .answersAgain(let since)? = news.first, news.count == 1 else {
            Issue.record("\(news)")
            return
        }
        #expect(since == ScriptedFeed.now)
        #expect(self.table[0].blindness == nil)
        #expect(self.table[0].trouble == nil)
    }

    @Test("only an overview that nobody answers makes blind; other failures are trouble")
    mutating func trouble() {
        self.table.failed(Self.asksOverview, FeedError(.invalid, "bad"), "bad", at: ScriptedFeed.now)
        let other = Read.Key(owner: nil, node: 0, kind: "rows")
        self.table.failed(other, FeedError(.unavailable, "gone"), "gone", at: ScriptedFeed.now)
        #expect(self.table[0].blindness == nil)
        #expect(self.table[0].trouble == "gone")
    }

    @Test("what failed for what is shown is told until it is answered, whatever an overview says")
    mutating func lasting() {
        let pane = SomePane()
        let rows = Read.Key(owner: ObjectIdentifier(pane), node: 0, kind: "rows")
        self.table.failed(rows, FeedError(.unsupported, "no list"), "no list", at: ScriptedFeed.now)
        func learn(under pane: AnyObject) {
            _ = self.table.learn(
                self.overview("mx1.example", startedBefore: 60), of: 0, at: ScriptedFeed.now,
                under: ObjectIdentifier(pane))
        }
        learn(under: pane)
        #expect(self.table[0].trouble == "no list")
        self.table.answered(rows)
        #expect(self.table[0].trouble == nil)
        self.table.failed(rows, FeedError(.unsupported, "no list"), "no list", at: ScriptedFeed.now)
        let other = SomePane()
        learn(under: other)
        #expect(self.table[0].trouble == nil)
    }
    private final class SomePane {}

    @Test("a later start is told, the same one is not")
    mutating func restart() {
        #expect(self.table.learn(self.overview("mx1.example", startedBefore: 60), of: 0, at: ScriptedFeed.now).isEmpty)
        #expect(self.table.learn(self.overview("mx1.example", startedBefore: 60), of: 0, at: ScriptedFeed.now).isEmpty)
        guard
            case .startedAnew? = self.table.learn(
                self.overview("mx1.example", startedBefore: 1), of: 0, at: ScriptedFeed.now
            ).first
        else {
            Issue.record("the restart is not told")
            return
        }
    }

    @Test("a node is found by how it was called at the start, then by its host name")
    mutating func names() {
        _ = self.table.learn(self.overview("relay.example", startedBefore: 60), of: 0, at: ScriptedFeed.now)
        _ = self.table.learn(self.overview("mx1.example", startedBefore: 60), of: 1, at: ScriptedFeed.now)
        #expect(self.table.all.names == "mx1, mx2")
        #expect(self.table.all.index(named: "MX1") == 0)
        #expect(self.table.all.index(named: "mx1.") == 1)
        #expect(self.table.all.index(named: "relay") == 0)
        #expect(self.table.all.index(named: "z") == nil)
    }
}
