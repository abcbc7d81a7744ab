import Foundation
import GRDB
import Mail
import NIOCore
import SMTP
import Testing

@testable import Spool

@Suite("a spool in which the disk changed an octet, and no length", .timeLimit(.minutes(5)))
struct ChangedOctetsTests {
    private func check(_ spool: TemporarySpool) throws -> SpoolReport {
        try SpoolInspection(directory: spool.path).check { _, _, _ in }
    }

    private func path(_ localPart: String) -> Path {
        Path(mailbox: Mailbox(localPart: localPart, domain: Domain("example.org")))
    }

    /// What a reader that goes on to the end is handed before it is told.
    private func read(_ id: QueueID, of spool: TemporarySpool) async throws -> (octets: Int, code: SpoolError.Code?) {
        var octets = 0
        do {
            let source = try await spool.spool.content(of: id, on: spool.loop).get()
            while true {
                let piece = try await source.read(from: octets, count: 65536, on: spool.loop).get()
                guard piece.readableBytes > 0 else { return (octets, nil) }
                octets += piece.readableBytes
            }
        } catch let error as SpoolError { return (octets, error.code) }
    }

    @Test(
        "in a content file: who reads it is not handed its end, and others are as they were", arguments: [0, 199_999])
    func file(_ place: Int) async throws {
        let spool = try TemporarySpool()
        let ids = [try await spool.acceptLarge(), try await spool.acceptLarge()]
        try ContentFlip(path: "\(spool.path)/content/\(ids[0])").flip(at: place)
        for _ in 0..<2 {
            let changed = try await self.read(ids[0], of: spool)
            #expect(changed.octets == 196_608)
            #expect(changed.code == .damaged)
        }
        #expect(try await self.read(ids[1], of: spool) == (200_000, nil))
        await spool.spool.close()
        let report = try self.check(spool)
        #expect(report.damaged.map(\.id) == [ids[0]])
        #expect(report.messages == 1)
    }

    @Test("a file that is read a second time is verified a second time, and in part not at all")
    func order() async throws {
        let spool = try TemporarySpool()
        let id = try await spool.acceptLarge()
        let source = try await spool.spool.content(of: id, on: spool.loop).get()
        func read(_ offset: Int, _ count: Int) async throws -> Int {
            try await source.read(from: offset, count: count, on: spool.loop).get().readableBytes
        }
        for _ in 0..<2 {
            #expect(try await read(0, 150_000) == 150_000)
            #expect(try await read(150_000, 150_000) == 50_000)
            #expect(try await read(200_000, 150_000) == 0)
        }
        #expect(try await read(100_000, 200_000) == 100_000)
        try ContentFlip(path: "\(spool.path)/content/\(id)").flip(at: 7)
        #expect(try await read(0, 100_000) == 100_000)
        #expect(try await read(150_000, 100_000) == 50_000)
        await #expect(throws: SpoolError.self) { try await read(100_000, 100_000) }
    }

