import Mail
import SeededRandom
import Synchronization
import Testing

@testable import Monitor

@Suite("what several nodes know, as one")
struct JoinedFeedTests {
    private static let now = Timestamp(milliseconds: 1_795_510_800_000)

    private static func joined(_ nodes: [FactsFeed], patience: Duration = .seconds(300)) -> JoinedFeed {
        JoinedFeed(nodes.map { ($0.node, $0) }, patience: patience, clock: { Self.now })
    }

    @Test("counts are added up, times are the worst, and each remark names its node")
    func overview() async throws {
        let nodes = [FactsFeed("a"), FactsFeed("b")]
        nodes[0].counts.withLock { overview in
            overview.queuedMessages = 3
            overview.received = [1, 2, 3]
            overview.relayP95 = 70
            overview.destinations = [
                DestinationAges(destination: "x:25", condition: .ok, total: 3, ages: AgeCounts([3])),
                DestinationAges(destination: "y:25", condition: .ok, total: 4, ages: AgeCounts([4])),
            ]
            overview.attention = [Attention(.warning, .deferring(destination: "x:25", reply: "450"), count: 9)]
        }
        nodes[1].counts.withLock { overview in
            overview.queuedMessages = 4
            overview.received = [10, 20]
            overview.relayP95 = 20
            overview.isAccepting = false
            overview.destinations = [
                DestinationAges(
                    destination: "x:25", condition: .backoff, reason: "refused", total: 5, ages: AgeCounts([0, 5]))
            ]
            overview.attention = [Attention(.failure, .spoolStalled(seconds: 4))]
        }
        let overview = try await Self.joined(nodes).overview()
        #expect(overview.node == "2 nodes")
        #expect(overview.queuedMessages == 7 && overview.relayP95 == 70 && !overview.isAccepting)
        #expect(overview.received == [1, 12, 23])
        #expect(overview.destinations.map(\.destination) == ["x:25", "y:25"])
        #expect(overview.destinations[0].condition == .backoff && overview.destinations[0].reason == "refused")
        #expect(overview.destinations[0].total == 8 && overview.destinations[0].ages.columns.prefix(2) == [3, 5])
        #expect(overview.attention.map(\.node) == ["b", "a"])
        #expect(overview.absent.isEmpty)
    }

    @Test("connections are added up, and so are shares of a limit; one of all nodes is told once")
    func limits() async throws {
        let nodes = [FactsFeed("a"), FactsFeed("b")]
        for node in nodes {
            node.counts.withLock { overview in
                overview.destinations = ["x:25", "y:25"].map {
                    DestinationAges(
                        destination: $0, condition: .ok, connections: 1, connectionLimit: 2, total: 0, ages: AgeCounts()
                    )
                }
                overview.destinations[1].isLimitOfAll = true
            }
        }
        let rows = try await Self.joined(nodes).overview().destinations
        #expect(rows.map(\.connections) == [2, 2])
        #expect(rows.map(\.connectionLimit) == [4, 2])
        #expect(rows.map(\.isLimitOfAll) == [nil, true])
    }

    @Test("a node that fails is named, and the others are shown; when all fail, so does the question")
    func absence() async throws {
        let nodes = [FactsFeed("a"), FactsFeed("b")]
        let joined = Self.joined(nodes)
        _ = try await joined.overview()
        nodes[1].isAway.store(true, ordering: .relaxed)
        let overview = try await joined.overview()
        #expect(overview.absent == [AbsentNode(node: "b", since: Self.now, reason: "it is away")])
        nodes[1].isAway.store(false, ordering: .relaxed)
        #expect(try await joined.overview().absent.isEmpty)
        for node in nodes { node.isAway.store(true, ordering: .relaxed) }
        await #expect(throws: FeedError.self) { try await joined.overview() }
    }

    @Test("a node that never answers is waited for once, and is back when it does")
    func silence() async throws {
        let nodes = [FactsFeed("a"), FactsFeed("b")]
        let joined = Self.joined(nodes, patience: .seconds(3))
        var changes = joined.changes().makeAsyncIterator()
        nodes[1].silence()
        #expect(try await joined.overview().absent.map(\.node) == ["b"])
        #expect(try await joined.overview().absent.map(\.node) == ["b"])
        #expect(nodes[1].asked.load(ordering: .relaxed) == 1)
        nodes[1].speak()
        let change = await changes.next()
        #expect(change == .missed(events: 0))
        #expect(try await joined.overview().absent.isEmpty)
    }

    @Test("two nodes of one name are not told apart, so that the second is left out and why is said")
    func sameName() async throws {
        let nodes = [FactsFeed("a"), FactsFeed("a")]
        let overview = try await Self.joined(nodes).overview()
        #expect(overview.absent.count == 1)
        #expect(overview.absent.first?.reason.contains("hostname of its own") == true)
    }

