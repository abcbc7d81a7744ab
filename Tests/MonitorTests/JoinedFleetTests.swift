import Mail
import Synchronization
import Testing

@testable import Monitor

/// Nodes that share a queue come and go, and each thing of it is told once all the same.
@Suite("nodes of one queue, as one, while they come and go")
struct JoinedFleetTests {
    private static let window = WindowRequest<MessageRef>(.row(number: 0), count: 100)

    /// - Parameter old: nodes of an earlier version, which tell of no others.
    private static func fleet(old: Set<String> = []) async throws -> (SharedQueue, [FleetFeed], JoinedFeed) {
        let queue = SharedQueue()
        let nodes = ["a", "b"].map { FleetFeed($0, queue, sharing: old.contains($0) ? nil : ["a", "b"]) }
        let joined = JoinedFeed(nodes.map { ($0.node, $0) }, patience: .seconds(300))
        _ = try await joined.capabilities()
        return (queue, nodes, joined)
    }

    @Test("facts go on from whichever node answers, each once")
    func facts() async throws {
        let (queue, nodes, joined) = try await Self.fleet()
        queue.write(1...3)
        var end = try await joined.facts(after: nil, count: 100).end
        var read: [Int64] = []
        for (number, away) in [(4, nil), (5, 0), (6, 0), (7, nil), (8, 1), (9, 0)] as [(Int64, Int?)] {
            queue.write(number...number)
            for (index, node) in nodes.enumerated() { node.isAway.store(index == away, ordering: .relaxed) }
            let page = try await joined.facts(after: end, count: 100)
            read += page.rows.map(\.at.milliseconds)
            end = page.end
        }
        #expect(read == Array(4...9))
    }

    @Test("a journal is paged through from whichever node answers", arguments: [true, false])
    func journal(_ newestFirst: Bool) async throws {
        let (queue, nodes, joined) = try await Self.fleet()
        queue.write(1...20)
        let query = JournalQuery(newestFirst: newestFirst)
        var (place, read) = (String?.none, [Int64]())
        for away in [nil, 0, 0, nil, nil, 1, 0, nil, nil, nil] as [Int?] {
            for (index, node) in nodes.enumerated() { node.isAway.store(index == away, ordering: .relaxed) }
            let page = try await joined.journal(query, window: JournalRequest(behind: place, count: 4))
            // The one that was told last may come again from another node.
            read += page.rows.map(\.fact.at.milliseconds).filter { $0 != read.last }
            place = page.end
            if page.isComplete { break }
        }
        #expect(read == (newestFirst ? (1...20).reversed() : Array(1...20)))
    }

