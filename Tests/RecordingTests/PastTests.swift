import Foundation
import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Recording

@Suite("a recording of what is over")
struct PastTests {
    private static let all = WindowRequest<MessageRef>(.row(number: 0), count: 100)

    private static var feed: ScriptedFeed {
        let feed = ScriptedFeed()
        feed.journaled(.deferred, "4Q6A", before: 600, from: "old@example.net", to: "bob@example.org", nextHop: "mx:25")
        feed.journaled(.accepted, "4Q7K", before: 500, from: "ann@example.net")
        feed.journaled(
            .deferred, "4Q7K", before: 490, from: "ann@example.net", to: "bob@example.org", nextHop: "mx:25",
            text: "450 4.2.0 greylisted", session: "out#9")
        feed.journaled(
            .relayed, "4Q7K", before: 200, from: "ann@example.net", to: "bob@example.org", nextHop: "mx:25",
            text: "250 2.0.0 Ok")
        let session = SessionRef(node: "mx1", id: "out#9")
        feed.ended(session, "mx:25", before: 489)
        feed.said(session, before: 490, [(.server, "220 mx"), (.client, "EHLO a")])
        // Of this one nothing is told but that it came in.
        feed.journaled(.accepted, "4Q8L", before: 150, from: "cat@example.net")
        let waiting = feed.detail(feed.queued("4Q8L", from: "cat@example.net", to: "dan@example.org"), [.queued])
        feed.write { $0.details["4Q8L"] = waiting }
        return feed
    }

    private static func record(_ feed: ScriptedFeed, to path: String, redacted: Bool = false) async throws -> Replay {
        var options = Recorder.Options(software: "hoptop 0.1.0")
        options.isRedacted = redacted
        let content = try await PastRecorder([("mx1", feed)], to: path, options).run(
            since: ScriptedFeed.now.adding(milliseconds: -700_000), until: ScriptedFeed.now)
        #expect(content.facts == 5)
        return try Replay(of: RecordingFile(at: path), wall: { ScriptedFeed.now })
    }

    @Test("of nodes that share a queue one journal is read that there is; others of one name are each themselves")
    func several() async throws {
        func node(_ sharing: [String]?, hasJournal: Bool = true) -> ScriptedFeed {
            let feed = Self.feed
            feed.write { script in
                script.sharing = sharing
                if !hasJournal { script.journal = [] }
            }
            return feed
        }
        func facts(_ feeds: [ScriptedFeed]) async throws -> Int {
            let folder = try Folder()
            let named = feeds.enumerated().map { (name: "mx\($0.offset)", feed: $0.element as any MonitorFeed) }
            return try await PastRecorder(named, to: folder.file, .init(software: "hoptop 0.1.0")).run(
                since: ScriptedFeed.now.adding(milliseconds: -700_000), until: ScriptedFeed.now
            ).facts
        }
        let fleet = ["mx0", "mx1"]
        #expect(try await facts([node(fleet), node(fleet)]) == 5)
        #expect(try await facts([node(fleet, hasJournal: false), node(fleet)]) == 5)
        #expect(try await facts([node(nil), node(nil)]) == 10)
    }

