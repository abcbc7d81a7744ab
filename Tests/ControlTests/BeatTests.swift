import Monitor
import Synchronization
import Testing

@testable import Control

/// All who watch are told at once.
@Suite("beats", .timeLimit(.minutes(5)))
struct BeatTests {
    private func tell(_ feed: SampleFeed, _ change: FeedChange) {
        for watcher in feed.watchers.withLock({ $0 }) { change.tell(watcher) }
    }

    @Test("one looks for all; each is told, and what was asked before is old by then")
    func together() async {
        let (beat, feed) = (Beat(), SampleFeed())
        var first = beat.changes(of: feed).makeAsyncIterator()
        var second = beat.changes(of: feed).makeAsyncIterator()
        #expect(feed.watchers.withLock { $0.count } == 1)
        let before = beat.number
        self.tell(feed, .changed(areas: [.queue]))
        #expect(await first.next() == .changed(areas: [.queue]))
        #expect(beat.number == before + 1)
        #expect(await second.next() == .changed(areas: [.queue]))
        #expect(beat.number == before + 1)
    }

    @Test("who takes nothing for a while is told all of it in one")
    func slow() async {
        let (beat, feed) = (Beat(), SampleFeed())
        var quick = beat.changes(of: feed).makeAsyncIterator()
        var slow = beat.changes(of: feed).makeAsyncIterator()
        for area in [FeedChange.Area.queue, .connections, .journal] {
            self.tell(feed, .changed(areas: [area]))
            #expect(await quick.next() == .changed(areas: [area]))
        }
        // The last beat may still be on its way to the second.
        var told: Set<FeedChange.Area> = []
        while told.count < 3, case .changed(let areas) = await slow.next() { told.formUnion(areas) }
        #expect(told == [.queue, .connections, .journal])
    }

    @Test("nobody looks when the last has left, and the next one begins with nothing that is old")
    func leaving() async throws {
        let (beat, feed) = (Beat(), SampleFeed())
        let watching = Task { for await _ in beat.changes(of: feed) {} }
        while feed.watchers.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        feed.watchers.withLock { watchers in
            watchers[0].onTermination = { _ in end.finish() }
            watchers = []
        }
        watching.cancel()
        for await _ in ended {}
        let before = beat.number
        var next = beat.changes(of: feed).makeAsyncIterator()
        #expect(beat.number > before)
        self.tell(feed, .missed(events: 3))
        #expect(await next.next() == .missed(events: 3))
    }

    @Test("all end with the feed")
    func ending() async {
        let (beat, feed) = (Beat(), SampleFeed())
        var first = beat.changes(of: feed).makeAsyncIterator()
        var second = beat.changes(of: feed).makeAsyncIterator()
        for watcher in feed.watchers.withLock({ $0 }) { watcher.finish() }
        #expect(await first.next() == nil)
        #expect(await second.next() == nil)
    }
}
