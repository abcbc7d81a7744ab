import Foundation
import Mail
import Monitor
import Testing

@testable import FeedTesting
@testable import Recording
@testable import Screen

@Suite("a recording, replayed")
struct ReplayTests {
    private static let keys: [Key] = [
        "2", "j", .enter, .escape, "f", "c", "a", "t", .enter, "/", "d", "a", "n", .enter, .enter, "i", .escape,
        .escape,
        "3", .enter, .escape, "e", "j", "j", .enter, .escape, "1", .tab, .enter,
    ]

    private func pictures(of feed: any MonitorFeed, _ playback: (any Playback)? = nil) async -> [String] {
        var options = ScreenOptions { ScriptedFeed.now }
        options.playback = playback
        let screen = Screen(feeds: [FeedEntry(name: "mx1", feed: feed)], options: options)
        await screen.start()
        await screen.settled()
        var pictures: [String] = []
        for key in Self.keys {
            await screen.press(key)
            await screen.settled()
            // Header, what could be done, and keys are the replay's own.
            pictures.append(
                await screen.canvas.text.split(separator: "\n").dropFirst().dropLast(3).joined(separator: "\n"))
        }
        return pictures
    }

    @Test("any view shows what it showed then: also what nobody looked at when it was recorded")
    func samePictures() async throws {
        let feed = ScriptedFeed.busy
        // As a relay has them.
        feed.write { $0.connections.sort { $0.started < $1.started } }
        let rounds = try Rounds(feed)
        try await rounds.look()
        try await rounds.tape.end()
        let replay = try rounds.replay()
        _ = try await replay.perform(.pause(true))
        #expect(replay.remark == nil)
        let live = await self.pictures(of: feed)
        let again = await self.pictures(of: replay.feeds[0].feed, replay)
        for (number, (one, other)) in zip(live, again).enumerated() {
            #expect(one == other, "after \(Self.keys[...number].map(\.label))")
        }
    }

    /// Three moments: a message waits; it is deferred; it is gone and another one is there.
    private func story() async throws -> Rounds {
        let feed = ScriptedFeed()
        feed.queued("4Q7K", from: "ann@example.net", to: "bob@example.org")
        let rounds = try Rounds(feed)
        try await rounds.look()
        feed.write { script in
            script.rows[0].state = .deferred
            script.rows[0].lastReply = "450 4.2.0 greylisted"
            script.facts = [
                FactRow(
                    at: ScriptedFeed.now, kind: .deferred, message: "4Q7K", to: "<bob@example.org>",
                    text: "450 greylisted")
            ]
        }
        try await rounds.look()
        feed.write { $0.rows = [] }
        feed.queued("4Q8L", from: "cat@example.net", to: "dan@example.org")
        try await rounds.look()
        try await rounds.tape.end()
        return rounds
    }

    private func queue(_ replay: Replay) async throws -> [String] {
        let window = try await replay.feeds[0].feed.queue(
            QueueQuery(), window: WindowRequest(.row(number: 0), count: 10))
        return window.rows.map { "\($0.ref.id) \($0.state.word)" }
    }

    @Test("steps go from change to change, forward and back, and time stands still")
    func steps() async throws {
        let replay = try await self.story().replay()
        #expect(try await self.queue(replay) == ["4Q7K queued"])
        #expect(try await replay.perform(.step(1)) == nil)
        #expect(try await self.queue(replay) == ["4Q7K deferred"])
        #expect(replay.position.at == ScriptedFeed.now.adding(milliseconds: 1000))
        #expect(replay.position.isPaused)
        #expect(try await replay.perform(.step(1)) == nil)
        #expect(try await self.queue(replay) == ["4Q8L queued"])
        _ = try await replay.perform(.step(-1))
        #expect(try await self.queue(replay) == ["4Q7K deferred"])
        _ = try await replay.perform(.step(-1))
        #expect(try await self.queue(replay) == ["4Q7K queued"])
        #expect(try await replay.perform(.step(-1)) == "nothing changed before")
        #expect(try await self.queue(replay) == ["4Q7K queued"])
    }

