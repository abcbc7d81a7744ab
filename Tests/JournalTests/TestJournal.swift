import Foundation
import Logging
import Mail
import Monitor
import NIOCore
import NIOPosix
import SMTP
import Spool
import SpoolTesting
import Synchronization

@testable import Journal

/// A spool in memory, and a journal that follows it in a folder of its own, which goes with it.
final class TestJournal {
    static let start = Timestamp(milliseconds: 1_795_510_800_000)  // 2026-11-24T09:00:00Z
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-journal-\(UUID())").path
    private(set) var spool: any Spool
    let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private(set) var journal: Journal
    private var watcher: AsyncStream<FeedChange>.Continuation
    private let settings: JournalSettings
    private let now = Mutex(TestJournal.start)

    init(_ store: MemoryStore = MemoryStore(), settings: JournalSettings = JournalSettings()) throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        self.spool = try MemorySpool(store)
        self.settings = settings
        (self.journal, self.watcher) = Self.open(self.folder, settings, self.spool)
    }
    deinit { try? FileManager.default.removeItem(atPath: self.folder) }

    private static func open(
        _ folder: String, _ settings: JournalSettings, _ spool: any Spool, since: Timestamp = TestJournal.start
    ) -> (Journal, AsyncStream<FeedChange>.Continuation) {
        let journal = Journal(
            settings, spoolDirectory: folder, node: "mx1", clock: { since },
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let (changes, watcher) = FeedChange.stream()
        journal.follow(spool, since: since, changes: changes) {}
        return (journal, watcher)
    }

    /// The program ends, and begins anew.
    func restart(since: Timestamp = TestJournal.start) async {
        await self.finish()
        (self.journal, self.watcher) = Self.open(self.folder, self.settings, self.spool, since: since)
    }
    /// The program ends, and begins anew on another spool.
    func restart(on spool: any Spool) async {
        self.spool = spool
        await self.restart()
    }
    func finish() async {
        self.watcher.finish()
        await self.journal.finish()
    }

    /// Tells it that there are facts.
    func tell() { self.watcher.yield(.changed(areas: [.facts])) }
    /// Tells it that there are facts, and waits until it has them all.
    func takeUp() async throws {
        self.tell()
        while true {
            let status = try await self.journal.status(spool: self.spool)
            if status.failure == nil, status.behind == 0, (try? await self.find(count: 0)) != nil { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Whether the journal comes to hold what is asked for: what is too much goes after it was opened, while others read.
    func settles(_ condition: (JournalStatus) -> Bool) async throws -> Bool {
        for _ in 0..<2000 {
            if condition(try await self.journal.status(spool: self.spool)) { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    @discardableResult
    func accept(
        from: String = "ann@example.net", to: String = "bob@example.org", messageID: String = "<1@example.net>",
        after milliseconds: Int64 = 0
    ) async throws -> SpooledMessage {
        let now = Self.start.adding(milliseconds: milliseconds)
        let content = ByteBuffer(string: "Subject: hi\r\nMessage-ID: \(messageID)\r\n\r\nhello\r\n")
        let message = SpooledMessage(
            id: self.spool.nextID(at: now), arrived: now,
            reversePath: try ReversePath(parsing: "<\(from)>", utf8: false),
            arrival: Arrival(peer: "192.0.2.7:40112", hello: "c.example", with: "ESMTP", session: "in#1", user: "ann"),
            contentOctets: content.readableBytes,
            recipients: [
                SpooledRecipient(index: 0, forwardPath: try ForwardPath(parsing: "<\(to)>", utf8: false), due: now)
            ])
        try await self.spool.accept(NewMessage(message, content: .buffer(content)), on: self.loop).get()
        return message
    }

    func settle(
        _ message: SpooledMessage, _ state: RecipientState, reply: String = "250 2.0.0 Ok: queued as 7TD9",
        after milliseconds: Int64 = 0
    ) async throws {
        let outcome = Settlement.Outcome(
            index: 0, generation: 0, state: state, nextHop: "mx.example.org:25", reply: reply,
            remoteID: state == .relayed ? "7TD9" : nil, session: "out#1", security: SessionSecurity(tls: "TLSv1.3"),
            milliseconds: 12)
        let settlement = Settlement(
            message: message.id, at: Self.start.adding(milliseconds: milliseconds), outcomes: [outcome], reports: [])
        _ = try await self.spool.settle([settlement], on: self.loop).get()
    }

    func find(
        _ filter: String = "", since: Timestamp? = nil, until: Timestamp? = nil, newestFirst: Bool = true,
        behind place: String? = nil, count: Int = 100
    ) async throws -> JournalWindow {
        let query = JournalQuery(
            filter: try FilterExpression(parsing: filter, with: FilterField.ofJournal), since: since, until: until,
            newestFirst: newestFirst)
        // On a busy machine a search may say that it takes long.
        var window = try await self.journal.window(query, JournalRequest(behind: place, count: count))
        while !window.isComplete, window.rows.count < count {
            let rest = JournalRequest(behind: window.end, count: count - window.rows.count)
            let next = try await self.journal.window(query, rest)
            window = JournalWindow(
                rows: window.rows + next.rows, start: window.start, end: next.end, isComplete: next.isComplete,
                reached: next.reached ?? window.reached, total: next.total, at: next.at)
        }
        return window
    }
}
