import Foundation
import Mail
import Monitor
import SMTP
import Synchronization

/// A feed whose answers a test writes down; it remembers what was done to it.
final class ScriptedFeed: MonitorFeed {
    struct Script: Sendable {
        var rows: [QueueRow] = []
        var connections: [ConnectionRow] = []
        var details: [String: MessageDetail] = [:]
        var transcripts: [SessionRef: [TranscriptLine]] = [:]
        var facts: [FactRow] = []
        var overview: Overview
        var performed: [String] = []
    }
    static let now = Timestamp(milliseconds: 1_795_510_800_000)  // 2026-11-24T09:00:00Z
    private let script: Mutex<Script>
    let node: String

    init(node: String = "mx1") {
        self.node = node
        self.script = Mutex(
            Script(
                overview: Overview(
                    node: node, started: Self.now.adding(milliseconds: -93_600_000), at: Self.now,
                    listening: ["127.0.0.1:2525"], sessionsInLimit: 1000)))
    }

    func write<Value: Sendable>(_ body: @Sendable (inout Script) -> Value) -> Value {
        self.script.withLock { body(&$0) }
    }
    var performed: [String] { self.write { $0.performed } }

    func capabilities() async throws -> FeedCapabilities { FeedCapabilities(node: self.node, software: "hoptop 0.1.0") }
    func overview() async throws -> Overview { self.write { $0.overview } }

    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        let all = self.write { $0.rows }
        let found = all.filter { row in
            query.filter.matches(QueueRowSubject(row, at: Self.now))
        }
        let sorted = found.sorted { left, right in
            let order =
                query.sort == .size
                ? (left.contentOctets ?? 0) < (right.contentOctets ?? 0) : left.arrived > right.arrived
            return query.descending ? !order : order
        }
        return Window(rows: sorted, first: 0, matched: sorted.count, total: all.count, at: Self.now)
    }

    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        let rows = self.write { $0.connections }
        return Window(rows: rows, first: 0, matched: rows.count, total: rows.count, at: Self.now)
    }

    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        self.write { script in
            let rows = script.facts.dropFirst(cursor.flatMap { Int($0) } ?? 0)
            return FactWindow(rows: Array(rows), end: "\(script.facts.count)")
        }
    }
    func message(_ id: String) async throws -> MessageDetail? { self.write { $0.details[id] } }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        self.write { script in
            guard let lines = script.transcripts[session],
                let row = script.connections.first(where: { $0.ref == session })
            else { return nil }
            return TranscriptPage(
                session: row, lines: Array(lines.dropFirst(from).prefix(count)), end: lines.count, elided: 0)
        }
    }

    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        let rows = try await self.queue(query, window: WindowRequest(.row(number: 0), count: .max)).rows
        return search.rows(of: rows.count)
            .first { search.wanted.matches(QueueRowSubject(rows[$0], at: Self.now)) }
            .map { SearchHit(rows[$0].ref, row: $0) }
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        let rows = self.write { $0.connections }
        return search.rows(of: rows.count)
            .first { search.wanted.matches(ConnectionSubject(rows[$0], at: Self.now)) }
            .map { SearchHit(rows[$0].ref, row: $0) }
    }

    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        let rows = try await self.queue(query, window: WindowRequest(.row(number: 0), count: 10)).rows
        return FrozenSet(
            id: FrozenSetID(node: self.node, id: 1), recipients: rows.reduce(0) { $0 + $1.recipients.unsettled },
            messages: rows.count, sample: Array(rows.prefix(5)))
    }

    func perform(_ action: QueueAction, on targets: Targets) async throws -> Receipt {
        self.write { script in
            let ids: [String] =
                switch targets {
                case .messages(let references, _): references.map(\.id)
                case .recipients(let references): references.map { "\($0.message)/\($0.index)" }
                case .frozen: script.rows.map(\.ref.id)
                }
            script.performed.append("\(action.rawValue) \(ids.joined(separator: " "))")
            if action == .drop { script.rows.removeAll { ids.contains($0.ref.id) } }
            return Receipt(
                done: ids.count, messages: ids.count,
                undo: action == .drop ? UndoToken(node: self.node, id: 7) : nil,
                undoUntil: action == .drop ? Self.now.adding(milliseconds: 600_000) : nil)
        }
    }
    func undo(_ token: UndoToken) async throws -> Receipt {
        self.write { $0.performed.append("undo \(token.id)") }
        return Receipt(done: 1, messages: 1)
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        self.write { $0.performed.append("close \(session.id)") }
        return Receipt(done: 1, messages: 0)
    }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }
}

// MARK: what stands in it

extension ScriptedFeed {
    @discardableResult
    func queued(
        _ id: String, from: String, to: String, state: RecipientState = .queued, age minutes: Int64 = 1,
        octets: Int = 4096, reply: String? = nil, next seconds: Int64? = nil, recipients: Int = 1
    ) -> QueueRow {
        var counts = RecipientCounts()
        counts[state] = recipients
        let row = QueueRow(
            ref: MessageRef(node: self.node, id: id, generation: 0),
            arrived: Self.now.adding(milliseconds: -minutes * 60_000), contentOctets: octets, state: state,
            recipients: counts, from: "<\(from)>", to: "<\(to)>", tries: reply == nil ? 0 : 1,
            nextAttempt: seconds.map { Self.now.adding(milliseconds: $0 * 1000) }, destination: "mx.example.org:25",
            lastReply: reply)
        self.write { script in
            script.rows.append(row)
            script.overview.queuedMessages = script.rows.count
            script.overview.queuedOctets += octets
            script.overview.recipients[state] += recipients
        }
        return row
    }