    @Test("in content that lies in the database")
    func inline() async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for number in 0..<10 {
            ids.append(try await spool.accept(content: "Subject: no-\(number)\r\n\r\nhello\r\n").id)
        }
        await spool.spool.close()
        try ContentFlip(path: "\(spool.path)/spool.sqlite").flip("Subject: no-4")
        #expect(try self.check(spool).damaged.map(\.id) == [ids[4]])
        try await spool.reopen()
        for id in ids {
            let code = try await self.read(id, of: spool).code
            #expect(code == (id == ids[4] ? .damaged : nil))
        }
        await spool.spool.close()
        // It is moved aside as it is, and the others keep their digests.
        let repair = try SpoolInspection(directory: spool.path).repair(at: Timestamp(milliseconds: 0)) { _, _, _ in }
        #expect(repair.report.damaged.map(\.id) == [ids[4]])
        #expect(try self.check(spool).isSound)
        try ContentFlip(path: "\(spool.path)/spool.sqlite").flip("Subject: no-5")
        #expect(try self.check(spool).damaged.map(\.id) == [ids[5]])
    }

    @Test("in an address, from or to: nobody else is written to")
    func address() async throws {
        let spool = try TemporarySpool()
        var ids: [QueueID] = []
        for number in 0..<10 {
            var message = spool.message(octets: 3)
            let (sender, recipient) = (self.path("sender-\(number)"), self.path("recipient-\(number)"))
            message.reversePath = .path(sender)
            message.recipients[0].forwardPath = .path(recipient)
            let new = NewMessage(message, content: .buffer(ByteBuffer(string: "abc")))
            try await spool.spool.accept(new, on: spool.loop).get()
            ids.append(message.id)
        }
        await spool.spool.close()
        // That of a fact alone is no damage of the mail, so both are in its way.
        for text in ["sender-3", "recipient-7"] { try ContentFlip(path: "\(spool.path)/spool.sqlite").flip(text) }
        let damaged = [ids[3], ids[7]]
        #expect(try self.check(spool).damaged.map(\.id) == damaged)
        try await spool.reopen()
        let lease = try await spool.spool.lease(after: nil, count: 100)
        #expect(lease.damaged.map(\.message) == damaged)
        #expect(lease.messages.map(\.id) == ids.filter { !damaged.contains($0) })
        let error = await #expect(throws: SpoolError.self) { try await spool.spool.message(ids[7]) }
        #expect(error?.code == .damaged)
    }

    @Test("any one octet of what is packed")
    func packed() throws {
        let spool = try TemporarySpool()
        let message = spool.message(recipients: 2, octets: 1)
        let envelope = Packer.envelope(of: message)
        for packed in [envelope, Packer.recipients(message.recipients)] {
            for place in 0..<packed.count {
                for value in [packed[place] ^ 1, 0, 1, 255] {
                    var changed = packed
                    changed[place] = value
                    guard changed != packed else { continue }
                    #expect(throws: SpoolError.self) {
                        var unpacker = try Unpacker(ByteBuffer(bytes: changed), of: message.id)
                        if packed == envelope { _ = try unpacker.envelope() } else { _ = try unpacker.recipients() }
                    }
                }
            }
        }
    }

    @Test("a spool of version 1 has no digests: it is read as it is, checked as it is, and gets them from now on")
    func older() async throws {
        let spool = try TemporarySpool()
        let inline = try await spool.accept(recipients: 2)
        let large = try await spool.acceptLarge()
        let missing = try await spool.acceptLarge()
        await spool.spool.close()
        try spool.makeVersionOne()
        #expect(try self.check(spool).isSound)
        #expect(try spool.version() == 1)
        try await spool.reopen()
        #expect(try spool.version() == Schema.version)
        #expect(try await spool.spool.message(inline.id) == inline)
        #expect(try await spool.content(of: inline.id).hasSuffix("hello\r\n"))
        #expect(try await self.read(large, of: spool) == (200_000, nil))
        let new = try await spool.accept(content: "Subject: new\r\n")
        await spool.spool.close()
        #expect(try self.check(spool).isSound)
        try ContentFlip(path: "\(spool.path)/spool.sqlite").flip("Subject: new")
        #expect(unlink("\(spool.path)/content/\(missing)") == 0)
        let repair = try SpoolInspection(directory: spool.path).repair(at: Timestamp(milliseconds: 0)) { _, _, _ in }
        #expect(Set(repair.report.damaged.map(\.id)) == [new.id, missing])
        try await spool.reopen()
        #expect(try await spool.spool.lease(after: nil, count: 10).messages.map(\.id) == [inline.id, large])
    }

    @Test("a spool of version 1 can be repaired")
    func repairOlder() async throws {
        let spool = try TemporarySpool()
        let ids = [try await spool.accept().id, try await spool.acceptLarge()]
        await spool.spool.close()
        try spool.makeVersionOne()
        #expect(truncate("\(spool.path)/content/\(ids[1])", 10) == 0)
        let repair = try SpoolInspection(directory: spool.path).repair(at: Timestamp(milliseconds: 0)) { _, _, _ in }
        #expect(repair.report.damaged.map(\.id) == [ids[1]])
        try await spool.reopen()
        #expect(try spool.version() == Schema.version)
        #expect(try await spool.spool.lease(after: nil, count: 10).messages.map(\.id) == [ids[0]])
    }
}

/// One bit of a file, as a disk may lose it.
private struct ContentFlip {
    let path: String

    func flip(at place: Int) throws {
        var octets = try Data(contentsOf: URL(fileURLWithPath: self.path))
        octets[place] ^= 1
        try octets.write(to: URL(fileURLWithPath: self.path))
    }

    /// In each place where the text is: SQLite may have moved a row, and left the old one where nobody looks.
    func flip(_ text: String) throws {
        var octets = try Data(contentsOf: URL(fileURLWithPath: self.path))
        var start = octets.startIndex
        while let found = octets.range(of: Data(text.utf8), in: start..<octets.endIndex) {
            octets[found.lowerBound + 1] ^= 1
            start = found.upperBound
        }
        try #require(start > octets.startIndex)
        try octets.write(to: URL(fileURLWithPath: self.path))
    }
}

extension TemporarySpool {
    fileprivate func acceptLarge() async throws -> QueueID {
        let message = self.message(octets: 200_000)
        let file = self.spool.newContentFile(for: message.id)
        for _ in 0..<4 { try file.append(ByteBuffer(repeating: 0x61, count: 50_000)) }
        try file.finish()
        try await self.spool.accept(NewMessage(message, content: .file(file)), on: self.loop).get()
        return message.id
    }

    fileprivate func version() throws -> Int? {
        try DatabaseQueue(path: "\(self.path)/spool.sqlite").read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
    }

    /// The same messages as the first version kept them.
    fileprivate func makeVersionOne() throws {
        try DatabaseQueue(path: "\(self.path)/spool.sqlite").write { db in
            try db.execute(
                sql: """
                    CREATE TABLE older (
                        id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, arrived INTEGER NOT NULL,
                        octets INTEGER NOT NULL, envelope BLOB NOT NULL, recipients BLOB NOT NULL,
                        isFile INTEGER NOT NULL);
                    INSERT INTO older SELECT id, generation, arrived, octets,
                        CAST(x'01' || substr(envelope, 2, length(envelope) - 9) AS BLOB),
                        CAST(x'01' || substr(recipients, 2, length(recipients) - 9) AS BLOB), isFile FROM messages;
                    DROP TABLE messages;
                    ALTER TABLE older RENAME TO messages;
                    ALTER TABLE facts DROP COLUMN others;
                    ALTER TABLE facts DROP COLUMN actor;
                    ALTER TABLE facts DROP COLUMN envelope;
                    ALTER TABLE facts DROP COLUMN subject;
                    ALTER TABLE facts DROP COLUMN security;
                    ALTER TABLE facts DROP COLUMN messageID;
                    ALTER TABLE facts DROP COLUMN saidBy;
                    DROP TABLE readers;
                    DROP TABLE rules;
                    ALTER TABLE counters DROP COLUMN lastRule;
                    PRAGMA user_version = 1;
                    """)
        }
    }
}
