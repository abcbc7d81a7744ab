import Foundation
import GRDB
import Mail
import NIOCore
import SeededRandom
import Testing

@testable import Spool

@Suite("looking into a spool, and repairing it", .timeLimit(.minutes(5)))
struct InspectionTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func check(_ spool: TemporarySpool) throws -> SpoolReport {
        try SpoolInspection(directory: spool.path).check { _, _, _ in }
    }
    private func repair(_ spool: TemporarySpool) throws -> SpoolRepair {
        try SpoolInspection(directory: spool.path).repair(at: self.now) { _, _, _ in }
    }
    private func large(_ spool: TemporarySpool) async throws -> QueueID {
        let message = spool.message(octets: 200_000)
        let file = spool.spool.newContentFile(for: message.id)
        try file.append(ByteBuffer(repeating: 0x61, count: 200_000))
        try file.finish()
        try await spool.spool.accept(NewMessage(message, content: .file(file)), on: spool.loop).get()
        return message.id
    }
    private func leased(_ spool: TemporarySpool) async throws -> Set<QueueID> {
        let lease = try await spool.spool.lease(after: nil, count: 10_000)
        #expect(lease.damaged.isEmpty)
        return Set(lease.messages.map(\.id))
    }

    @Test("a sound spool is sound, and repair leaves every octet of it")
    func sound() async throws {
        let spool = try TemporarySpool()
        for _ in 0..<10 { try await spool.accept() }
        _ = try await self.large(spool)
        await spool.spool.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: "\(spool.path)/spool.sqlite"))
        let report = try self.check(spool)
        #expect(report.isSound)
        #expect(report.messages == 11)
        #expect(try self.repair(spool) == SpoolRepair(report: report))
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(spool.path)/spool.sqlite")) == before)
    }

    @Test("while a relay has the spool both refuse; where there is none they say so")
    func refusals() throws {
        let spool = try TemporarySpool()
        let used = #expect(throws: SpoolError.self) { try self.check(spool) }
        #expect(used?.code == .inUse)
        let none = #expect(throws: SpoolError.self) { try SpoolInspection(directory: "/nowhere") }
        #expect(none?.description.contains("there is no spool in /nowhere") == true)
    }

    @Test("missing, short and unreadable: each is named, moved aside with what is known of it, and the rest is kept")
    func damagedMessages() async throws {
        let spool = try TemporarySpool()
        var kept: Set<QueueID> = []
        for number in 0..<30 { kept.insert(try await spool.accept(content: "Subject: \(number)\r\n\r\nhi\r\n").id) }
        kept.insert(try await self.large(spool))
        let missing = try await self.large(spool)
        let short = try await self.large(spool)
        let unreadable = try await spool.accept(content: "Subject: still here\r\n\r\nhello\r\n").id
        let dropped = try #require(kept.min())
        let target = RecipientTarget(message: dropped, index: 0, generation: 0)
        let undo = try await spool.apply(.drop(undoUntil: Timestamp(milliseconds: 1000)), [target]).undo
        await spool.spool.close()
        #expect(unlink("\(spool.path)/content/\(missing)") == 0)
        #expect(truncate("\(spool.path)/content/\(short)", 1000) == 0)
        try Data().write(to: URL(fileURLWithPath: "\(spool.path)/incoming/ABC"))
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(
                sql: "UPDATE messages SET envelope = x'FF' WHERE id = ?", arguments: [unreadable.rawValue])
        }

        let report = try self.check(spool)
        #expect(Set(report.damaged.map(\.id)) == [missing, short, unreadable])
        #expect(report.damaged.first { $0.id == unreadable }?.from == "<>", "the facts know it")
        #expect(report.messages == kept.count)
        #expect(report.leftOver == ["incoming/ABC"])
        #expect(report.database.isEmpty)

        let repair = try self.repair(spool)
        let folder = try #require(repair.folder)
        let files = try Set(FileManager.default.contentsOfDirectory(atPath: folder))
        #expect(files.isSuperset(of: ["README.txt", "spool.sqlite", "\(missing).txt", "\(short).eml", "\(short).txt"]))
        #expect(
            try String(contentsOfFile: "\(folder)/\(unreadable).eml", encoding: .utf8).hasPrefix("Subject: still here"))
        #expect(
            try String(contentsOfFile: "\(folder)/\(short).txt", encoding: .utf8).contains("1000 octets instead of"))

        let last = try #require(([missing, short, unreadable] + kept).max())
        try await spool.reopen()
        #expect(try await self.leased(spool) == kept)
        for id in kept { #expect(try await !spool.content(of: id).isEmpty) }
        #expect(spool.files("content").count == 1)
        #expect(try await spool.spool.facts(of: short).map(\.kind) == [.accepted, .damaged])
        #expect(try await spool.spool.counters().accepted == kept.count + 3)
        let token = try #require(undo)
        let undone = try await spool.spool.undo(
            token, after: nil, at: Timestamp(milliseconds: 500), by: "bob", on: spool.loop
        )
        .get()
        #expect(undone.changes.count == 1)
        #expect(spool.spool.nextID(at: Timestamp(milliseconds: 0)) > last)
        await spool.spool.close()
        #expect(try self.check(spool).isSound)
    }

    @Test("a page that is noise", arguments: ["messages", "content", "facts", "factsOfMessage"])
    func noise(_ table: String) async throws {
        let spool = try TemporarySpool()
        var all: Set<QueueID> = []
        for number in 0..<1000 { all.insert(try await spool.accept(content: "Subject: \(number)\r\n\r\nhi\r\n").id) }
        await spool.spool.close()
        try spool.overwritePage(of: table, at: 0.5)
        let report = try self.check(spool)
        #expect(!report.isSound)
        #expect(!report.database.isEmpty)
        let repair = try self.repair(spool)
        let lost = Set(repair.report.damaged.map(\.id))
        #expect(lost.count < 500)
        #expect(table == "messages" || table == "content" || lost.isEmpty)
        #expect(repair.facts > 800)
        try await spool.reopen()
        #expect(try await self.leased(spool) == all.subtracting(lost))
        for id in all.subtracting(lost) { #expect(try await spool.content(of: id).hasPrefix("Subject: ")) }
        await spool.spool.close()
        #expect(try self.check(spool).isSound)
    }

    /// As after a write that the disk said it had done: the page is sound, and older than the others.
    @Test("a row that is missing where all seems sound is named by its content")
    func lostWrite() async throws {
        let spool = try TemporarySpool()
        var all: Set<QueueID> = []
        for _ in 0..<100 { all.insert(try await spool.accept().id) }
        await spool.spool.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: "\(spool.path)/spool.sqlite"))
        let page = try #require(try spool.leaves(of: "messages").last)
        try await spool.reopen()
        let lost = try await spool.accept(content: "Subject: the last\r\n\r\nhello\r\n").id
        await spool.spool.close()
        try #require(try spool.leaves(of: "messages").last == page)
        try spool.overwrite([page], with: before[((page - 1) * 8192)..<(page * 8192)])
        let report = try self.check(spool)
        #expect(report.damaged.map(\.id) == [lost])
        #expect(report.messages == all.count)
        let folder = try #require(try self.repair(spool).folder)
        #expect(try String(contentsOfFile: "\(folder)/\(lost).eml", encoding: .utf8).hasPrefix("Subject: the last"))
        try await spool.reopen()
        #expect(try await self.leased(spool) == all)
        await spool.spool.close()
        #expect(try self.check(spool).isSound)
    }

    @Test("a row that no sound table may have is named and kept aside, not left out")
    func refusedRow() async throws {
        let spool = try TemporarySpool()
        let kept = try await spool.accept().id
        let refused = try await self.large(spool)
        await spool.spool.close()
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(
                sql: """
                    PRAGMA writable_schema = ON;
                    UPDATE sqlite_master SET sql = replace(sql, 'isFile INTEGER NOT NULL', 'isFile INTEGER')
                    WHERE name = 'messages';
                    """)
        }
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(sql: "UPDATE messages SET isFile = NULL WHERE id = ?", arguments: [refused.rawValue])
            try db.execute(
                sql: """
                    PRAGMA writable_schema = ON;
                    UPDATE sqlite_master SET sql = replace(sql, 'isFile INTEGER', 'isFile INTEGER NOT NULL')
                    WHERE name = 'messages';
                    """)
        }
        // Nor does a start take its file away.
        try await spool.reopen()
        #expect(spool.files("content") == [refused.description])
        await spool.spool.close()
        let repair = try self.repair(spool)
        #expect(repair.report.messages == 1)
        #expect(repair.report.damaged.map(\.id) == [refused])
        let folder = try #require(repair.folder)
        #expect(FileManager.default.fileExists(atPath: "\(folder)/\(refused).eml"))
        try await spool.reopen()
        #expect(try await self.leased(spool) == [kept])
    }

    @Test("a file without a row is kept while facts say that its message was accepted and not settled")
    func fileWithoutRow() async throws {
        let spool = try TemporarySpool()
        let ids = [try await self.large(spool), try await self.large(spool)]
        let settled = try #require(try await spool.spool.message(ids[1]))
        let path = "\(spool.path)/content/\(ids[1])"
        try FileManager.default.copyItem(atPath: path, toPath: "\(spool.path)/copy")
        _ = try await spool.settle(settled, [.relayed])
        try FileManager.default.moveItem(atPath: "\(spool.path)/copy", toPath: path)
        await spool.spool.close()
        try await DatabaseQueue(path: "\(spool.path)/spool.sqlite").write { db in
            try db.execute(sql: "DELETE FROM messages")
        }
        try await spool.reopen()
        #expect(spool.files("content") == [ids[0].description])
    }

    @Test("a file of a drop that an operator had forgotten is no lost mail")
    func fileOfPurged() async throws {
        let spool = try TemporarySpool()
        let id = try await self.large(spool)
        let message = try #require(try await spool.spool.message(id))
        let path = "\(spool.path)/content/\(id)"
        try FileManager.default.copyItem(atPath: path, toPath: "\(spool.path)/copy")
        _ = try await spool.apply(.drop(undoUntil: Timestamp(milliseconds: 100)), [message.target()])
        let order = PurgeOrder(at: Timestamp(milliseconds: 50), by: "bob")
        while try await spool.spool.purge(at: Timestamp(milliseconds: 101), by: order, on: spool.loop).get() {}
        #expect(try await spool.spool.facts(of: id).map(\.kind) == [.accepted, .dropped, .purged])
        if !FileManager.default.fileExists(atPath: path) {
            try FileManager.default.moveItem(atPath: "\(spool.path)/copy", toPath: path)
        }
        try await spool.reopen()
        #expect(spool.files("content").isEmpty)
    }

    @Test("a repair that was killed between its last steps is finished by the next opening")
    func interrupted() async throws {
        let spool = try TemporarySpool()
        let id = try await spool.accept().id
        await spool.spool.close()
        try FileManager.default.moveItem(
            atPath: "\(spool.path)/spool.sqlite", toPath: "\(spool.path)/repaired.sqlite")
        for name in ["spool.sqlite", "spool.sqlite-wal"] {
            try Data(repeating: 0xA5, count: 65536).write(to: URL(fileURLWithPath: "\(spool.path)/\(name)"))
        }
        try await spool.reopen()
        #expect(try await self.leased(spool) == [id])
        await spool.spool.close()
        #expect(spool.files("").filter { $0.hasSuffix("sqlite") } == ["spool.sqlite"])
        #expect(try self.check(spool).isSound)
    }

    @Test("a database that is none any more leaves an empty spool, and all that was there is kept aside")
    func noDatabase() async throws {
        let spool = try TemporarySpool()
        let id = try await self.large(spool)
        await spool.spool.close()
        try Data(repeating: 0xA5, count: 65536).write(to: URL(fileURLWithPath: "\(spool.path)/spool.sqlite"))
        let folder = try #require(try self.repair(spool).folder)
        #expect(FileManager.default.fileExists(atPath: "\(folder)/\(id).eml"))
        try await spool.reopen()
        #expect(try await self.leased(spool).isEmpty)
    }

    /// With the first two a damaged index led round in a circle, or the counters' row broke its table's rules.
    @Test(
        "whatever octets of the file change, nothing traps or goes round for ever, and a repaired spool is sound",
        arguments: [11_024_220_901_683_835_923, 14_993_786_277_653_925_439, .random(in: 0..<UInt64.max)] as [UInt64])
    func random(_ seed: UInt64) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let original = try TemporarySpool()
        for number in 0..<60 { try await original.accept(content: "Subject: \(number)\r\n\r\nhi\r\n") }
        await original.spool.close()
        let sound = try Data(contentsOf: URL(fileURLWithPath: "\(original.path)/spool.sqlite"))
        for _ in 0..<40 {
            var octets = sound
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                // The first page is the schema, without which there is nothing to read.
                octets[Int.random(in: 8192..<octets.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let spool = try TemporarySpool()
            await spool.spool.close()
            try octets.write(to: URL(fileURLWithPath: "\(spool.path)/spool.sqlite"))
            _ = try self.repair(spool)
            try await spool.reopen()
            _ = try await self.leased(spool)
            await spool.spool.close()
            #expect(try self.check(spool).isSound)
        }
    }

    /// Pages of the same messages and contents lie side by side, and so does what one bad write hits.
    @Test(
        "runs of damaged pages: each message is kept or named, by repair and by a start",
        arguments: [7_821_485_760_430_732_720, .random(in: 0..<UInt64.max)] as [UInt64])
    func runs(_ seed: UInt64) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let original = try TemporarySpool()
        var all: Set<QueueID> = []
        for number in 0..<300 {
            let content = "Subject: \(number)\r\n\r\n" + String(repeating: "hello ", count: 80)
            all.insert(try await original.accept(content: content).id)
            if number % 100 == 0 { all.insert(try await self.large(original)) }
        }
        // Facts of those that are gone name nothing that could be lost.
        for _ in 0..<100 {
            let message = try await original.accept()
            _ = try await original.settle(message, [.relayed])
        }
        await original.spool.close()
        for round in 0..<3 {
            let spool = try TemporarySpool()
            await spool.spool.close()
            try FileManager.default.removeItem(atPath: spool.path)
            try FileManager.default.copyItem(atPath: original.path, toPath: spool.path)
            for table in ["messages", "content"] + (round == 2 ? ["facts"] : []) {
                let leaves = try original.leaves(of: table)
                for _ in 0..<2 {
                    let first = Int.random(in: 0..<leaves.count, using: &random)
                    try spool.overwrite(leaves[first...].prefix(.random(in: 1...3, using: &random)))
                }
            }
            let report = try self.check(spool)
            let lost = Set(report.damaged.map(\.id))
            // Without facts it is in doubt what was there.
            if round < 2 {
                #expect(report.messages + lost.count == all.count)
                #expect(lost.subtracting(all).isEmpty)
            }
            let started = try await self.started(spool)
            if round < 2 {
                #expect(lost.subtracting(started).isEmpty)
                #expect(started.count == report.messages + lost.count)
            }
            let repair = try self.repair(spool)
            #expect(repair.report.messages == report.messages)
            try await spool.reopen()
            let leased = try await self.leased(spool)
            #expect(leased.count == report.messages)
            if round < 2 { #expect(leased.symmetricDifference(started.subtracting(lost)).isEmpty) }
            for id in leased { #expect(try await !spool.content(of: id).isEmpty) }
            await spool.spool.close()
            #expect(try self.check(spool).isSound)
        }
    }

    /// - Returns: what a start is handed or told of.
    private func started(_ spool: TemporarySpool) async throws -> Set<QueueID> {
        try await spool.reopen()
        var found: Set<QueueID> = []
        var last: QueueID?
        while true {
            let lease = try await spool.spool.lease(after: last, count: 100)
            guard let end = lease.end else { break }
            #expect(lease.messages.count + lease.damaged.count <= 100)
            found.formUnion(lease.messages.map(\.id) + lease.damaged.map(\.message))
            last = end
        }
        await spool.spool.close()
        return found
    }
}