    @Test("a failure is found, and what failed is said")
    func failures() async throws {
        let replay = try await self.story().replay()
        let words = try await replay.perform(.failure(isForward: true))
        #expect(words == "deferred 4Q7K <bob@example.org>: 450 greylisted")
        #expect(replay.position.at == ScriptedFeed.now.adding(milliseconds: 1000))
        #expect(try await replay.perform(.failure(isForward: true)) == "no failure comes after this")
        _ = try await replay.perform(.go(to: replay.position.ends))
        #expect(try await self.queue(replay) == ["4Q8L queued"])
        #expect(try await replay.perform(.failure(isForward: false)) == words)
        #expect(try await self.queue(replay) == ["4Q7K deferred"])
    }

    @Test("time goes on at the speed that is asked for, and ends with the recording")
    func speed() async throws {
        let clock = TestClock()
        let story = try await self.story()
        let replay = try Replay(of: RecordingFile(at: story.folder.file), wall: { clock.now })
        clock.pass(999)
        try await replay.advance()
        #expect(try await self.queue(replay) == ["4Q7K queued"])
        clock.pass(1)
        try await replay.advance()
        #expect(try await self.queue(replay) == ["4Q7K deferred"])
        _ = try await replay.perform(.speed(10))
        clock.pass(50)
        #expect(replay.position.at == ScriptedFeed.now.adding(milliseconds: 1500))
        _ = try await replay.perform(.pause(true))
        clock.pass(1000)
        #expect(replay.position.at == ScriptedFeed.now.adding(milliseconds: 1500))
        _ = try await replay.perform(.pause(false))
        clock.pass(1000)
        try await replay.advance()
        #expect(replay.position.isAtEnd)
        #expect(try await self.queue(replay) == ["4Q8L queued"])
        await #expect(throws: FeedError.self) { try await replay.perform(.speed(0)) }
    }

    @Test("a node that did not answer does not answer in the replay either, until it did again")
    func silence() async throws {
        let feed = ScriptedFeed.busy
        let rounds = try Rounds(feed)
        try await rounds.look()
        feed.write { $0.isAway = true }
        try await rounds.look()
        feed.write { $0.isAway = false }
        try await rounds.look()
        try await rounds.tape.end()
        let replay = try rounds.replay()
        #expect(
            try await replay.perform(.failure(isForward: true)) == "the node does not answer: the relay does not answer"
        )
        await #expect(throws: FeedError(.unavailable, "the relay does not answer")) {
            try await replay.feeds[0].feed.overview()
        }
        _ = try await replay.perform(.step(1))
        #expect(try await replay.feeds[0].feed.overview().node == "mx1")
    }

    @Test("a message that was not asked about again is as its row says, and the preview agrees with it")
    func newerRow() async throws {
        let feed = ScriptedFeed.busy
        let rounds = try Rounds(feed)
        feed.write { script in
            script.rows[1].ref.generation = 9
            script.rows[1].lastReply = "451 4.3.0 later"
        }
        try await rounds.look()
        try await rounds.tape.end()
        let replay = try rounds.replay()
        let detail = try #require(try await replay.feeds[0].feed.message("4Q6A"))
        #expect(detail.ref.generation == 9)
        #expect(detail.recipients.map(\.lastReply) == ["451 4.3.0 later"])
    }

    @Test("nothing can be done to what is over")
    func inert() async throws {
        let replay = try await self.story().replay()
        let feed = replay.feeds[0].feed
        #expect(try await feed.capabilities().abilities.isEmpty)
        await #expect(throws: FeedError.self) { try await feed.freeze(QueueQuery()) }
        await #expect(throws: FeedError.self) {
            try await feed.perform(.drop, on: .messages(references: [], matching: .all))
        }
    }

    @Test(
        "a moment as it is typed",
        arguments: [
            ("start", 0), ("end", 7200), ("10:30", 5400), ("09:00", 0), ("09:30:05", 1805), ("+5m", 3900),
            ("-30s", 3570), ("50%", 3600), ("2026-11-24T10:15", 4500), ("08:00", nil), ("12:60", nil), ("soon", nil),
        ] as [(String, Int64?)])
    func times(_ text: String, _ seconds: Int64?) {
        let now = ScriptedFeed.now
        let position = PlaybackPosition(
            at: now.adding(milliseconds: 3_600_000), begins: now, ends: now.adding(milliseconds: 7_200_000))
        let time = position.time(text)
        // A time of day that it has not is outside of it.
        let found = time.flatMap { $0 <= position.ends ? $0.since(now) / 1000 : nil }
        #expect(found == seconds)
    }
}
