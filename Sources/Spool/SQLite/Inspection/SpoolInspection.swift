import Foundation
import GRDB
import Glibc
import Mail
import SMTP

/// Looks into a spool that no relay has open, and keeps relays out meanwhile. Everything blocks.
public final class SpoolInspection {
    static let page = 500

    let directory: SpoolDirectory

    /// - Throws: ``SpoolError`` `.inUse` while a relay has it; `.unavailable` where there is none.
    public init(directory path: String) throws(SpoolError) {
        self.directory = try SpoolDirectory(existing: path)
    }

    /// Reads everything there is, and changes nothing.
    public func check(progress: SpoolProgress) throws(SpoolError) -> SpoolReport {
        var report = SpoolReport()
        var named: Set<QueueID> = []
        do {
            let source = try self.open()
            // No transaction is begun, since a damaged database may refuse its end.
            try source.unsafeRead { db in
                progress("the database", 0, 0)
                report.database = Self.problems(db)
                try self.examine(db, progress) { message, problem in
                    named.insert(message.id)
                    if let problem {
                        report.damaged.append(Self.describe(message, problem))
                    } else {
                        report.messages += 1
                    }
                } damaged: { damage in
                    named.insert(damage.message)
                    report.damaged.append(Self.describe(damage, db))
                }
                // A row and its content come and go together, but a disk may have lost the write of one of their pages.
                for id in Salvage(db: db, directory: self.directory).contents() where named.insert(id).inserted {
                    report.damaged.append(Self.describe(Damage(id, "its row is missing"), db))
                }
            }
            try source.close()
        } catch {
            guard SpoolError(error).code == .damaged else { throw SpoolError(error, reading: true) }
            report.database.append("not even a part of it can be read")
        }
        report.leftOver = self.directory.filesNotNamed(by: named)
        return report
    }

    /// - Throws: `.damaged` when it is no database any more.
    func open() throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: try self.name(), configuration: configuration)
        try database.read { db in try Schema.refuseNewer(db, self.directory) }
        return database
    }

    /// The name as SQLite is told it: where it cannot make its shared memory it must know that nobody writes, and then it reads
    /// no log.
    private func name() throws(SpoolError) -> String {
        let path = self.directory.database
        guard self.directory.isReadOnly else { return path }
        var log = stat()
        guard stat("\(path)-wal", &log) != 0 || log.st_size == 0 else {
            throw SpoolError(
                .unavailable,
                "the spool \(self.directory.path) is mounted read-only and was not closed: copy it, and check the copy")
        }
        let escaped = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
        return "file:\(escaped)?immutable=1"
    }

    private static func problems(_ db: Database) -> [String] {
        var found: [String] = []
        do {
            let rows = try String.fetchCursor(db, sql: "PRAGMA integrity_check(50)")
            // It may say several things in one text.
            while let text = try rows.next() { found += text.split(separator: "\n").map(String.init) }
        } catch { found.append(Salvage.words(for: error)) }
        return found == ["ok"] ? [] : found
    }

    /// Hands on each message that can be read, with what is wrong with its content, and each that cannot.
    func examine(
        _ db: Database, _ progress: SpoolProgress, message found: (SpooledMessage, String?) throws -> Void,
        damaged: (Damage) throws -> Void
    ) throws {
        let salvage = Salvage(db: db, directory: self.directory)
        let total = (try? Int.fetchOne(db, sql: "SELECT count(*) FROM messages")) ?? 0
        var done = 0
        var last: QueueID?
        while true {
            let lease = try salvage.lease(after: last, count: Self.page)
            guard let end = lease.end else { return }
            last = end
            for message in lease.messages { try found(message, salvage.problem(with: message)) }
            for damage in lease.damaged { try damaged(damage) }
            done += lease.messages.count + lease.damaged.count
            progress("messages", done, max(done, total))
        }
    }

    static func describe(_ message: SpooledMessage, _ problem: String) -> SpoolReport.DamagedMessage {
        var described = SpoolReport.DamagedMessage(Damage(message.id, problem))
        described.arrived = message.arrived
        described.from = message.reversePath.description
        described.to = message.recipients.filter { !$0.state.isSettled }.map(\.forwardPath.description)
        return described
    }

    /// Facts may tell what the row does not.
    private static func describe(_ damage: Damage, _ db: Database) -> SpoolReport.DamagedMessage {
        var described = SpoolReport.DamagedMessage(damage)
        let rows = try? Row.fetchAll(
            db, sql: "SELECT * FROM facts WHERE message = ? ORDER BY sequence", arguments: [damage.message.rawValue])
        for fact in (rows ?? []).flatMap({ PlacedFact.all(in: $0).map(\.fact) }) {
            if fact.kind == .accepted { described.arrived = fact.at }
            described.from = described.from ?? fact.from
            if let to = fact.to, !described.to.contains(to) { described.to.append(to) }
        }
        return described
    }
}

extension Salvage {
    /// What is wrong with a message's content; `nil`: it is all there.
    func problem(with message: SpooledMessage) -> String? {
        do {
            let (count, digest) = try self.stored(of: message.id)
            guard count == message.contentOctets else {
                return "its content has \(count) octets instead of \(message.contentOctets)"
            }
            let expected = try self.digest(of: message.id)
            return expected ?? digest == digest ? nil : "its content is not what was accepted: the disk changed it"
        } catch { return "its content cannot be read: \(Self.words(for: error))" }
    }

    /// Octets, and their digest.
    private func stored(of id: QueueID) throws -> (Int, Int64) {
        if let octets = try self.inlineContent(of: id) {
            return (octets.count, octets.withUnsafeBytes { Digest.of($0) })
        }
        return try self.directory.digestContent(of: id)
    }

    /// The digest of what was accepted; `nil`: unknown.
    private func digest(of id: QueueID) throws -> Int64? {
        guard try Schema.hasDigests(self.db) else { return nil }
        return try Row.fetchOne(
            self.db.cachedStatement(sql: "SELECT digest FROM messages WHERE id = ?"), arguments: [id.rawValue]
        )?.checkedOrNull("digest")
    }

    /// Messages whose content is in the database, as far as damage does not hide them: there it has been told.
    func contents() -> [QueueID] {
        var found: [QueueID] = []
        let ids = try? Int64.fetchCursor(self.db, sql: "SELECT id FROM content ORDER BY id")
        while let key = try? ids?.next() {
            let id = QueueID(rawValue: key)
            // A damaged index may lead round in a circle.
            if let last = found.last, id <= last { break }
            found.append(id)
        }
        return found
    }

    func inlineContent(of id: QueueID) throws -> Data? {
        try Data.fetchOne(self.db, sql: "SELECT octets FROM content WHERE id = ?", arguments: [id.rawValue])
    }
}