    /// A node with a bit of everything.
    static var busy: ScriptedFeed {
        let feed = ScriptedFeed()
        feed.queued("4Q7K", from: "ann@example.net", to: "bob@example.org")
        feed.queued(
            "4Q6A", from: "cat@example.net", to: "dan@example.com", state: .deferred, age: 20, octets: 220_000,
            reply: "450 4.2.0 greylisted", next: 900)
        feed.queued("4Q5B", from: "", to: "eve@example.net", state: .hold, age: 300, octets: 1500)
        let session = SessionRef(node: "mx1", id: "out#9")
        feed.write { script in
            var row = ConnectionRow(
                ref: session, direction: .outbound, peer: "192.0.2.1:25", name: "mx.example.org:25", phase: .content,
                started: Self.now.adding(milliseconds: -12_000), lastActivity: Self.now, message: "4Q7K",
                contentOctetsDone: 2048, contentOctets: 4096)
            row.messages = 3
            script.connections = [
                row,
                ConnectionRow(
                    ref: SessionRef(node: "mx1", id: "in#41"), direction: .inbound, peer: "192.0.2.7:40112",
                    name: "client.example", phase: .rcpt, started: Self.now.adding(milliseconds: -3000),
                    lastActivity: Self.now.adding(milliseconds: -1000), messages: 0),
            ]
            let said: [(TranscriptLine.Speaker, String)] = [
                (.relay, "connected 192.0.2.9:40000 -> 192.0.2.1:25"), (.server, "220 mx.example.org ESMTP"),
                (.client, "EHLO mx1"), (.server, "250 mx.example.org"), (.client, "MAIL FROM:<ann@example.net>"),
                (.server, "250 2.1.0 Ok"),
            ]
            script.transcripts[session] = said.enumerated().map { index, line in
                TranscriptLine(
                    number: index, at: Self.now.adding(milliseconds: Int64(index * 20 - 12_000)), speaker: line.0,
                    text: line.1)
            }
            script.details["4Q6A"] = MessageDetail(
                ref: script.rows[1].ref, arrived: script.rows[1].arrived, contentOctets: 220_000,
                from: "<cat@example.net>", peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTP",
                subject: "the plan", header: "Subject: the plan\n", text: "As agreed.\n",
                recipients: [
                    RecipientDetail(
                        ref: RecipientRef(node: "mx1", message: "4Q6A", index: 0, generation: 1),
                        forwardPath: "<dan@example.com>", state: .deferred, tries: 1,
                        nextAttempt: Self.now.adding(milliseconds: 900_000), lastReply: "450 4.2.0 greylisted",
                        why: .retryTime, nextHops: ["mx.example.org:25"], ahead: ["example.com"])
                ],
                attempts: [
                    AttemptRow(
                        recipientIndex: 0, at: Self.now.adding(milliseconds: -600_000), milliseconds: 320,
                        nextHop: "mx.example.org:25", outcome: .deferred, reply: "450 4.2.0 greylisted",
                        session: session)
                ], expires: Self.now.adding(milliseconds: 4 * 86_400_000))
            script.overview.attention = [
                Attention(
                    .warning, .backoff(destination: "mx.example.org:25", reason: "connection refused", until: nil),
                    count: 1, door: FilterExpression(.dest, is: "mx.example.org:25"))
            ]
            script.overview.destinations = [
                DestinationAges(
                    destination: "mx.example.org:25", condition: .backoff, reason: "connection refused",
                    until: Self.now.adding(milliseconds: 120_000), total: 3,
                    ages: AgeCounts([1, 0, 0, 1, 0, 0, 1, 0, 0, 0]))
            ]
            script.facts = [
                FactRow(
                    at: Self.now.adding(milliseconds: -1000), kind: .accepted, message: "4Q7K",
                    from: "<ann@example.net>", text: "192.0.2.7:40112", contentOctets: 4096)
            ]
        }
        return feed
    }
}

/// Another feed as a remote one would be: every value goes through JSON, every answer takes a while, and there is neither
/// undo nor a transcript.
struct CodedFeed<Feed: MonitorFeed>: MonitorFeed {
    let feed: Feed

    private func coded<Value: Codable & Sendable>(_ value: Value) async throws -> Value {
        try await Task.sleep(for: .milliseconds(50))
        return try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }

    func capabilities() async throws -> FeedCapabilities {
        var capabilities = try await self.feed.capabilities()
        capabilities.abilities.remove(.undo)
        capabilities.areas.remove(.transcripts)
        return try await self.coded(capabilities)
    }
    func overview() async throws -> Overview { try await self.coded(self.feed.overview()) }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.coded(self.feed.queue(self.coded(query), window: self.coded(window)))
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        try await self.coded(self.feed.connections(self.coded(query), window: self.coded(window)))
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try await self.coded(self.feed.facts(after: self.coded(cursor), count: count))
    }
    func message(_ id: String) async throws -> MessageDetail? { try await self.coded(self.feed.message(id)) }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        throw FeedError(.unsupported, "this feed has no transcripts")
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.coded(self.feed.freeze(self.coded(query)))
    }
    func perform(_ action: QueueAction, on targets: Targets) async throws -> Receipt {
        var receipt = try await self.coded(self.feed.perform(action, on: self.coded(targets)))
        receipt.undo = nil
        return receipt
    }
    func undo(_ token: UndoToken) async throws -> Receipt { throw FeedError(.unsupported, "this feed cannot undo") }
    func close(_ session: SessionRef) async throws -> Receipt {
        try await self.coded(self.feed.close(self.coded(session)))
    }
    func changes() -> AsyncStream<FeedChange> { self.feed.changes() }
}
