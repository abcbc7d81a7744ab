import Foundation
import GRDB
import Mail
import NIOCore
import SMTP
import Testing

@testable import Spool

@Suite("a spool that an older version left", .timeLimit(.minutes(5)))
struct OlderSpoolTests {
    private static let arrived = Timestamp(milliseconds: 1_790_000_000_000)
    private static func id(_ sequence: Int64) -> QueueID { QueueID(rawValue: 549_863_188_070_400 + sequence) }
    private let spool: TemporarySpool

    /// What the program of version 3 wrote, out of `Fixtures/version-3.sql`.
    init() async throws {
        self.spool = try TemporarySpool()
        await self.spool.spool.close()
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: "\(self.spool.path)/spool.sqlite\(suffix)")
        }
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/version-3.sql")
        let sql = try String(contentsOf: fixture, encoding: .utf8)
        let database = try DatabaseQueue(path: "\(self.spool.path)/spool.sqlite")
        try await database.writeWithoutTransaction { db in try db.execute(sql: sql) }
        try database.close()
    }

    private func version() throws -> Int? {
        try DatabaseQueue(path: "\(self.spool.path)/spool.sqlite").read { db in
            try Int.fetchOne(db, sql: "PRAGMA user_version")
        }
    }

    @Test("opens, with its mail, its facts and what can be taken back; new facts follow the old ones")
    func opens() async throws {
        try await self.spool.reopen()
        #expect(try self.version() == Schema.version)
        let lease = try await self.spool.spool.lease(after: nil, count: 10)
        #expect(lease.damaged.isEmpty)
        #expect(lease.messages.map(\.id) == [3, 6, 8, 11].map(Self.id))
        #expect(lease.messages[0].recipients.map(\.state) == [.relayed, .queued, .hold])
        #expect(lease.messages[0].arrival.user == "ann")
        #expect(try await self.spool.content(of: Self.id(3)) == "Subject: of waiting\r\n\r\nhello\r\n")

        let all = try await self.spool.allFacts(inPagesOf: 4)
        #expect((all.facts.count, all.missing) == (17, 0))
        let accepted = try await self.spool.spool.facts(of: Self.id(1))[0]
        // Version 3 kept no more.
        #expect(accepted.arrival == Arrival(peer: "192.0.2.7:40112", with: "", session: "in#1"))
        #expect((accepted.text, accepted.session, accepted.subject) == (nil, "in#1", nil))
        let waiting = try await self.spool.spool.facts(of: Self.id(3))
        #expect(waiting.map(\.kind) == [.accepted, .relayed, .deferred, .deferred, .retried, .held])
        #expect(waiting.map(\.actor) == [nil, nil, nil, nil, "ann", "ann"])
        #expect(waiting.allSatisfy { $0.security == nil && $0.saidBy == nil })
        #expect(lease.messages[0].recipients[1].lastSaidBy == nil)
        #expect(waiting.map(\.text) == [nil, "as told", "as told", "as told", nil, nil])
        #expect(try await self.spool.spool.facts(of: Self.id(11)).last?.text == "as told")
        #expect(try await self.spool.spool.facts(of: Self.id(5)).last?.text == Self.id(6).description)

        let end = try await self.spool.spool.newestFacts(count: 0).end
        let undone = try await self.spool.undo(15, at: Self.arrived.milliseconds)
        #expect(undone.changes.map(\.message) == [Self.id(8)])
        let new = try await self.spool.accept()
        #expect(new.id > Self.id(11))
        let page = try await self.spool.spool.facts(after: end, count: 10)
        #expect(page.facts.map(\.kind) == [.restored, .accepted])
        #expect(page.facts.map(\.actor) == ["bob", nil])
        #expect(page.facts[1].arrival == new.arrival)
        let counters = try await self.spool.spool.counters()
        #expect((counters.accepted, counters.relayed, counters.dropped) == (7, 3, 0))
    }

    @Test("is looked into and left as it is; a damaged page of its facts stops no migration")
    func inspected() async throws {
        let inspection = try SpoolInspection(directory: self.spool.path)
        #expect(try inspection.check { _, _, _ in }.isSound)
        #expect(try inspection.migration() == SpoolMigration(from: 3, to: Int64(Schema.version)))
        #expect(try self.version() == 3)
        inspection.directory.unlock()
        let database = try DatabaseQueue(path: "\(self.spool.path)/spool.sqlite")
        try await database.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE more(n) AS (SELECT 18 UNION ALL SELECT n + 1 FROM more WHERE n < 1000)
                    INSERT INTO facts (sequence, at, kind, message, text) SELECT n, 0, 'accepted', n, 'a peer' FROM more
                    """)
        }
        try database.close()
        try self.spool.overwritePage(of: "facts", at: 0.5)
        try await self.spool.reopen()
        #expect(try self.version() == Schema.version)
        #expect(try await self.spool.spool.lease(after: nil, count: 10).messages.count == 4)
        try await self.spool.accept()
    }

    @Test("can be repaired, and keeps its facts")
    func repaired() async throws {
        let database = try DatabaseQueue(path: "\(self.spool.path)/spool.sqlite")
        try await database.write {
            try $0.execute(sql: "DELETE FROM content WHERE id = ?", arguments: [Self.id(3).rawValue])
        }
        try database.close()
        let repair = try SpoolInspection(directory: self.spool.path).repair(at: Self.arrived) { _, _, _ in }
        #expect(repair.report.damaged.map(\.id) == [Self.id(3)])
        try await self.spool.reopen()
        #expect(
            try await self.spool.spool.facts(of: Self.id(3)).map(\.actor) == [nil, nil, nil, nil, "ann", "ann", nil])
        #expect(try await self.spool.spool.lease(after: nil, count: 10).messages.count == 3)
    }

    @Test("a repair keeps who reads facts, and how far")
    func readers() async throws {
        try await self.spool.reopen()
        let end = try await self.spool.spool.newestFacts(count: 0).end
        try await self.spool.spool.acknowledge(end, as: "journal", on: self.spool.loop).get()
        await self.spool.spool.close()
        let database = try DatabaseQueue(path: "\(self.spool.path)/spool.sqlite")
        try await database.write {
            try $0.execute(sql: "DELETE FROM content WHERE id = ?", arguments: [Self.id(3).rawValue])
        }
        try database.close()
        _ = try SpoolInspection(directory: self.spool.path).repair(at: Self.arrived) { _, _, _ in }
        try await self.spool.reopen()
        #expect(try await self.spool.spool.acknowledged(by: "journal") == end)
    }
}
