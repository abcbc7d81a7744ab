import Monitor
import NIOCore
import NIOEmbedded
import Testing

@testable import Relay

@Suite("the signal that something changed")
struct ChangeSignalTests {
    private let loop = EmbeddedEventLoop()

    @Test("a watcher that is slow loses no area, and then is told only what is new")
    func slowWatcher() async {
        let signal = ChangeSignal(loop: self.loop)
        var changes = signal.changes().makeAsyncIterator()
        var others = signal.changes().makeAsyncIterator()
        signal.raise(.facts)
        self.loop.advanceTime(by: .milliseconds(100))
        #expect(await others.next() == .changed(areas: [.facts]))
        for _ in 0..<6 {
            signal.raise(.queue)
            signal.raise(.connections)
            self.loop.advanceTime(by: .milliseconds(100))
        }
        #expect(await changes.next() == .changed(areas: [.facts, .queue, .connections]))
        #expect(await others.next() == .changed(areas: [.queue, .connections]))
        signal.raise(.transcripts)
        self.loop.advanceTime(by: .milliseconds(100))
        #expect(await changes.next() == .changed(areas: [.transcripts]))
        signal.finish()
        #expect(await changes.next() == nil)
    }

    @Test("events that were dropped on the way add up, and outweigh what changed")
    func missed() async {
        let (stream, watcher) = FeedChange.stream()
        var changes = stream.makeAsyncIterator()
        for change: FeedChange in [
            .changed(areas: [.queue]), .missed(events: 3), .changed(areas: [.facts]), .missed(events: 2),
        ] { change.tell(watcher) }
        #expect(await changes.next() == .missed(events: 5))
        FeedChange.changed(areas: [.queue]).tell(watcher)
        #expect(await changes.next() == .changed(areas: [.queue]))
    }
}