    @Test("in the moment that the first is lost another tells what is common to them")
    func lost() async throws {
        let (queue, nodes, joined) = try await Self.fleet()
        queue.hold(["1": "a", "2": "b", "3": "a"])
        #expect(try await joined.overview().queuedMessages == 3)
        nodes[0].isAway.store(true, ordering: .relaxed)
        #expect(try await joined.overview().queuedMessages == 3)
        nodes[0].isAway.store(false, ordering: .relaxed)
        #expect(try await joined.overview().queuedMessages == 3)
        nodes[0].isAway.store(true, ordering: .relaxed)
        #expect(
            try await joined.queue(QueueQuery(), window: Self.window).rows.map(\.ref.id).sorted() == ["1", "2", "3"])
        nodes[0].isAway.store(false, ordering: .relaxed)
        _ = try await joined.overview()
        nodes[0].isAway.store(true, ordering: .relaxed)
        #expect(try await joined.rules().isEmpty)
        #expect(try await joined.freeze(QueueQuery()).messages == 3)
    }

    @Test("a rule is set once, also while the first does not answer")
    func rule() async throws {
        let (_, nodes, joined) = try await Self.fleet()
        let action = StandingAction.set(terms: StandingRule.Terms(.suspend(destination: "x:25")))
        nodes[0].isAway.store(true, ordering: .relaxed)
        _ = try await joined.overview()
        let receipt = try await joined.perform(action)
        #expect(receipt.remarks.isEmpty)
        nodes[0].isAway.store(false, ordering: .relaxed)
        _ = try await joined.overview()
        _ = try await joined.perform(action)
        #expect(nodes.map { $0.deeds.withLock { $0 } } == [["set"], ["set"]])
    }

    @Test("what a node has that does not answer is asked of another, and done there")
    func standIn() async throws {
        let (queue, nodes, joined) = try await Self.fleet()
        queue.hold(["1": "a", "2": "b"])
        let row = try #require(
            try await joined.queue(QueueQuery(), window: Self.window).rows.first { $0.ref.node == "a" })
        nodes[0].isAway.store(true, ordering: .relaxed)
        _ = try await joined.overview()
        let receipt = try await joined.perform(.hold, on: .messages(references: [row.ref], matching: .all))
        #expect(receipt.done == 1 && receipt.remarks.isEmpty)
        #expect(nodes[1].deeds.withLock { $0 } == ["hold 1"])
    }

    @Test("a window stays at its message when another node has that by now")
    func handedOver() async throws {
        let (queue, _, joined) = try await Self.fleet()
        queue.hold(["1": "a", "2": "b", "3": "a", "4": "b"])
        let row = try #require(
            try await joined.queue(QueueQuery(), window: Self.window).rows.first { $0.ref.id == "3" })
        #expect(row.ref.node == "a")
        queue.hold(["1": "a", "2": "b", "3": "b", "4": "b"])
        let anchor = WindowRequest<MessageRef>.Anchor.item(id: row.ref, offset: 0, fallback: 0)
        let window = try await joined.queue(QueueQuery(), window: WindowRequest(anchor, count: 1))
        #expect(window.rows.map(\.ref.id) == ["3"])
    }

    @Test("a node of an earlier version is shown beside the others: nothing is missing")
    func older() async throws {
        let (queue, _, joined) = try await Self.fleet(old: ["a"])
        queue.hold(["1": "a", "2": "b"])
        let rows = try await joined.queue(QueueQuery(), window: Self.window).rows
        #expect(Set(rows.map(\.ref.id)) == ["1", "2"])
    }

    @Test("a node that was never heard is waited for once in a question")
    func unheard() async throws {
        let (queue, nodes) = (SharedQueue(), ["a", "b"])
        let feeds = nodes.map { FleetFeed($0, queue, sharing: ["a", "b"]) }
        feeds[0].isAway.store(true, ordering: .relaxed)
        let joined = JoinedFeed(feeds.map { ($0.node, $0) }, patience: .seconds(300))
        _ = try await joined.queue(QueueQuery(), window: Self.window)
        let before = feeds[0].asked.load(ordering: .relaxed)
        _ = try await joined.queue(QueueQuery(), window: Self.window)
        #expect(feeds[0].asked.load(ordering: .relaxed) == before + 1)
    }
}

/// What the nodes of a fleet have in common.
private final class SharedQueue: Sendable {
    private let times = Mutex<[Int64]>([])
    private let holders = Mutex<[String: String]>([:])

    func write(_ times: ClosedRange<Int64>) { self.times.withLock { $0 += times } }
    func hold(_ holders: [String: String]) { self.holders.withLock { $0 = holders } }

    func facts(after cursor: String?, count: Int) -> FactWindow {
        let rows = self.times.withLock { $0 }.map {
            FactRow(at: Timestamp(milliseconds: $0), kind: .accepted, message: "1")
        }
        guard let start = cursor.flatMap({ Int($0) }) else {
            return FactWindow(rows: rows.suffix(count), end: "\(rows.count)")
        }
        let page = Array(rows.dropFirst(start).prefix(count))
        return FactWindow(rows: page, end: "\(start + page.count)")
    }
    func rows(as node: String) -> [QueueRow] {
        self.holders.withLock { $0 }.sorted { $0.key < $1.key }.map { id, holder in
            var row = QueueRow(
                ref: MessageRef(node: node, id: id, generation: 0),
                arrived: Timestamp(milliseconds: Int64(id) ?? 0), contentOctets: 1, state: .queued,
                recipients: RecipientCounts([.queued: 1]), from: "<>", to: "<>", tries: 0)
            row.holder = holder == node ? nil : holder
            return row
        }
    }
    var count: Int { self.holders.withLock { $0.count } }
}

