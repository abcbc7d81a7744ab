import Mail
import Monitor
import NIOCore
import NIOPosix
import SMTP
import Screen
import Synchronization

extension Case {
    /// Frames painted, and compared with the one before.
    static let screen: [Case] = [(80, 24), (200, 60)].flatMap { columns, rows in
        [("overview", "1"), ("queue", "2")].map { view, key in
            Case("screen/\(view) \(columns)x\(rows)", unit: "frame", steps: 50) {
                var frames = try Frames(columns: columns, rows: rows, key: Character(key))
                return {
                    let changed = try frames.next()
                    precondition(changed > 0, "a second went by, and nothing changed")
                }
            }
        }
    }
}

/// A screen on which a second goes by from frame to frame.
private struct Frames {
    private static let start = Timestamp(milliseconds: 1_800_000_000_000)
    private let screen: Screen
    private let seconds = Seconds()
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private var shown: Canvas

    /// - Parameter key: of the view.
    init(columns: Int, rows: Int, key: Character) throws {
        let seconds = self.seconds
        var options = ScreenOptions { Self.start.adding(milliseconds: seconds.passed.load(ordering: .relaxed) * 1000) }
        options.columns = columns
        options.rows = rows
        let screen = Screen(feeds: [FeedEntry(name: "mx1", feed: StillFeed(at: Self.start))], options: options)
        self.screen = screen
        self.shown = try self.loop.makeFutureWithTask {
            await screen.start()
            await screen.settled()
            await screen.press(.character(key))
            await screen.settled()
            return await screen.canvas
        }.wait()
    }

    /// - Returns: how many cells a terminal would have to be sent.
    mutating func next() throws -> Int {
        self.seconds.passed.add(1, ordering: .relaxed)
        let screen = self.screen
        let canvas = try self.loop.makeFutureWithTask { await screen.canvas }.wait()
        defer { self.shown = canvas }
        guard canvas != self.shown else { return 0 }
        return zip(canvas.cells, self.shown.cells).count { $0 != $1 }
    }

    private final class Seconds: Sendable { let passed = Atomic<Int64>(0) }
}

/// A feed of a busy node on which nothing moves.
private struct StillFeed: MonitorFeed {
    private let rows: [QueueRow]
    private let shown: Overview
    private let happened: [FactRow]

    init(at now: Timestamp) {
        self.rows = (1...200).map { Self.row($0, at: now) }
        self.happened = (1...200).map { Self.fact($0, at: now) }
        var overview = Overview(
            node: "mx1", started: now.adding(milliseconds: -93_600_000), at: now, listening: ["127.0.0.1:2525"],
            queuedMessages: 200, queuedOctets: 82_000_000,
            recipients: RecipientCounts([.queued: 50, .active: 50, .deferred: 50, .hold: 50]),
            received: (0..<60).map { $0 % 17 * 40 }, relayed: (0..<60).map { $0 % 13 * 50 }, sessionsIn: 20,
            sessionsInLimit: 1000, sessionsOut: 20)
        overview.destinations = (1...40).map { number in
            DestinationAges(
                destination: "mx\(number).example.org:25", condition: number % 4 == 0 ? .backoff : .ok,
                reason: number % 4 == 0 ? "connection refused" : nil, total: 400 / number,
                ages: AgeCounts((0..<10).map { $0 * 40 / number }))
        }
        overview.attention = [
            Attention(
                .warning, .backoff(destination: "mx4.example.org:25", reason: "connection refused", until: nil),
                count: 100)
        ]
        self.shown = overview
    }

    private static func row(_ number: Int, at now: Timestamp) -> QueueRow {
        let state = [RecipientState.queued, .active, .deferred, .hold][number % 4]
        let arrived = now.adding(milliseconds: -997 * Int64(number))
        var row = QueueRow(
            ref: MessageRef(node: "mx1", id: "DFTG\(100_000 + number)", generation: 0), arrived: arrived,
            contentOctets: 4096 * number, state: state, recipients: RecipientCounts([state: 1 + number % 3]),
            from: "<ann@example.net>", to: "<user\(number)@example.org>", tries: number % 5,
            destination: "mx.example.org:25")
        if state == .deferred {
            row.nextAttempt = now.adding(milliseconds: 1000 * Int64(number))
            row.lastReply = "450 4.2.0 <user\(number)@example.org>: greylisted, try again"
        }
        return row
    }

    private static func fact(_ number: Int, at now: Timestamp) -> FactRow {
        FactRow(
            at: now.adding(milliseconds: 500 * (Int64(number) - 200)),
            kind: number % 3 == 0 ? .deferred : .relayed, message: "DFTG\(100_000 + number)",
            from: "<ann@example.net>", to: "<user\(number)@example.org>", nextHop: "mx.example.org:25",
            text: "250 2.0.0 Ok: queued as 4Q7K2B", contentOctets: 4096, milliseconds: 12)
    }

    func capabilities() async throws -> FeedCapabilities { FeedCapabilities(node: "mx1", software: "hoptop") }
    func overview() async throws -> Overview { self.shown }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        FactWindow(rows: cursor == nil ? self.happened : [], end: "end")
    }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        let shown = window.rows(of: self.rows.count) { ref in self.rows.firstIndex { $0.ref == ref } }
        return Window(
            rows: Array(self.rows[shown]), first: shown.lowerBound, matched: self.rows.count, total: self.rows.count,
            at: self.shown.at)
    }
    func message(_ id: String) async throws -> MessageDetail? { nil }
    func changes() -> AsyncStream<FeedChange> { AsyncStream { $0.finish() } }

    // Frames of these views ask for nothing of what follows.
    private static let unasked = FeedError(.unsupported, "nobody asks for that here")
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { throw Self.unasked }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? { throw Self.unasked }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        throw Self.unasked
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        throw Self.unasked
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet { throw Self.unasked }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        throw Self.unasked
    }
    func undo(_ token: UndoToken) async throws -> Receipt { throw Self.unasked }
    func close(_ session: SessionRef) async throws -> Receipt { throw Self.unasked }
}
