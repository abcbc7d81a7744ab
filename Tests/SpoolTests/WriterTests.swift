import Mail
import NIOCore
import Synchronization
import Testing

@testable import Spool

@Suite("the spool's writer", .timeLimit(.minutes(2)))
struct WriterTests {
    private final class Flag: Sendable { let isSet = Atomic(false) }

    @Test("what is free inside the database is room while the log has its own")
    func room() {
        func room(_ disk: Int, log: Int) -> Int {
            SpoolDirectory.room(onDisk: disk << 20, inDatabase: 100 << 20, log: log << 20) >> 20
        }
        #expect(room(60, log: 0) == 160)
        #expect(room(30, log: 33) == 130, "it has grown as far as it will")
        #expect(room(30, log: 0) == 30)
        #expect(SpoolDirectory.room(onDisk: .max, inDatabase: 1, log: 0) == .max)
    }

    @Test("a transaction that goes on from change to change does not stand still, however long it is")
    func movesOn() async throws {
        let spool = try TemporarySpool()
        let writer = spool.spool.writer
        let times = Mutex<[NIODeadline?]>([])
        // Together, since a change that nobody waits for waits for company.
        let waiting = (0..<3).map { _ in
            writer.submit(.patient, on: spool.loop) { _, _ in
                times.withLock { $0.append(writer.writingSince) }
                // The clock moves on.
                let start = NIODeadline.now()
                while NIODeadline.now() == start {}
            }
        }
        for future in waiting { try await future.get() }
        let found = times.withLock { $0.compactMap { $0 } }
        #expect(found.count == 3)
        #expect(Set(found.map(\.uptimeNanoseconds)).count == 3)
        #expect(found == found.sorted())
    }

    @Test("a change that fails leaves nothing, and those around it are written")
    func failure() async throws {
        struct Refusal: Error {}
        let spool = try TemporarySpool()
        let writer = spool.spool.writer
        let (before, after) = (spool.message(octets: 3), spool.message(octets: 3))
        let bad = spool.message(octets: 3)
        @Sendable func new(_ message: SpooledMessage) -> NewMessage {
            NewMessage(message, content: .buffer(ByteBuffer(string: "abc")))
        }
        // Together, since a change that nobody waits for waits for company.
        let first = writer.submit(.patient, on: spool.loop) { store, db in try store.insert(new(before), db) }
        let second = writer.submit(.patient, on: spool.loop) { store, db in
            try store.insert(new(bad), db)
            throw Refusal()
        }
        let third = writer.submit(.patient, on: spool.loop) { store, db in try store.insert(new(after), db) }
        try await first.get()
        await #expect(throws: SpoolError.self) { try await second.get() }
        try await third.get()
        #expect(try await spool.spool.lease(after: nil, count: 10).messages.map(\.id) == [before.id, after.id])
        #expect(try await spool.spool.counters().accepted == 2)
        // And the next transaction is one of its own, also for what reads in it.
        #expect(try await spool.settle(before, [.relayed]) == .done(generation: 1, isGone: true))
    }

    @Test("whoever closes it waits until what was begun is written")
    func close() async throws {
        let spool = try TemporarySpool()
        let writer = spool.spool.writer
        let flag = Flag()
        let change = writer.submit(on: spool.loop) { _, _ in
            let start = NIODeadline.now()
            while NIODeadline.now() - start < .milliseconds(100) {}
            flag.isSet.store(true, ordering: .relaxed)
        }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await writer.close()
                    return flag.isSet.load(ordering: .relaxed)
                }
            }
            for await wasWritten in group { #expect(wasWritten) }
        }
        await writer.close()
        try await change.get()
    }
}
