import Mail
import SMTP
import SeededRandom
import Synchronization
import Testing

@testable import Monitor

@Suite("several nodes' lists as one")
struct JoinedListTests {
    /// Windows of all kinds over the joined list and over one big list, with queries, sizes and ties by chance.
    @Test("joined windows are those of one big feed", arguments: [UInt64.random(in: 0..<1_000_000), 1, 7])
    func windows(_ seed: UInt64) async throws {
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<15 {
            let nodes = ListFeed.random(&chance)
            let whole = ListFeed("all", nodes.flatMap(\.rows))
            let joined = JoinedFeed(nodes.map { ($0.node, $0) })
            for _ in 0..<8 {
                let query = QueueQuery(
                    filter: Bool.random(using: &chance) ? .all : FilterExpression(.state, is: "deferred"),
                    sort: QueueQuery.SortKey.allCases.randomElement(using: &chance) ?? .age,
                    descending: Bool.random(using: &chance))
                let request = whole.request(query, &chance)
                let expected = try await whole.queue(query, window: request)
                let window = try await joined.queue(query, window: request)
                #expect(window == expected, "seed \(seed): \(query) \(request) of \(nodes.map(\.rows.count))")
            }
        }
    }

    @Test("a search goes round over the joined order", arguments: [UInt64.random(in: 0..<1_000_000), 3])
    func search(_ seed: UInt64) async throws {
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<15 {
            let nodes = ListFeed.random(&chance)
            let whole = ListFeed("all", nodes.flatMap(\.rows))
            let joined = JoinedFeed(nodes.map { ($0.node, $0) })
            for _ in 0..<6 {
                let query = QueueQuery(
                    sort: QueueQuery.SortKey.allCases.randomElement(using: &chance) ?? .age,
                    descending: Bool.random(using: &chance))
                let search = SearchRequest(
                    FilterExpression(.try, is: "\(Int.random(in: 0..<5, using: &chance))"),
                    from: Int.random(in: -3..<60, using: &chance), isForward: Bool.random(using: &chance))
                let expected = try await whole.find(search, in: query)
                let hit = try await joined.find(search, in: query)
                #expect(hit == expected, "seed \(seed): \(query) \(search) of \(nodes.map(\.rows.count))")
            }
        }
    }

    @Test("any row of a million is found by looking at few, and the next window costs one round")
    func calls() async throws {
        let nodes = (0..<4).map { CountedList(node: $0, of: 4, count: 250_000) }
        let joined = JoinedFeed(nodes.map { ("\($0.place)", $0) })
        let query = QueueQuery(descending: false)
        func calls() -> Int { nodes.reduce(0) { $0 + $1.calls.load(ordering: .relaxed) } }
        var most = 0
        for row in [500_000, 1, 123_456, 999_000, 700_001, 333_333] {
            let before = calls()
            let window = try await joined.queue(query, window: WindowRequest(.row(number: row), count: 30))
            most = max(most, calls() - before)
            #expect(window.first == row && window.matched == 1_000_000)
            #expect(window.rows.map(\.tries) == Array(row..<row + 30))
        }
        // 2 log2 n rounds of 4 lists, and no more.
        #expect(most <= 4 * 40, "\(most) calls")
        print("a row of a million on 4 nodes: \(most) calls at most")
        let before = calls()
        let again = try await joined.queue(query, window: WindowRequest(.row(number: 333_340), count: 30))
        #expect(again.rows.first?.tries == 333_340)
        #expect(calls() - before == 4)
    }

    @Test("lists that change between the questions give real rows, each once", arguments: [UInt64.random(in: 0..<1000)])
    func moving(_ seed: UInt64) async throws {
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let nodes = ListFeed.random(&chance)
            for node in nodes { node.changes(by: chance.next()) }
            let joined = JoinedFeed(nodes.map { ($0.node, $0) })
            for _ in 0..<5 {
                let query = QueueQuery(sort: .tries, descending: Bool.random(using: &chance))
                let request = ListFeed("all", nodes.flatMap(\.rows)).request(query, &chance)
                let window = try await joined.queue(query, window: request)
                #expect(window.rows.count <= request.count)
                #expect(window.first >= 0)
                #expect(window.first + window.rows.count <= window.matched || window.rows.isEmpty, "seed \(seed)")
                let search = SearchRequest(.all, from: 3)
                _ = try await joined.find(search, in: query)
            }
        }
    }

    @Test("sessions are joined in the order of each key", arguments: ConnectionQuery.SortKey.allCases)
    func sessions(_ key: ConnectionQuery.SortKey) {
        let rows = (0..<12).map { number in
            ConnectionRow(
                ref: SessionRef(node: "n\(number % 3)", id: "in#\(number)"), direction: .inbound,
                peer: "192.0.2.\(number % 2):1", phase: number % 2 == 0 ? .mail : .idle,
                started: Timestamp(milliseconds: Int64(number / 4)),
                lastActivity: Timestamp(milliseconds: Int64(number % 5)), messages: number % 4)
        }
        for descending in [false, true] {
            let query = ConnectionQuery(sort: key, descending: descending)
            for left in rows {
                for right in rows where left != right {
                    #expect(query.isBefore(left, right) != query.isBefore(right, left))
                }
            }
        }
    }
}

