import Foundation
import GRDB
public import Logging
public import Mail
public import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
public import Spool

/// What became of mail, kept apart from the spool and longer: a store that follows the spool's facts, and answers questions.
///
/// Nothing that moves mail waits for it. While it cannot be written it says so and tries again, and the facts wait in the
/// spool, as many as that keeps.
public final class Journal: Sendable {
    /// Things happen in bursts; what comes within this time is written at once.
    private static let gathering = Duration.milliseconds(500)
    /// How long one search may take before it says how far it has come.
    private static let patience = Duration.milliseconds(700)
    private static let waits: ClosedRange<Duration> = .seconds(2)...Duration.seconds(15)
    private static let pruning = Duration.seconds(60)
    private static let farewell = Duration.seconds(5)

    public let settings: JournalSettings
    private let directory: String
    private let node: String
    private let clock: @Sendable () -> Timestamp
    private let log: Logger
    private let transcripts: TranscriptQueue
    /// Rings when there is something to be written.
    private let bells: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation
    private let state = NIOLockedValueBox(State())

    private struct State {
        var opened: Opened?
        /// Why it cannot be written now.
        var failure: String?
        var filling: Task<Void, Never>?
        var pause: Task<Void, Never>?
        /// The node stops.
        var isEnding = false
    }
    private struct Opened: Sendable {
        let store: JournalStore
        let runs: JournalRuns
        let lock: FolderLock
    }

