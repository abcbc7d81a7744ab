import Foundation
import GRDB
public import Mail

extension SpoolInspection {
    /// Makes a sound spool of what can be read, and moves what cannot aside, with words that say what it is. No mail is
    /// deleted.
    ///
    /// Nothing of the spool has changed until the sound database takes the old one's place, at once.
    /// - Parameter now: names the folder.
    public func repair(at now: Timestamp, progress: SpoolProgress) throws(SpoolError) -> SpoolRepair {
        var repair = SpoolRepair(report: try self.check(progress: progress))
        guard !repair.report.isSound else { return repair }
        let copy = "\(self.directory.path)/repairing.sqlite"
        do {
            let aside = try DamageFolder(in: self.directory, at: now)
            defer { if repair.folder == nil { aside.removeUnlessNeeded() } }
            try? FileManager.default.removeItem(atPath: copy)
            repair.facts = try self.copy(&repair.report, to: copy, folder: aside.name, at: now, progress)
            for message in repair.report.damaged {
                try aside.keep(message, content: self.remains(of: message.id))
            }
            try aside.keepFiles(repair.report.leftOver)
            try aside.describe(repair.report)
            try self.replaceDatabase(with: copy, keepingOldIn: aside)
            aside.removeKept()
            repair.folder = aside.path
            return repair
        } catch {
            try? FileManager.default.removeItem(atPath: copy)
            throw SpoolError(error)
        }
    }

    /// `nil` when nothing of it can be read, which leaves an empty database in its place.
    private func openIfReadable() throws -> DatabaseQueue? {
        do { return try self.open() } catch {
            guard SpoolError(error).code == .damaged else { throw error }
            return nil
        }
    }

    /// What can be read of a small content; a large one is a file.
    private func remains(of id: QueueID) -> Data? {
        try? self.open().unsafeRead { db in try Salvage(db: db, directory: self.directory).inlineContent(of: id) }
    }

    /// - Parameter report: messages that turn out not to fit move to its damaged ones.
    /// - Returns: facts kept.
    private func copy(
        _ report: inout SpoolReport, to path: String, folder: String, at now: Timestamp, _ progress: SpoolProgress
    ) throws -> Int {
        let target = try DatabaseQueue(path: path)
        try target.writeWithoutTransaction { db in
            try Schema.prepare(db)
            try Schema.migrate(db)
        }
        let source = try self.openIfReadable()
        let facts = try target.write { target in
            try source?.unsafeRead { source in
                let salvage = Salvage(db: source, directory: self.directory)
                let copy = SpoolCopy(source: source, target: target)
                try self.examine(source, progress) { message, problem in
                    guard problem == nil else { return }
                    let isInline = try salvage.inlineContent(of: message.id) != nil
                    if let problem = try copy.message(message.id, hasInlineContent: isInline) {
                        report.messages -= 1
                        report.damaged.append(Self.describe(message, problem))
                    }
                } damaged: { _ in
                }
                try copy.drops()
                try copy.readers()
                try copy.rules()
                try copy.tallies()
                let facts = try copy.facts(progress)
                try copy.counters(lastID: report.damaged.map(\.id).max())
                return facts
            } ?? 0
        }
        try target.write { db in
            let store = Store(self.directory, ContentCache())
            _ = try store.load(db)
            for damaged in report.damaged {
                let damage = Damage(damaged.id, "hoptop spool repair moved it to \(folder): \(damaged.reason)")
                try store.insert(SharedFact(fact: damage.fact(at: now)), db)
            }
        }
        try target.close()
        return facts
    }

    private func replaceDatabase(with copy: String, keepingOldIn aside: DamageFolder) throws {
        let database = self.directory.database
        // What is in the old one's log goes into the old one, as far as it lets that be done.
        if let old = try? DatabaseQueue(path: database) {
            _ = try? old.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
            try? old.close()
        }
        for suffix in ["", "-wal"] { try aside.keep("\(database)\(suffix)") }
        // The relay's user must still be able to write it when root runs this.
        var information = stat()
        guard stat(database, &information) == 0, chown(copy, information.st_uid, information.st_gid) == 0,
            chmod(copy, information.st_mode & 0o777) == 0
        else { throw FileError(errno) }
        try self.directory.sync(copy)
        try aside.sync()
        // From here on the repair is done: who is killed in between leaves the rest to the next who opens the spool.
        guard rename(copy, self.directory.repaired) == 0 else { throw FileError(errno) }
        try self.directory.sync(self.directory.path)
        try self.directory.finishRepair()
    }
}
