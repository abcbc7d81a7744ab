import GRDB
import NIOCore
import Synchronization

/// The database file does not shrink by itself. Its free pages take new mail; more of them than that needs go back to the
/// file system, where others, such as large content, may need them.
extension Writer {
    /// Leaves the number where it can be read while the writer is stuck.
    func lookAtFreePages() {
        guard let octets = try? self.pool.writeWithoutTransaction({ db in try Self.freeOctets(db) }) else { return }
        self.store.directory.reusableOctets.store(octets, ordering: .relaxed)
    }

    private static func freeOctets(_ db: Database) throws -> Int {
        let pages = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        return pages * (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0)
    }

    /// Gives back some pages.
    ///
    /// - Returns: whether there is more to give back.
    func giveBack() -> Bool {
        guard self.store.directory.reusableOctets.load(ordering: .relaxed) > self.reserve else { return false }
        do {
            return try self.pool.writeWithoutTransaction { db in try self.writes.watch { try self.giveBackStep(db) } }
        } catch {
            // What is wrong, mail will tell; after its next change this is tried again.
            return false
        }
    }

    private func giveBackStep(_ db: Database) throws -> Bool {
        let before = try Self.freeOctets(db)
        let pageOctets = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        let pages = min(Self.pagesInStep, (before - self.reserve) / max(pageOctets, 1))
        // 0 would mean all.
        guard pages > 0 else { return false }
        try db.execute(sql: "PRAGMA incremental_vacuum(\(pages))")
        let after = try Self.freeOctets(db)
        self.store.directory.reusableOctets.store(after, ordering: .relaxed)
        let isAll = after - self.reserve < pageOctets || after == before
        // The file is shortened where its log is folded back, which few changes do not do by themselves.
        if isAll { _ = try db.checkpoint(.passive) }
        return !isAll
    }
}
