import GRDB
import Mail
import Monitor
import NIOCore
import NIOPosix
import Spool

/// Takes what happened out of the spool's facts into the journal.
///
/// The place that it has come to is written in the transaction of the entries, so that each fact is in it once, whenever the
/// program ends. The spool is told of it later, which only means that it may forget older facts.
struct JournalFiller {
    /// As it is named to the spool.
    static func reader(of spool: any Spool) -> String { FactReader.journal.name(of: spool) }
    private static let page = 2000
    /// Facts after which the spool is told.
    private static let untold = 20_000

    private let store: JournalStore
    private let spool: any Spool
    private var block: Block
    private(set) var progress: JournalStore.Progress
    private var told: FactCursor?
    private var factsSinceTold = 0

    init(_ store: JournalStore, _ spool: any Spool) async throws {
        self.store = store
        self.spool = spool
        (self.block, self.progress) = try await store.pool.read { [store] db in
            (try store.newestBlock(db), try store.progress(db))
        }
        self.told = try await spool.acknowledged(by: Self.reader(of: spool))
        if let told {
            // The queue was in a store of another kind meanwhile.
            if let cursor = self.progress.cursor, try await !Self.isKnown(cursor, to: spool) {
                try await self.move(to: told)
            }
            return
        }
        // No journal was kept for a while, or this is another spool than the one whose facts are in it.
        if let cursor = self.progress.cursor, try await Self.isForeign(cursor, to: spool) {
            try await self.move(to: nil)
        }
        try await self.tell(self.progress.cursor ?? .start)
    }

    /// - Parameter cursor: `nil`: before the first fact of all.
    private mutating func move(to cursor: FactCursor?) async throws {
        self.progress.cursor = cursor
        try await self.store.pool.write { [store, progress] db in try store.write([], progress, db) }
    }

    /// Whether a place is none of the spool's, or lies behind all that it has ever told.
    private static func isForeign(_ cursor: FactCursor, to spool: any Spool) async throws -> Bool {
        guard try await self.isKnown(cursor, to: spool) else { return true }
        if try await spool.newestFacts(count: 0).end == cursor { return false }
        return try await spool.facts(after: cursor, count: 1).isEmpty
    }

    /// Stores of another kind write their places otherwise.
    private static func isKnown(_ cursor: FactCursor, to spool: any Spool) async throws -> Bool {
        do {
            _ = try await spool.facts(after: cursor, count: 1)
            return true
        } catch let error as SpoolError where error.code == .foreign { return false }
    }

    /// - Returns: whether there were some.
    mutating func fill() async throws -> Bool {
        let start = self.progress.cursor ?? .start
        let page = try await self.spool.facts(after: start, count: Self.page)
        guard !page.isEmpty else { return false }
        try self.store.checkPlace()
        // Only what is written is taken over.
        var block = self.block
        var blocks: [Block] = []
        for row in page.rows {
            var place = 0
            while place < row.count {
                if block.isFull {
                    blocks.append(block)
                    block = Block(first: block.next)
                }
                place = block.append(row, from: place)
            }
        }
        blocks.append(block)
        var progress = JournalStore.Progress(cursor: page.end, missing: self.progress.missing)
        // Before the first fact of all none is missed.
        if self.progress.cursor != nil { progress.missing += page.missing }
        try await self.store.pool.write { [store, blocks, progress] db in try store.write(blocks, progress, db) }
        self.block = block
        self.progress = progress
        self.factsSinceTold += page.count
        if self.factsSinceTold >= Self.untold { try await self.tell(page.end) }
        return true
    }

    /// Tells the spool how far it has come.
    mutating func tell() async throws {
        if let cursor = self.progress.cursor, cursor != self.told { try await self.tell(cursor) }
    }
    private mutating func tell(_ cursor: FactCursor) async throws {
        try await self.spool.acknowledge(
            cursor, as: Self.reader(of: self.spool), on: MultiThreadedEventLoopGroup.singleton.next()
        )
        .get()
        self.told = cursor
        self.factsSinceTold = 0
    }
}
