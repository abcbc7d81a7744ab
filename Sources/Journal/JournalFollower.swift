import GRDB
import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// A journal that is open, and this program's alone.
struct OpenJournal: Sendable {
    let store: JournalStore
    let runs: JournalRuns
    let lock: FolderLock
}

/// Opens the journal, and takes up what happens until the node stops: the spool's facts, and transcripts of sessions that ended.
///
/// While it cannot be written it says so and tries again.
final class JournalFollower: Sendable {
    /// Things happen in bursts; what comes within this time is written at once.
    private static let gathering = Duration.milliseconds(500)
    private static let waits: ClosedRange<Duration> = .seconds(2)...Duration.seconds(15)
    private static let pruning = Duration.seconds(60)
    private static let farewell = Duration.seconds(5)

    private let settings: JournalSettings
    private let directory: String
    private let node: String
    private let clock: @Sendable () -> Timestamp
    private let log: Logger
    private let transcripts: TranscriptQueue
    /// Tells that there is something to be written.
    private let work: AsyncStream<Void>
    private let hasWork: AsyncStream<Void>.Continuation
    private let state = NIOLockedValueBox(State())

    private struct State {
        var opened: OpenJournal?
        /// Why it cannot be written now.
        var failure: String?
        var filling: Task<Void, Never>?
        var pause: Task<Void, Never>?
        /// The node stops.
        var isEnding = false
    }

    init(
        _ settings: JournalSettings, directory: String, node: String, clock: @escaping @Sendable () -> Timestamp,
        log: Logger
    ) {
        self.settings = settings
        self.directory = directory
        self.node = node
        self.clock = clock
        self.log = log
        self.transcripts = TranscriptQueue(clock: clock)
        (self.work, self.hasWork) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// `nil`: it is not open yet, or cannot be.
    var opened: OpenJournal? { self.state.withLockedValue { $0.opened } }
    /// Why it cannot be written now; `nil`: it can.
    var failure: String? { self.state.withLockedValue { $0.failure } }

    /// Keeps a transcript, if there is something in it to keep. From any thread.
    func keep(_ session: SessionRef, failed: Bool, _ page: () -> TranscriptPage) {
        guard self.transcripts.wants(failed: failed, success: self.settings.transcripts > 0) else { return }
        self.transcripts.append(KeptTranscript(session: session.id, failed: failed, page: page()))
        self.hasWork.yield()
    }

    /// Follows the spool until ``finish()``.
    ///
    /// - Parameters:
    ///   - started: when this run of the program began.
    ///   - changes: tells of facts, among others.
    ///   - filled: is told when there are new entries, or when it began or ceased to fail.
    func follow(
        _ spool: any Spool, since started: Timestamp, changes: AsyncStream<FeedChange>,
        filled: @escaping @Sendable () -> Void
    ) {
        let task = Task {
            let listening = Task {
                for await change in changes {
                    switch change {
                    case .changed(let areas) where areas.contains(.facts): self.hasWork.yield()
                    case .missed: self.hasWork.yield()
                    case .changed: break
                    }
                }
                self.hasWork.finish()
            }
            await self.fill(from: spool, since: started, filled)
            listening.cancel()
        }
        self.state.withLockedValue { $0.filling = task }
        self.hasWork.yield()
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
        for await _ in self.work {
            do {
                try await takeUp()
                wait = Self.waits.lowerBound
                await self.pause(Self.gathering)
            } catch {
                if self.changed(failure: "\(JournalError(error, self.directory))") { filled() }
                await self.pause(wait)
                wait = min(wait * 2, Self.waits.upperBound)
                self.hasWork.yield()
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
    func finish() async {
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

    private func open(since started: Timestamp) async throws -> OpenJournal {
        if let opened = self.state.withLockedValue({ $0.opened }) { return opened }
        let lock = try FolderLock(self.directory)
        let store = try JournalStore(directory: self.directory)
        let runs = try await store.pool.write { [node] db in
            // One that could not be opened at first is of the same run.
            try JournalRuns.begin(at: started, db)
            return try JournalRuns(node: node, db)
        }
        let opened = OpenJournal(store: store, runs: runs, lock: lock)
        self.state.withLockedValue { $0.opened = opened }
        return opened
    }

    private func writeTranscripts(_ opened: OpenJournal) async throws {
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
}
