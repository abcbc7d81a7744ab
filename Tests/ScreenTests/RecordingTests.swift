import Foundation
import Mail
import Monitor
import Synchronization
import Testing

@testable import FeedTesting
@testable import Screen

/// All that a screen shows comes through its feed: what travelled through it, written down as JSON, shows the same again.
@Suite("a feed written down")
struct RecordingTests {
    @Test("the same keys over what was recorded paint the same pictures")
    func replayed() async throws {
        let tape = Tape()
        let keys: [Key] = [
            "2", "j", .enter, .escape, "f", "c", "a", "t", .enter, "T", "h", "z", "/", "d", "a", "n", .enter, "3",
            .enter,
            .escape, "1", .tab, .enter, "q",
        ]
        let seen = await self.pictures(of: RecordingFeed(feed: ScriptedFeed.busy, tape: tape), keys)
        let replayed = await self.pictures(of: ReplayedFeed(tape: tape), keys)
        #expect(seen.count == keys.count + 1)
        for (number, (one, other)) in zip(seen, replayed).enumerated() { #expect(one == other, "picture \(number)") }
        #expect(tape.missing == [])
    }

    private func pictures(of feed: some MonitorFeed, _ keys: [Key]) async -> [Canvas] {
        let screen = Screen(feeds: [FeedEntry(name: "mx1", feed: feed)], options: ScreenOptions { ScriptedFeed.now })
        await screen.start()
        await screen.settled()
        var pictures = [await screen.canvas]
        for key in keys {
            await screen.press(key)
            await screen.settled()
            pictures.append(await screen.canvas)
        }
        return pictures
    }
}

/// The answers to each question, in order, as JSON.
private final class Tape: Sendable {
    private let answers = Mutex<[String: [Data]]>([:])
    private let unanswered = Mutex<[String]>([])
    /// Questions that were asked and had not been when it was recorded.
    var missing: [String] { self.unanswered.withLock { $0 } }

    private static func key(_ method: String, _ arguments: [any Encodable & Sendable]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try method
            + arguments.map { String(decoding: try encoder.encode($0), as: UTF8.self) }.joined(separator: " ")
    }

    func record<Answer: Codable & Sendable>(
        _ method: String, _ arguments: any Encodable & Sendable..., answer: Answer
    ) throws -> Answer {
        let key = try Self.key(method, arguments)
        let data = try JSONEncoder().encode(answer)
        self.answers.withLock { $0[key, default: []].append(data) }
        return answer
    }

    /// The next answer to the question; the last one again, when it is asked oftener.
    func play<Answer: Codable & Sendable>(
        _ method: String, _ arguments: any Encodable & Sendable..., as type: Answer.Type = Answer.self
    ) throws -> Answer {
        let key = try Self.key(method, arguments)
        let data = self.answers.withLock { answers in
            (answers[key]?.count ?? 0) > 1 ? answers[key]?.removeFirst() : answers[key]?.first
        }
        guard let data else {
            self.unanswered.withLock { $0.append(key) }
            throw FeedError(.gone, key)
        }
        return try JSONDecoder().decode(Answer.self, from: data)
    }
}

private struct RecordingFeed<Feed: MonitorFeed>: MonitorFeed {
    let feed: Feed
    let tape: Tape

    func capabilities() async throws -> FeedCapabilities {
        try await self.tape.record("capabilities", answer: self.feed.capabilities())
    }
    func overview() async throws -> Overview { try await self.tape.record("overview", answer: self.feed.overview()) }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.tape.record("queue", query, window, answer: self.feed.queue(query, window: window))
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        try await self.tape.record("connections", query, window, answer: self.feed.connections(query, window: window))
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.tape.record("find", search, query, answer: self.feed.find(search, in: query))
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.tape.record("find", search, query, answer: self.feed.find(search, in: query))
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try await self.tape.record("facts", cursor, count, answer: self.feed.facts(after: cursor, count: count))
    }
    func message(_ id: String) async throws -> MessageDetail? {
        try await self.tape.record("message", id, answer: self.feed.message(id))
    }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        try await self.tape.record(
            "transcript", session, from, count, answer: self.feed.transcript(session, from: from, count: count))
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.tape.record("freeze", query, answer: self.feed.freeze(query))
    }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try await self.tape.record(
            "perform", action, targets, answer: self.feed.perform(action, on: targets, because: reason))
    }
    func undo(_ token: UndoToken) async throws -> Receipt {
        try await self.tape.record("undo", token, answer: self.feed.undo(token))
    }
    func rules() async throws -> [RuleRow] { try await self.tape.record("rules", answer: self.feed.rules()) }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try await self.tape.record("preview", terms, answer: self.feed.preview(terms))
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try await self.tape.record("standing", action, answer: self.feed.perform(action))
    }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try await self.tape.record("reroute", targets, via, answer: self.feed.reroute(targets, via: via))
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        try await self.tape.record("close", session, answer: self.feed.close(session))
    }
    func changes() -> AsyncStream<FeedChange> { self.feed.changes() }
}

private struct ReplayedFeed: MonitorFeed {
    let tape: Tape

    func capabilities() async throws -> FeedCapabilities { try self.tape.play("capabilities") }
    func overview() async throws -> Overview { try self.tape.play("overview") }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try self.tape.play("queue", query, window)
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { try self.tape.play("connections", query, window) }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try self.tape.play("find", search, query)
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try self.tape.play("find", search, query)
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try self.tape.play("facts", cursor, count)
    }
    func message(_ id: String) async throws -> MessageDetail? { try self.tape.play("message", id) }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        try self.tape.play("transcript", session, from, count)
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet { try self.tape.play("freeze", query) }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try self.tape.play("perform", action, targets)
    }
    func undo(_ token: UndoToken) async throws -> Receipt { try self.tape.play("undo", token) }
    func rules() async throws -> [RuleRow] { try self.tape.play("rules") }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview { try self.tape.play("preview", terms) }
    func perform(_ action: StandingAction) async throws -> Receipt { try self.tape.play("standing", action) }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try self.tape.play("reroute", targets, via)
    }
    func close(_ session: SessionRef) async throws -> Receipt { try self.tape.play("close", session) }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }
}