    @Test("it shows the queue as it was at any moment, what happened, and what was said")
    func replayed() async throws {
        let folder = try Folder()
        let replay = try await Self.record(Self.feed, to: folder.file)
        let shown = replay.feeds[0].feed
        func go(_ seconds: Int64) async throws -> [QueueRow] {
            _ = try await replay.perform(.go(to: ScriptedFeed.now.adding(milliseconds: -seconds * 1000)))
            return try await shown.queue(QueueQuery(), window: Self.all).rows
        }
        #expect(try await go(650).map(\.ref.id) == ["4Q6A"], "it was there before")
        #expect(try await Set(go(495).map(\.ref.id)) == ["4Q6A", "4Q7K"])
        #expect(
            try await go(495).allSatisfy { $0.destination == "mx:25" }, "where it goes is told by the first attempt")
        let deferred = try await go(300).first { $0.ref.id == "4Q7K" }
        #expect(deferred?.state == .deferred && deferred?.lastReply == "450 4.2.0 greylisted")
        #expect(try await shown.message("4Q7K")?.recipients.map(\.nextHops) == [["mx:25"]])
        #expect(try await shown.overview().queuedMessages == 2)
        let page = try await shown.transcript(SessionRef(node: "mx1", id: "out#9"), from: 0, count: 10)
        #expect(page?.lines.map(\.text) == ["220 mx", "EHLO a"])
        let last = try await go(0)
        #expect(Set(last.map(\.ref.id)) == ["4Q6A", "4Q8L"])
        #expect(last.first { $0.ref.id == "4Q8L" }?.destination == "mx.example.org:25", "as the node knows it now")
        let detail = try await shown.message("4Q7K")
        #expect(detail?.isSettled == true && detail?.attempts.map(\.outcome) == [.deferred, .relayed])
        let entries = try await shown.journal(JournalQuery(newestFirst: false), window: JournalRequest(count: 10)).rows
        #expect(entries.map(\.fact.kind) == [.deferred, .accepted, .deferred, .relayed, .accepted])
        #expect(entries[1].messageID == "<1@example.net>" && entries[1].user == "shop-app")
    }

    @Test("mail that no route took waited without an attempt")
    func unrouted() {
        let feed = ScriptedFeed()
        feed.journaled(.accepted, "4Q7K", before: 20, from: "ann@example.net")
        feed.journaled(
            .deferred, "4Q7K", before: 20, from: "ann@example.net", to: "bob@there.example", text: "no route")
        var message = PastMessage("4Q7K", feed.write { $0.journal }, node: "mx1")
        for entry in feed.write({ $0.journal }) { message.apply(entry) }
        #expect(message.row?.state == .deferred && message.detail.attempts.isEmpty)
    }

    @Test("what a time only tells to be forgotten for good was dropped before, and waits no more")
    func purged() throws {
        let feed = ScriptedFeed()
        feed.journaled(.purged, "4Q7K", before: 10, to: "bob@example.org", actor: "ops")
        let entries = feed.write { $0.journal }
        var message = PastMessage("4Q7K", entries, node: "mx1")
        #expect(message.row == nil)
        for entry in entries { message.apply(entry) }
        #expect(message.row == nil && message.detail.recipients.map(\.state) == [.dropped])
    }

    @Test("a time of which no journal tells is told, and no file is made")
    func nothing() async throws {
        let folder = try Folder()
        let past = PastRecorder([("mx1", Self.feed)], to: folder.file, .init(software: "hoptop 0.1.0"))
        await #expect(throws: RecordingError.self) {
            try await past.run(since: ScriptedFeed.now, until: ScriptedFeed.now.adding(milliseconds: 1000))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file))
    }

    @Test("a finished file is copied without its names, and shows as much")
    func redacted() async throws {
        let folder = try Folder()
        _ = try await Self.record(Self.feed, to: folder.file)
        let copy = folder.path + "/public.hoptop"
        _ = try RedactedCopy.make(of: RecordingFile(at: folder.file), at: copy)
        let text = try Rounds.text(of: copy)
        for secret in ["example.net", "example.org", "bob@", "old@", "the plan", "shop-app", "192.0.2"] {
            #expect(!text.contains(secret), "\(secret)")
        }
        let replay = try Replay(of: RecordingFile(at: copy), wall: { ScriptedFeed.now })
        _ = try await replay.perform(.go(to: ScriptedFeed.now.adding(milliseconds: -300_000)))
        #expect(try await replay.feeds[0].feed.queue(QueueQuery(), window: Self.all).matched == 2)
        #expect(throws: RecordingError.self) {
            try RedactedCopy.make(of: RecordingFile(at: copy), at: folder.path + "/again.hoptop")
        }
    }
}
