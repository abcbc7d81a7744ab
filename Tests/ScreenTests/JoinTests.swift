import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Screen

@Suite("the way of a message over several nodes")
struct JoinTests {
    private func detail(
        _ feed: ScriptedFeed, _ id: String, relayedTo: String?, remoteID: String?, state: RecipientState
    ) -> MessageDetail {
        MessageDetail(
            ref: MessageRef(node: feed.node, id: id, generation: 0), arrived: ScriptedFeed.now, from: "<s@c>",
            isSettled: state.isSettled, peer: "192.0.2.7:1", hello: "c",
            recipients: [
                RecipientDetail(
                    ref: RecipientRef(node: feed.node, message: id, index: 0, generation: 0), forwardPath: "<u@Z>",
                    state: state, nextHops: relayedTo == nil ? ["127.0.0.1:9"] : [], ahead: ["Z"],
                    relayedTo: relayedTo, remoteID: remoteID)
            ])
    }

    @Test("a route's first hop, which is the next one, is told once")
    func routed() async {
        let first = ScriptedFeed(node: "A")
        let second = ScriptedFeed(node: "D")
        first.queued("A1", from: "s@c", to: "u@Z")
        var detail = self.detail(first, "A1", relayedTo: nil, remoteID: nil, state: .queued)
        detail.recipients[0].nextHops = ["127.0.0.1:2"]
        detail.recipients[0].ahead = ["D", "P", "Z"]
        first.write { [detail] in $0.details["A1"] = detail }
        second.write { $0.overview.listening = ["127.0.0.1:2"] }
        let rig = await Rig(
            entries: [FeedEntry(name: "A", feed: first), FeedEntry(name: "D", feed: second)], columns: 100, rows: 30)
        await rig.press("2")
        #expect(await rig.text.contains("c ─✔─ A ─·─ D ─·─ P ─·─ Z"))
    }

    @Test("the next hop's own feed, joined by its queue identifier, shows how far the later hops have it")
    func joined() async {
        let first = ScriptedFeed(node: "A")
        let second = ScriptedFeed(node: "D")
        let third = ScriptedFeed(node: "P")
        first.queued("A1", from: "s@c", to: "u@Z")
        let one = self.detail(first, "A1", relayedTo: "127.0.0.1:2", remoteID: "D1", state: .relayed)
        let two = self.detail(second, "D1", relayedTo: "127.0.0.1:3", remoteID: "P1", state: .relayed)
        let three = self.detail(third, "P1", relayedTo: nil, remoteID: nil, state: .deferred)
        first.write { $0.details["A1"] = one }
        second.write { $0.details["D1"] = two }
        third.write { $0.details["P1"] = three }
        for (place, feed) in [first, second, third].enumerated() {
            feed.write { $0.overview.listening = ["127.0.0.1:\(place + 1)"] }
        }
        let screen = Screen(
            feeds: [
                FeedEntry(name: "A", feed: first), FeedEntry(name: "D", feed: second),
                FeedEntry(name: "P", feed: third),
            ], options: ScreenOptions { ScriptedFeed.now })
        await screen.start()
        await screen.settled()
        for key in ["2", .enter] as [Key] {
            await screen.press(key)
            await screen.settled()
        }
        let text = await screen.canvas.text
        #expect(text.contains("c ─✔─ A ─✔─ D ─✔─ P"), "\(text)")
        await screen.press(">")
        await screen.settled()
        #expect(await screen.canvas.text.contains("D 2/3"))
    }
}
