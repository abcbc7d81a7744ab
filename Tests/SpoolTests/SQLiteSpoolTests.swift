import Foundation
import GRDB
import Mail
import NIOCore
import NIOPosix
import SMTP
import Synchronization
import Testing

@testable import Spool

@Suite("the spool in SQLite", .timeLimit(.minutes(5)))
struct SQLiteSpoolTests {
    @Test("what one attempt did to many recipients is one row, and its place is the last one's")
    func factsOfMany() async throws {
        let spool = try TemporarySpool()
        let message = try await spool.accept(recipients: 6)
        _ = try await spool.settle(message, [.relayed, .relayed, .deferred, .relayed, .relayed, .relayed])
        await spool.spool.close()
        let database = try DatabaseQueue(path: "\(spool.path)/spool.sqlite")
        let sequences = try await database.read { try Int.fetchAll($0, sql: "SELECT sequence FROM facts") }
        #expect(sequences == [1, 3, 4, 7])
        try database.close()
        try await spool.reopen()
        try await spool.accept()
        #expect(try await spool.spool.newestFacts(count: 0).end == FactCursor("8"))
    }

    @Test("what a reader has acknowledged is given to no other fact, also when the newest facts are lost")
    func acknowledgedAndLost() async throws {
        let spool = try TemporarySpool()
        for _ in 0..<3 { try await spool.accept() }
        let end = try await spool.spool.newestFacts(count: 0).end
        try await spool.spool.acknowledge(end, as: "journal", on: spool.loop).get()
        await spool.spool.close()
        let database = try DatabaseQueue(path: "\(spool.path)/spool.sqlite")
        try await database.write { try $0.execute(sql: "DELETE FROM facts WHERE sequence > 1") }
        try database.close()
        try await spool.reopen()
        let new = try await spool.accept()
        #expect(try await spool.spool.facts(after: end, count: 10).facts.map(\.message) == [new.id])
    }

    @Test("a reader that a failed transaction made known is not known")
    func readersRollBack() async throws {
        struct Refusal: Error {}
        let spool = try TemporarySpool(factsKept: 10)
        let failed = spool.spool.writer.submit(on: spool.loop) { store, db in
            try store.acknowledge(0, as: "journal", db)
            throw Refusal()
        }
        await #expect(throws: SpoolError.self) { try await failed.get() }
        #expect(try await spool.spool.acknowledged(by: "journal") == nil)
        // It would keep all of these.
        _ = try await spool.acceptMany(1500)
        for _ in 0..<2 { try await spool.accept() }
        #expect(try await spool.spool.facts(after: .start, count: 1).missing >= 1000)
    }

    @Test("a reader that stands still keeps so many facts, and not the whole disk; it is told how many it misses")
    func slowReader() async throws {
        let spool = try TemporarySpool(factsKept: 10, factsKeptForReaders: 1200)
        try await spool.spool.acknowledge(.start, as: "journal", on: spool.loop).get()
        _ = try await spool.acceptMany(1100)
        #expect(try await spool.spool.facts(after: .start, count: 1).missing == 0)
        _ = try await spool.acceptMany(1500)
        for _ in 0..<2 { try await spool.accept() }
        let missing = try await spool.spool.facts(after: .start, count: 1).missing
        #expect(missing >= 1000 && missing <= 2602 - 1200)
    }