    @Test("facts come by time, page by page, none twice and none left out", arguments: [UInt64.random(in: 0..<1000)])
    func facts(_ seed: UInt64) async throws {
        var chance = SeededGenerator(seed: seed)
        let nodes = (0..<3).map { FactsFeed("n\($0)") }
        let joined = Self.joined(nodes)
        var end = try await joined.facts(after: nil, count: 5).end
        var read: [FactRow] = []
        var (written, time) = (0, Int64(0))
        for _ in 0..<40 {
            for _ in 0..<Int.random(in: 0...6, using: &chance) {
                time += 1
                written += 1
                nodes.randomElement(using: &chance)?.write(time)
            }
            let page = try await joined.facts(after: end, count: Int.random(in: 1...5, using: &chance))
            read += page.rows
            end = page.end
        }
        var page: FactWindow
        repeat {
            page = try await joined.facts(after: end, count: 4)
            read += page.rows
            end = page.end
        } while !page.rows.isEmpty
        #expect(read.map(\.at.milliseconds) == (0..<written).map { Int64($0 + 1) }, "seed \(seed)")
        #expect(read.allSatisfy { $0.node == $0.text })
        await #expect(throws: FeedError.self) { try await joined.facts(after: "7:x", count: 1) }
    }

    @Test(
        "a cursor is read as it was written",
        arguments: [[:], ["a": ""], ["mx 1:é": "3:4", "b": "::"]] as [[String: String]])
    func cursor(_ ends: [String: String]) {
        #expect(JoinedCursor(JoinedCursor(ends).description)?.ends == ends)
    }

    @Test("what was done at several nodes is taken back at each, and what failed can be taken back again")
    func undo() async throws {
        let nodes = [FactsFeed("a"), FactsFeed("b")]
        let joined = Self.joined(nodes)
        let set = try await joined.freeze(QueueQuery())
        #expect(set.recipients == 4 && set.id.node == "2 nodes")
        let dropped = try await joined.perform(.drop, on: .frozen(set: set.id))
        #expect(dropped.done == 2)
        let token = try #require(dropped.undo)
        nodes[1].isAway.store(true, ordering: .relaxed)
        let first = try await joined.undo(token)
        #expect(first.done == 1 && first.remarks.count == 1)
        nodes[1].isAway.store(false, ordering: .relaxed)
        let second = try await joined.undo(token)
        #expect(second.done == 1 && second.remarks.isEmpty)
        #expect(nodes.map { $0.deeds.withLock { $0 } } == [["drop 7", "undo 9"], ["drop 7", "undo 9"]])
        await #expect(throws: FeedError.self) { try await joined.undo(token) }
    }
}

/// A node that has facts, counts and actions, and can be away or silent.
private final class FactsFeed: MonitorFeed {
    let node: String
    let counts: Mutex<Overview>
    let isAway = Atomic<Bool>(false)
    let asked = Atomic<Int>(0)
    let deeds = Mutex<[String]>([])
    private let facts = Mutex<[FactRow]>([])
    private let held = Mutex<(isSilent: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    init(_ node: String) {
        self.node = node
        let zero = Timestamp(milliseconds: 0)
        self.counts = Mutex(Overview(node: node, started: zero, at: zero))
    }
    func write(_ time: Int64) {
        self.facts.withLock {
            $0.append(
                FactRow(at: Timestamp(milliseconds: time), kind: .accepted, message: "1", text: self.node))
        }
    }
    func silence() { self.held.withLock { $0.isSilent = true } }
    func speak() {
        let waiting = self.held.withLock { held in
            defer { held = (false, []) }
            return held.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
    private func check() throws {
        if self.isAway.load(ordering: .relaxed) { throw FeedError(.unavailable, "it is away") }
    }

    func capabilities() async throws -> FeedCapabilities { FeedCapabilities(node: self.node, software: "hoptop") }
    func overview() async throws -> Overview {
        try self.check()
        self.asked.add(1, ordering: .relaxed)
        await withCheckedContinuation { continuation in
            let isSilent = self.held.withLock { held in
                if held.isSilent { held.waiting.append(continuation) }
                return held.isSilent
            }
            if !isSilent { continuation.resume() }
        }
        return self.counts.withLock { $0 }
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        self.facts.withLock { facts in
            guard let start = cursor.flatMap({ Int($0) }) else {
                return FactWindow(rows: facts.suffix(count), end: "\(facts.count)")
            }
            let rows = Array(facts.dropFirst(start).prefix(count))
            return FactWindow(rows: rows, end: "\(start + rows.count)")
        }
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        FrozenSet(id: FrozenSetID(node: self.node, id: 7), recipients: 2, messages: 1, sample: [])
    }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        if case .frozen(let set) = targets, set.node == self.node {
            self.deeds.withLock { $0.append("\(action.rawValue) \(set.id)") }
        }
        return Receipt(done: 1, messages: 1, undo: UndoToken(node: self.node, id: 9))
    }
    func undo(_ token: UndoToken) async throws -> Receipt {
        try self.check()
        if token.node == self.node { self.deeds.withLock { $0.append("undo \(token.id)") } }
        return Receipt(done: 1, messages: 1)
    }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { _ in } }
}
