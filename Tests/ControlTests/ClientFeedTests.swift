import Foundation
import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Control

/// The client and the server, with a socket between them.
@Suite("the client's feed", .timeLimit(.minutes(5)))
struct ClientFeedTests {
    private final class Rig {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-test-\(UUID())").path
        var path: String { "\(self.folder)/c" }
        private(set) var server: ControlServer

        init(_ feed: any MonitorFeed) async throws {
            try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
            self.server = Self.server(feed)
            try await self.server.listen(at: self.path, group: nil)
        }
        deinit { try? FileManager.default.removeItem(atPath: self.folder) }

        private static func server(_ feed: any MonitorFeed) -> ControlServer {
            ControlServer(
                node: SampleFeed.node, group: MultiThreadedEventLoopGroup.singleton, threads: .singleton,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { _ in feed }
        }
        func client() async throws -> RemoteFeed { try await RemoteFeed(.socket(self.path)) }
        func restart(_ feed: any MonitorFeed) async throws {
            self.server = Self.server(feed)
            try await self.server.listen(at: self.path, group: nil)
        }
    }

    @Test("a reason is not sent to a daemon that would not look at it: nothing is done, and it says so")
    func reasons() async throws {
        let targets = Targets.messages(references: [SampleFeed.message], matching: .all)
        let feed = SampleFeed(takesReasons: nil)
        let rig = try await Rig(feed)
        let older = try await rig.client()
        let error = await #expect(throws: FeedError.self) {
            try await older.perform(.bounce, on: targets, because: "moved")
        }
        #expect(error?.code == .unsupported)
        #expect(error?.description.contains("too old for a reason") == true)
        _ = try await older.perform(.bounce, on: targets, because: nil)
        #expect(feed.done.withLock { $0 } == ["ann: bounce"])
        await rig.server.stop()
    }

    @Test("every method gives what the feed itself gives")
    func methods() async throws {
        let feed = SampleFeed()
        let rig = try await Rig(feed)
        let client = try await rig.client()
        func both<Answer: Equatable>(_ ask: (any MonitorFeed) async throws -> Answer) async throws {
            #expect(try await ask(client) == ask(feed))
        }
        let query = QueueQuery(filter: SampleFeed.filter, sort: .next, descending: false)
        let sessions = ConnectionQuery(includesEnded: true)
        let set = Targets.frozen(set: FrozenSetID(node: SampleFeed.node, id: 7))
        let terms = StandingRule.Terms(.suspend(destination: "mx:25"), reason: "a\u{1B}[2J")
        try await both { try await $0.capabilities() }
        try await both { try await $0.overview() }
        try await both { try await $0.queue(query, window: WindowRequest(.last, count: 50)) }
        try await both { try await $0.connections(sessions, window: WindowRequest(.row(number: 0), count: 50)) }
        try await both { try await $0.find(SearchRequest(SampleFeed.filter, from: 3), in: query) }
        try await both { try await $0.find(SearchRequest(FilterExpression(.peer, is: "x"), from: 0), in: sessions) }
        try await both { try await $0.facts(after: "a b&c", count: 10) }
        try await both { try await $0.message("4Q7K") }
        try await both { try await $0.transcript(SampleFeed.session, from: 0, count: 100) }
        try await both { try await $0.freeze(query) }
        try await both { try await $0.perform(.hold, on: set) }
        try await both { try await $0.perform(.bounce, on: set, because: "moved") }
        try await both { try await $0.undo(UndoToken(node: SampleFeed.node, id: 7)) }
        try await both { try await $0.undoable() }
        try await both { try await $0.purge(until: SampleFeed.now, of: 2) }
        try await both { try await $0.rules() }
        try await both { try await $0.preview(terms) }
        try await both { try await $0.perform(.set(terms: terms)) }
        try await both { try await $0.reroute(set, via: "mx") }
        try await both { try await $0.close(SampleFeed.session) }
        await rig.server.stop()
    }

    @Test("a refusal of the feed comes as it is, without what a terminal would obey")
    func refusals() async throws {
        for code in [FeedError.Code.unsupported, .unavailable, .invalid, .denied, .gone] {
            let rig = try await Rig(SampleFeed(failure: FeedError(code, "no\u{1B}[2J")))
            let client = try await rig.client()
            do {
                _ = try await client.overview()
                Issue.record("\(code) did not come")
            } catch let error as FeedError {
                #expect(error == FeedError(code, SafeText("no\u{1B}[2J").description))
            }
            await rig.server.stop()
        }
    }

    @Test("what is gone is nil where a feed says so")
    func gone() async throws {
        let rig = try await Rig(SampleFeed(failure: FeedError(.gone, "gone")))
        let client = try await rig.client()
        #expect(try await client.message("4Q7K") == nil)
        #expect(try await client.transcript(SampleFeed.session, from: 0, count: 1) == nil)
        await rig.server.stop()
    }

    @Test("where nobody listens it says what to do")
    func nobody() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-none-\(UUID())").path
        let client = try await RemoteFeed(.socket(path))
        do {
            _ = try await client.overview()
            Issue.record("somebody listens at \(path)")
        } catch let error as FeedError {
            #expect(error.code == .unavailable)
            #expect(
                error.description == "no hoptop serve listens at \(path): start it, or name another place with --to")
        }
    }

    @Test("changes go on when the daemon is back, and both the loss and the return are told")
    func reconnecting() async throws {
        let feed = SampleFeed()
        let rig = try await Rig(feed)
        let client = try await rig.client()
        var changes = client.changes().makeAsyncIterator()
        // At the beginning everything is read.
        #expect(await changes.next() == .missed(events: 0))
        func tell() async throws {
            while feed.watchers.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
            feed.watchers.withLock { for watcher in $0 { FeedChange.changed(areas: [.queue]).tell(watcher) } }
        }
        try await tell()
        #expect(await changes.next() == .changed(areas: [.queue]))
        await rig.server.stop()
        #expect(await changes.next() == .missed(events: 0))
        await #expect(throws: FeedError.self) { _ = try await client.overview() }
        feed.watchers.withLock { $0 = [] }
        try await rig.restart(feed)
        #expect(await changes.next() == .missed(events: 0))
        #expect(try await client.overview() == feed.overview())
        try await tell()
        #expect(await changes.next() == .changed(areas: [.queue]))
        await rig.server.stop()
    }

    @Test("who no longer listens to changes is no longer told: the daemon's watcher ends")
    func leaving() async throws {
        let feed = SampleFeed()
        let rig = try await Rig(feed)
        let client = try await rig.client()
        let ended = NIOLockedValueBox(false)
        let listening = Task { for await _ in client.changes() {} }
        while feed.watchers.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        feed.watchers.withLock { $0[0].onTermination = { _ in ended.withLockedValue { $0 = true } } }
        listening.cancel()
        while !ended.withLockedValue({ $0 }) {
            // A server notices when it writes.
            feed.watchers.withLock { for watcher in $0 { FeedChange.changed(areas: [.queue]).tell(watcher) } }
            try await Task.sleep(for: .milliseconds(5))
        }
        await rig.server.stop()
    }
}