    @Test("deferred together, each until a time of its own, is one row too; who wants to be told is the same fact")
    func factsOfDeferrals() async throws {
        let spool = try TemporarySpool()
        let message = try await spool.accept(recipients: 3)
        let outcomes = (0..<3).map { index in
            Settlement.Outcome(
                index: index, generation: 0, state: .deferred, due: message.arrived.adding(milliseconds: Int64(index)),
                reply: "450 4.2.0 greylisted", relayNoticed: index == 1)
        }
        let settlement = Settlement(message: message.id, at: message.arrived, outcomes: outcomes)
        _ = try await spool.spool.settle([settlement], on: spool.loop).get()
        let due = try await spool.spool.message(message.id)?.recipients.map(\.due)
        #expect(due == (0..<3).map { message.arrived.adding(milliseconds: $0) })
        #expect(
            try await spool.spool.facts(of: message.id).map(\.kind) == [.accepted, .deferred, .deferred, .deferred])
        #expect(try await spool.spool.counters().deferredAttempts == 3)
        await spool.spool.close()
        let database = try DatabaseQueue(path: "\(spool.path)/spool.sqlite")
        #expect(try await database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM facts") } == 2)
    }

    // MARK: large content

    @Test("large content streams to a file, which goes with its message")
    func largeContent() async throws {
        let spool = try TemporarySpool()
        let message = spool.message(octets: 300_000)
        let file = spool.spool.newContentFile(for: message.id)
        for _ in 0..<3 { try file.append(ByteBuffer(repeating: 0x61, count: 100_000)) }
        try file.finish()
        try await spool.spool.accept(NewMessage(message, content: .file(file)), on: spool.loop).get()
        #expect(spool.files("content") == [message.id.description])
        let source = try await spool.spool.content(of: message.id, on: spool.loop).get()
        #expect(source.octets == 300_000)
        #expect(try await source.read(from: 299_990, count: 100, on: spool.loop).get().readableBytes == 10)
        _ = try await spool.settle(message, [.relayed])
        #expect(spool.files("content").isEmpty)
    }

    @Test("files that no message names are swept at the start; discarded ones at once")
    func orphans() async throws {
        let spool = try TemporarySpool()
        let discarded = spool.spool.newContentFile(for: spool.spool.nextID(at: Timestamp(milliseconds: 0)))
        try discarded.append(ByteBuffer(string: "x"))
        discarded.discard()
        // A session may end while a piece of its content waits to be written.
        try discarded.append(ByteBuffer(string: "x"))
        #expect(spool.files("incoming").isEmpty)
        #expect(throws: SpoolError.self) { try discarded.finish() }
        let orphan = spool.spool.newContentFile(for: spool.spool.nextID(at: Timestamp(milliseconds: 0)))
        try orphan.append(ByteBuffer(string: "x"))
        try Data().write(to: URL(fileURLWithPath: "\(spool.path)/content/ABC"))
        try await spool.reopen()
        #expect(spool.files("incoming").isEmpty)
        #expect(spool.files("content").isEmpty)
    }

    // MARK: what goes wrong

    @Test("a second opening is refused, with the process that has it")
    func inUse() throws {
        let spool = try TemporarySpool()
        let error = #expect(throws: SpoolError.self) { try SQLiteSpool(directory: spool.path, threads: .singleton) }
        #expect(error?.code == .inUse)
        #expect(error?.description.contains("\(getpid())") == true)
    }

    @Test("a closed spool is free, also while a child begun before still has all our files")
    func free() async throws {
        let spool = try TemporarySpool()
        let links = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        let lock = links.first {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == "\(spool.path)/lock"
        }
        let inherited = dup(try #require(lock.flatMap { CInt($0) }))
        defer { close(inherited) }
        try await spool.reopen()
    }

    @Test("a newer version, another kind of file, and a file for a folder are refused in words")
    func refusals() async throws {
        let newer = try TemporarySpool()
        await newer.spool.close()
        try await DatabaseQueue(path: "\(newer.path)/spool.sqlite").write { db in
            try db.execute(sql: "PRAGMA user_version = 99")
        }
        let first = #expect(throws: SpoolError.self) { try SQLiteSpool(directory: newer.path, threads: .singleton) }
        #expect(first?.code == .newerVersion)

        try Data("no database, but long enough to be looked at as one".utf8)
            .write(to: URL(fileURLWithPath: "\(newer.path)/spool.sqlite"))
        try? FileManager.default.removeItem(atPath: "\(newer.path)/spool.sqlite-wal")
        let second = #expect(throws: SpoolError.self) { try SQLiteSpool(directory: newer.path, threads: .singleton) }
        #expect(second?.code == .damaged)

        let third = #expect(throws: SpoolError.self) {
            try SQLiteSpool(directory: "\(newer.path)/spool.sqlite", threads: .singleton)
        }
        #expect(third?.code == .notWritable)
    }

    @Test("a full disk refuses the message that does not fit; smaller ones and settlements go on")
    func full() async throws {
        let spool = try TemporarySpool(maximumPages: 40)
        let first = try await spool.accept()
        let error = await #expect(throws: SpoolError.self) {
            for _ in 0..<100 { try await spool.accept(content: String(repeating: "x", count: 20_000)) }
        }
        #expect(error?.code == .full)
        let kept = try await spool.spool.lease(after: nil, count: 1000).messages
        #expect(try await spool.spool.counters().accepted == kept.count)
        #expect(try await spool.settle(first, [.relayed]) == .done(generation: 1, isGone: true))
        for message in kept.dropFirst() { _ = try await spool.settle(message, [.relayed]) }
        try await spool.accept()
    }

    @Test("after a backlog its room is free again: inside the database at once, and bit by bit for the file system")
    func roomComesBack() async throws {
        let reserve = 1 << 20
        let spool = try TemporarySpool(maximumPages: 1200, reserve: reserve)
        var messages: [SpooledMessage] = []
        let error = await #expect(throws: SpoolError.self) {
            while true { messages.append(try await spool.accept(content: String(repeating: "x", count: 100_000))) }
        }
        #expect(error?.code == .full)
        // Other tests fill the same disk, so only what is added is looked at.
        var reusable: Int { spool.spool.directory.reusableOctets.load(ordering: .relaxed) }
        #expect(reusable < reserve)
        for message in messages { _ = try await spool.settle(message, [.relayed]) }
        // A look every second finds all of it, then a step every 50 ms gives some back.
        for _ in 0..<1000 where reusable <= reserve { try await Task.sleep(for: .milliseconds(5)) }
        for _ in 0..<1000 where reusable > reserve { try await Task.sleep(for: .milliseconds(10)) }
        #expect((reserve / 2...reserve).contains(reusable))
        #expect(try #require(try spool.spool.freeOctets()) > reusable)
        try await spool.accept(content: String(repeating: "x", count: 100_000))
        await spool.spool.close()
        let file = try FileManager.default.attributesOfItem(atPath: "\(spool.path)/spool.sqlite")
        #expect(try #require(file[.size] as? Int) < 3 * reserve)
    }

    @Test("a shell that holds the database's lock for a moment refuses no mail")
    func lockedForAMoment() async throws {
        let spool = try TemporarySpool()
        try await spool.accept()
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        let shell = try DatabaseQueue(path: "\(spool.path)/spool.sqlite", configuration: configuration)
        let (loop, message) = (spool.loop, spool.message(octets: 3))
        // All of it on the shell's own thread: however busy the tests are, it keeps the lock for a moment and not longer.
        let accepted = try await shell.writeWithoutTransaction { [spool = spool.spool] db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            let accepted = spool.accept(
                NewMessage(message, content: .buffer(ByteBuffer(string: "abc"))), on: loop)
            Thread.sleep(forTimeInterval: 0.3)
            try db.execute(sql: "ROLLBACK")
            return accepted
        }
        try await accepted.get()
        #expect(try await spool.spool.counters().accepted == 2)
    }

    @Test("what a transaction changed of the drops that can be taken back is undone with it, and no more")
    func undoableRollsBack() throws {
        let spool = try TemporarySpool()
        let store = Store(spool.spool.directory, ContentCache())
        let ids = (1...3).map { QueueID(rawValue: $0) }
        store.begin()
        for id in ids.prefix(2) { store.setUndoable(id, true) }
        store.committed()
        store.begin()
        store.setUndoable(ids[0], false)
        store.setUndoable(ids[2], true)
        store.setUndoable(ids[2], false)
        store.setUndoable(ids[0], true)
        store.setUndoable(ids[1], false)
        store.rolledBack()
        #expect(ids.map(store.isUndoable) == [true, true, false])
        // One that could not begin changed nothing.
        store.begin()
        store.rolledBack()
        #expect(ids.map(store.isUndoable) == [true, true, false])
    }

    @Test("octets that nobody packed are refused, and never trap")
    func damage() throws {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("seed \(seed)")
        var state = seed
        func next() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        let spool = try TemporarySpool()
        let message = spool.message(recipients: 3, octets: 1)
        let packed = Packer.recipients(message.recipients)
        for _ in 0..<5000 {
            var octets = packed
            for _ in 0..<(1 + Int(next()) % 8) { octets[Int(next()) % octets.count] = next() }
            octets.removeLast(Int(next()) % octets.count)
            do throws(SpoolError) {
                var unpacker = try Unpacker(ByteBuffer(bytes: octets), of: message.id)
                _ = try unpacker.recipients()
                var envelope = try Unpacker(ByteBuffer(bytes: octets), of: message.id)
                _ = try envelope.envelope()
            } catch {
                #expect(error.code == .damaged)
            }
        }
    }
}