/// A node of a fleet, which can be away.
private final class FleetFeed: MonitorFeed {
    let node: String
    let isAway = Atomic<Bool>(false)
    /// How often it was asked anything.
    let asked = Atomic<Int>(0)
    let deeds = Mutex<[String]>([])
    private let queue: SharedQueue
    private let sharing: [String]?

    init(_ node: String, _ queue: SharedQueue, sharing: [String]?) {
        self.node = node
        self.queue = queue
        self.sharing = sharing
    }
    private func check() throws {
        self.asked.add(1, ordering: .relaxed)
        if self.isAway.load(ordering: .relaxed) { throw FeedError(.unavailable, "it is away") }
    }

    func capabilities() async throws -> FeedCapabilities {
        try self.check()
        return FeedCapabilities(node: self.node, software: "hoptop", sharing: self.sharing)
    }
    func overview() async throws -> Overview {
        try self.check()
        let zero = Timestamp(milliseconds: 0)
        var overview = Overview(node: self.node, started: zero, at: zero)
        overview.queuedMessages = self.queue.count
        return overview
    }
    private func rows(_ query: QueueQuery) throws -> [QueueRow] {
        // One of an earlier version knows no such field, and has what it holds.
        guard self.sharing != nil else {
            if !query.filter.matchesAll { throw FeedError(.invalid, "there is no field node") }
            return self.queue.rows(as: self.node).filter { $0.holder == nil }
        }
        return self.queue.rows(as: self.node).filter { row in
            let holder = row.holder ?? self.node
            switch query.filter.text {
            case "": return true
            case "node=\(holder)": return true
            case "!node=\(holder)": return false
            default: return query.filter.text.hasPrefix("!")
            }
        }
    }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try self.check()
        // The oldest arrived first.
        let rows = try self.rows(query)
        let shown = window.rows(of: rows.count) { ref in rows.firstIndex { $0.ref.id == ref.id } }
        return Window(
            rows: Array(rows[shown]), first: shown.lowerBound, matched: rows.count, total: self.queue.count,
            at: Timestamp(milliseconds: 0))
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try self.check()
        return self.queue.facts(after: cursor, count: count)
    }
    /// Its places are its own: those of `b` are a thousand more.
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try self.check()
        let base = self.node == "b" ? 1000 : 0
        let all = self.queue.facts(after: "0", count: .max).rows
        let numbers = query.newestFirst ? Array(all.indices.reversed()) : Array(all.indices)
        let start = window.place.flatMap { Int($0) }.map { $0 - base } ?? (query.newestFirst ? all.count : 0)
        let matching = numbers.filter { number in
            (query.newestFirst ? number < start : number >= start)
                && (query.until.map { all[number].at < $0 } ?? true)
                && (query.since.map { all[number].at >= $0 } ?? true)
        }
        let taken = matching.prefix(window.count)
        let end = taken.last.map { query.newestFirst ? $0 : $0 + 1 } ?? start
        return JournalWindow(
            rows: taken.map {
                JournalEntry(ref: JournalRef(node: self.node, number: Int64(base + $0)), fact: all[$0])
            }, start: "\(start + base)", end: "\(end + base)", isComplete: taken.count == matching.count,
            reached: taken.last.map { all[$0].at }, total: all.count, at: Timestamp(milliseconds: 99))
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try self.check()
        let count = try self.rows(query).count
        return FrozenSet(id: FrozenSetID(node: self.node, id: 7), recipients: count, messages: count, sample: [])
    }
    func rules() async throws -> [RuleRow] {
        try self.check()
        return []
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try self.check()
        self.deeds.withLock { $0.append("set") }
        return Receipt(done: 1, messages: 1)
    }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try self.check()
        guard case .messages(let references, _) = targets else { throw FeedError(.invalid, "no messages") }
        for reference in references { self.deeds.withLock { $0.append("\(action.rawValue) \(reference.id)") } }
        return Receipt(done: references.count, messages: references.count)
    }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { _ in } }
}