    /// Opens nothing yet.
    ///
    /// - Parameter spoolDirectory: where it is, unless the settings say otherwise.
    public init(
        _ settings: JournalSettings, spoolDirectory: String, node: String,
        clock: @escaping @Sendable () -> Timestamp = { .now }, log: Logger
    ) {
        self.settings = settings
        self.directory = settings.directory ?? spoolDirectory + "/journal"
        self.node = node
        self.clock = clock
        self.log = log
        self.transcripts = TranscriptQueue(clock: clock)
        (self.bells, self.bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// No journal is kept any more, and no facts need to wait for one.
    public static func forget(_ spool: any Spool) {
        _ = spool.forget(reader: JournalFiller.reader(of: spool), on: MultiThreadedEventLoopGroup.singleton.next())
    }

    // MARK: filling

    /// Follows the spool until ``finish()``.
    ///
    /// - Parameters:
    ///   - started: when this run of the program began.
    ///   - changes: tells of facts, among others.
    ///   - filled: is told when there are new entries, or when it began or ceased to fail.
    public func follow(
        _ spool: any Spool, since started: Timestamp, changes: AsyncStream<FeedChange>,
        filled: @escaping @Sendable () -> Void
    ) {
        let task = Task {
            let listening = Task {
                for await change in changes {
                    switch change {
                    case .changed(let areas) where areas.contains(.facts): self.bell.yield()
                    case .missed: self.bell.yield()
                    case .changed: break
                    }
                }
                self.bell.finish()
            }
            await self.fill(from: spool, since: started, filled)
            listening.cancel()
        }
        self.state.withLockedValue { $0.filling = task }
        self.bell.yield()
    }

    private func fill(from spool: any Spool, since started: Timestamp, _ filled: @Sendable () -> Void) async {
        var filler: JournalFiller?
        var wait = Self.waits.lowerBound
        var nextPruning = ContinuousClock.now
        func takeUp() async throws {
            let opened = try await self.open(since: started)
            var current = if let filler { filler } else { try await JournalFiller(opened.store, spool) }
            // After a failure, what was read of the store may not be what is there.
            filler = nil
            var isNew = false
            while try await current.fill() { isNew = true }
            try await self.writeTranscripts(opened)
            if ContinuousClock.now >= nextPruning {
                try await self.prune(opened.store)
                nextPruning = ContinuousClock.now + Self.pruning
            }
            filler = current
            if self.changed(failure: nil) || isNew { filled() }
        }
        for await _ in self.bells {
            do {
                try await takeUp()
                wait = Self.waits.lowerBound
                await self.pause(Self.gathering)
            } catch {
                if self.changed(failure: "\(JournalError(error, self.directory))") { filled() }
                await self.pause(wait)
                wait = min(wait * 2, Self.waits.upperBound)
                self.bell.yield()
            }
        }
        // What came last.
        if self.failure == nil { try? await takeUp() }
        try? await filler?.tell()
        let opened = self.state.withLockedValue { state in
            defer { state.opened = nil }
            return state.opened
        }
        opened?.store.close()
    }

    /// Waits, but not for long when the node stops.
    private func pause(_ time: Duration) async {
        let pause = Task<Void, Never> { try? await Task.sleep(for: time) }
        let isEnding = self.state.withLockedValue { state in
            state.pause = pause
            return state.isEnding
        }
        if isEnding { pause.cancel() }
        await pause.value
    }

    /// Takes up what has happened, then closes it: when the changes are over that it follows, while the spool is still
    /// open. It waits as long as disks that work may take; what is not taken up then is at the next start.
    public func finish() async {
        let (filling, pause) = self.state.withLockedValue { state in
            state.isEnding = true
            return (state.filling, state.pause)
        }
        pause?.cancel()
        guard let filling else { return }
        let (ends, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
        Task {
            await filling.value
            end.yield()
        }
        let patience = Task {
            try? await Task.sleep(for: Self.farewell)
            end.yield()
        }
        for await _ in ends { break }
        patience.cancel()
    }

    private func open(since started: Timestamp) async throws -> Opened {
        if let opened = self.state.withLockedValue({ $0.opened }) { return opened }
        let lock = try FolderLock(self.directory)
        let store = try JournalStore(directory: self.directory)
        let runs = try await store.pool.write { [node] db in
            // One that could not be opened at first is of the same run.
            try JournalRuns.begin(at: started, db)
            return try JournalRuns(node: node, db)
        }
        let opened = Opened(store: store, runs: runs, lock: lock)
        self.state.withLockedValue { $0.opened = opened }
        return opened
    }

    private func writeTranscripts(_ opened: Opened) async throws {
        guard let run = opened.runs.current else { return }
        let pages = self.transcripts.waiting
        guard !pages.isEmpty else { return }
        let settings = self.settings
        try await opened.store.pool.write { db in
            for page in pages { try page.insert(run: run, db) }
            try opened.store.pruneTranscripts(successes: settings.transcripts, octets: settings.octets / 4, db)
        }
        self.transcripts.written(pages.count)
    }

    private func prune(_ store: JournalStore) async throws {
        let (age, octets) = (self.clock().adding(milliseconds: -self.settings.age), self.settings.octets)
        while try await store.pool.writeWithoutTransaction({ db in
            try store.prune(before: age, octets: octets, db)
        }) {}
        // What the log took meanwhile goes back to the disk; a reader that is in its way is gone the next time.
        try? await store.pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    }

    /// - Returns: whether that is new.
    private func changed(failure: String?) -> Bool {
        let before = self.state.withLockedValue { state in
            defer { state.failure = failure }
            return state.failure
        }
        guard before != failure else { return false }
        if let failure {
            self.log.error(
                "the journal is not written; what happens waits in the spool", metadata: ["error": "\(failure)"])
        } else {
            self.log.info("the journal is written again")
        }
        return true
    }

    /// Why it cannot be written now; `nil`: it can.
    public var failure: String? { self.state.withLockedValue { $0.failure } }

    // MARK: reading

    private func opened() throws -> Opened {
        let (opened, failure) = self.state.withLockedValue { ($0.opened, $0.failure) }
        guard let opened else {
            throw FeedError(.unavailable, "the journal cannot be read: \(failure ?? "it is being opened")")
        }
        return opened
    }

    private func read<Value: Sendable>(_ body: @escaping @Sendable (Database, Opened) throws -> Value) async throws
        -> Value
    {
        let opened = try self.opened()
        do { return try await opened.store.pool.unsafeRead { db in try body(db, opened) } } catch {
            throw FeedError(.unavailable, "the journal cannot be read: \(JournalError(error, self.directory))")
        }
    }

    /// Entries in the query's order; see ``JournalRequest``.
    public func window(_ query: JournalQuery, _ request: JournalRequest) async throws -> JournalWindow {
        let now = self.clock()
        let deadline = ContinuousClock.now + Self.patience
        var place: Int64?
        if let text = request.place {
            guard let number = Int64(text), number >= 0 else {
                throw FeedError(.invalid, "this is no place in a journal")
            }
            place = number
        }
        return try await self.read { [place, node] db, opened in
            let range = try Self.range(db)
            let start = place ?? (query.newestFirst ? range.upperBound - 1 : range.lowerBound - 1)
            var search = JournalSearch(
                query, from: start, count: max(request.count, 0), runs: opened.runs, node: node, at: now,
                deadline: deadline)
            let found = try search.run(db)
            return JournalWindow(
                rows: found.entries.map { JournalEntry($0.number, $0.fact, $0.session, node: node) },
                start: "\(start)", end: "\(found.end)", isComplete: found.isComplete, reached: found.reached,
                total: range.count, at: now)
        }
    }

    /// The numbers of the entries that it has.
    private static func range(_ db: Database) throws -> Range<Int64> {
        let next = try Int64.fetchOne(db, sql: "SELECT next FROM progress") ?? 1
        return min(try Int64.fetchOne(db, sql: "SELECT min(first) FROM blocks") ?? next, next)..<next
    }

    /// All that it has of a message, oldest first; 10,000 at most.
    package func facts(of id: QueueID) async throws -> [Fact] {
        // An ID tells when it was given, and a clock may have gone back.
        let query = JournalQuery(
            filter: FilterExpression(.id, is: id.description), since: id.time.adding(milliseconds: -86_400_000),
            newestFirst: false)
        let now = self.clock()
        return try await self.read { [node] db, opened in
            var search = JournalSearch(
                query, from: 0, count: 10_000, runs: opened.runs, node: node, at: now, deadline: nil)
            return try search.run(db).entries.map(\.fact)
        }
    }

    public func status(spool: any Spool) async throws -> JournalStatus {
        var status = JournalStatus(
            directory: self.directory, entries: 0, octets: 0, octetsLimit: self.settings.octets,
            ageLimit: self.settings.age, failure: self.failure)
        guard self.state.withLockedValue({ $0.opened != nil }) else {
            let told = try await spool.acknowledged(by: JournalFiller.reader(of: spool))
            status.behind = try await Self.facts(behind: told ?? .start, in: spool)
            return status
        }
        let (read, cursor) = try await self.read { [status] db, opened in
            var status = status
            status.entries = try Self.range(db).count
            status.octets = try opened.store.octets(db)
            status.oldest = try Self.time("earliest", "first", db)
            status.newest = try Self.time("latest", "first DESC", db)
            status.transcripts = try Int.fetchOne(db, sql: "SELECT count(*) FROM transcripts") ?? 0
            let progress = try opened.store.progress(db)
            status.missing = progress.missing
            return (status, progress.cursor)
        }
        status = read
        status.behind = try await Self.facts(behind: cursor ?? .start, in: spool)
        return status
    }

    private static func time(_ column: String, _ order: String, _ db: Database) throws -> Timestamp? {
        try Int64.fetchOne(db, sql: "SELECT \(column) FROM blocks ORDER BY \(order) LIMIT 1").map {
            Timestamp(milliseconds: $0)
        }
    }

    /// So many facts at most are counted.
    private static let countedAtMost = 10_000
    private static func facts(behind cursor: FactCursor, in spool: any Spool) async throws -> Int {
        do {
            return try await spool.facts(after: cursor, count: self.countedAtMost).count
        } catch let error as SpoolError where error.code == .foreign {
            // The spool was moved into another kind of store, and who fills the journal has not seen to that yet.
            return try await spool.facts(after: .start, count: self.countedAtMost).count
        }
    }

    // MARK: transcripts

    /// Keeps what was said in a session that ended, if there is something in it to keep. From any thread.
    ///
    /// - Parameter page: is asked for all of it, where it is kept.
    package func keep(_ session: SessionRef, failed: Bool, _ page: () -> TranscriptPage) {
        guard self.transcripts.wants(failed: failed, success: self.settings.transcripts > 0)
        else {
            return
        }
        self.transcripts.append(KeptTranscript(session: session.id, failed: failed, page: page()))
        self.bell.yield()
    }

    /// How a session is called by whoever watches.
    ///
    /// - Parameter time: when something happened in it.
    package func ref(_ session: String?, at time: Timestamp) -> SessionRef? {
        self.state.withLockedValue { $0.opened?.runs }?.ref(session, at: time)
    }

    /// - Returns: `nil` where it has none of that session.
    public func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        guard self.state.withLockedValue({ $0.opened != nil }) else { return nil }
        let page: TranscriptPage? = try await self.read { db, opened in
            guard let (run, name) = opened.runs.parts(of: session) else { return nil }
            let octets = try Data.fetchOne(
                db, sql: "SELECT page FROM transcripts WHERE run = ? AND session = ? ORDER BY number DESC LIMIT 1",
                arguments: [run, name])
            return try octets.map { try JSONDecoder().decode(TranscriptPage.self, from: $0) }
        }
        guard var page else { return nil }
        page.session.ref = session
        page.lines = Array(page.lines.drop { $0.number < from }.prefix(count))
        return page
    }
}
