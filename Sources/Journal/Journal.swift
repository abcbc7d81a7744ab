import Foundation
import GRDB
public import Logging
public import Mail
public import Monitor
import NIOCore
import NIOPosix
public import Spool

/// What became of mail, kept apart from the spool and longer: a store that follows the spool's facts, and answers questions.
///
/// Nothing that moves mail waits for it. While it cannot be written it says so and tries again, and the facts wait in the
/// spool, as many as that keeps.
public final class Journal: Sendable {
    /// How long one search may take before it says how far it has come.
    private static let patience = Duration.milliseconds(700)

    public let settings: JournalSettings
    private let directory: String
    private let node: String
    private let clock: @Sendable () -> Timestamp
    private let follower: JournalFollower

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
        self.follower = JournalFollower(settings, directory: self.directory, node: node, clock: clock, log: log)
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
    ) { self.follower.follow(spool, since: started, changes: changes, filled: filled) }

    /// Takes up what has happened, then closes it: when the changes are over that it follows, while the spool is still open.
    public func finish() async { await self.follower.finish() }

    /// Keeps what was said in a session that ended, if there is something in it to keep. From any thread.
    ///
    /// - Parameter page: is asked for all of it, where it is kept.
    package func keep(_ session: SessionRef, failed: Bool, _ page: () -> TranscriptPage) {
        self.follower.keep(session, failed: failed, page)
    }

    /// Why it cannot be written now; `nil`: it can.
    public var failure: String? { self.follower.failure }

    // MARK: reading

    private func opened() throws -> OpenJournal {
        guard let opened = self.follower.opened else {
            throw FeedError(
                .unavailable, "the journal cannot be read: \(self.failure ?? "it is being opened")")
        }
        return opened
    }

    private func read<Value: Sendable>(_ body: @escaping @Sendable (Database, OpenJournal) throws -> Value) async throws
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
        guard self.follower.opened != nil else {
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

    /// How a session is called by whoever watches.
    ///
    /// - Parameter time: when something happened in it.
    package func ref(_ session: String?, at time: Timestamp) -> SessionRef? {
        self.follower.opened?.runs.ref(session, at: time)
    }

    /// - Returns: `nil` where it has none of that session.
    public func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        guard self.follower.opened != nil else { return nil }
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