/// A feed that has a queue and nothing else.
final class ListFeed: MonitorFeed {
    let node: String
    private let state: Mutex<(rows: [QueueRow], chance: SeededGenerator?)>
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)

    init(_ node: String, _ rows: [QueueRow]) {
        self.node = node
        self.state = Mutex((rows, nil))
    }
    var rows: [QueueRow] { self.state.withLock { $0.rows } }
    /// From now on it changes with each question.
    func changes(by seed: UInt64) { self.state.withLock { $0.chance = SeededGenerator(seed: seed) } }

    /// One to five nodes with rows of which many are alike, also in their queue IDs.
    static func random(_ chance: inout SeededGenerator) -> [ListFeed] {
        (0..<Int.random(in: 1...5, using: &chance)).map { place in
            let count = Bool.random(using: &chance) ? Int.random(in: 0...9, using: &chance) : 120
            return ListFeed("n\(place)", (0..<count).map { self.row($0, "n\(place)", &chance) })
        }
    }

    private static func row(_ number: Int, _ node: String, _ chance: inout SeededGenerator) -> QueueRow {
        func few(_ count: Int) -> Int { Int.random(in: 0..<count, using: &chance) }
        let id = QueueID(seconds: Int64(number), node: 0, sequence: 7)
        return QueueRow(
            ref: MessageRef(node: node, id: id.description, generation: few(3)),
            arrived: Self.now.adding(milliseconds: -Int64(few(20)) * 1000), contentOctets: few(9) == 0 ? nil : few(5),
            state: few(2) == 0 ? .deferred : .queued, recipients: RecipientCounts([.queued: 1]), from: "<s\(few(3))@c>",
            to: "<u\(few(12))@a-domain-that-is-long.example>", tries: few(5),
            nextAttempt: few(3) == 0 ? nil : Self.now.adding(milliseconds: Int64(few(4))))
    }

    /// A window of any kind.
    func request(_ query: QueueQuery, _ chance: inout SeededGenerator) -> WindowRequest<MessageRef> {
        let count = [0, 1, 3, 30, 200].randomElement(using: &chance) ?? 1
        let number = Int.random(in: -2...max(1, self.rows.count + 5), using: &chance)
        switch Int.random(in: 0..<3, using: &chance) {
        case 0: return WindowRequest(.row(number: number), count: count)
        case 1: return WindowRequest(.last, count: count)
        default:
            let rows = self.found(query)
            let offset = Int.random(in: 0...max(0, count - 1), using: &chance)
            let gone = MessageRef(node: "n0", id: "GONE", generation: 0)
            let id = Int.random(in: 0..<5, using: &chance) == 0 ? gone : rows.randomElement(using: &chance)?.ref ?? gone
            return WindowRequest(.item(id: id, offset: offset, fallback: number), count: count)
        }
    }

    private func found(_ query: QueueQuery) -> [QueueRow] {
        self.rows.filter { query.filter.matches(QueueRowSubject($0, at: Self.now)) }.sorted(by: query.isBefore)
    }

    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        let node = self.node
        self.state.withLock { state in
            guard var chance = state.chance else { return }
            for _ in 0..<3 where Bool.random(using: &chance) && !state.rows.isEmpty {
                state.rows.remove(at: Int.random(in: 0..<state.rows.count, using: &chance))
            }
            for number in 0..<2 where Bool.random(using: &chance) {
                state.rows.append(
                    Self.row(1000 + number + Int.random(in: 0..<1_000_000, using: &chance), node, &chance))
            }
            state.chance = chance
        }
        let found = self.found(query)
        let shown = window.rows(of: found.count) { ref in
            found.firstIndex { $0.ref.id == ref.id && $0.ref.node == ref.node }
        }
        return Window(
            rows: Array(found[shown]), first: shown.lowerBound, matched: found.count, total: self.rows.count,
            at: Self.now)
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        let found = self.found(query)
        return search.rows(of: found.count)
            .first { search.wanted.matches(QueueRowSubject(found[$0], at: Self.now)) }
            .map { SearchHit(found[$0].ref, row: $0) }
    }
    func capabilities() async throws -> FeedCapabilities { FeedCapabilities(node: self.node, software: "") }
}

/// A long list that is made as it is asked for: every so many of the numbers from 0, which are its messages' tries.
final class CountedList: MonitorFeed {
    let place: Int
    private let step: Int
    private let count: Int
    let calls = Atomic<Int>(0)

    init(node place: Int, of step: Int, count: Int) {
        self.place = place
        self.step = step
        self.count = count
    }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        self.calls.add(1, ordering: .relaxed)
        let shown = window.rows(of: self.count) { _ in nil }
        let rows = shown.map { number in
            let value = number * self.step + self.place
            return QueueRow(
                ref: MessageRef(node: "\(self.place)", id: QueueID(rawValue: Int64(value)).description, generation: 0),
                arrived: Timestamp(milliseconds: -Int64(value)), contentOctets: 1, state: .queued,
                recipients: RecipientCounts([.queued: 1]), from: "<>", to: "<>", tries: value)
        }
        return Window(
            rows: rows, first: shown.lowerBound, matched: self.count, total: self.count, at: Timestamp(milliseconds: 0))
    }
    func capabilities() async throws -> FeedCapabilities { FeedCapabilities(node: "\(self.place)", software: "") }
}

// What such a feed is not asked.
private let notAsked = FeedError(.unsupported, "this feed has a queue and nothing else")

extension MonitorFeed {
    func capabilities() async throws -> FeedCapabilities { throw notAsked }
    func overview() async throws -> Overview { throw notAsked }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        throw notAsked
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { throw notAsked }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? { throw notAsked }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        throw notAsked
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow { throw notAsked }
    func message(_ id: String) async throws -> MessageDetail? { throw notAsked }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? { throw notAsked }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet { throw notAsked }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        throw notAsked
    }
    func undo(_ token: UndoToken) async throws -> Receipt { throw notAsked }
    func close(_ session: SessionRef) async throws -> Receipt { throw notAsked }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }
}
