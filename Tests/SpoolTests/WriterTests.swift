import Glibc
import Mail
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Spool

@Suite("the spool's writer", .timeLimit(.minutes(5)))
struct WriterTests {
    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { self.value.load(ordering: .relaxed) }
        func set() { self.value.store(true, ordering: .relaxed) }
    }

    @Test("what is free inside the database is room while the log has its own")
    func room() {
        func room(_ disk: Int, log: Int) -> Int {
            SpoolDirectory.room(onDisk: disk << 20, inDatabase: 100 << 20, log: log << 20, atMost: 40 << 20) >> 20
        }
        #expect(room(60, log: 0) == 160)
        #expect(room(30, log: 33) == 130, "it has grown as far as it will")
        #expect(room(30, log: 0) == 30)
        #expect(SpoolDirectory.room(onDisk: .max, inDatabase: 1, log: 0, atMost: 40 << 20) == .max)
    }

    @Test("a transaction that goes on from change to change does not stand still, however long it is")
    func movesOn() async throws {
        let spool = try TemporarySpool()
        let writer = spool.spool.writer
        let times = Mutex<[NIODeadline?]>([])
        // Together, since a change that nobody waits for waits for company.
        let waiting = (0..<3).map { _ in
            writer.submit(.patient, on: spool.loop) { _, _ in
                times.withLock { $0.append(writer.writes.since) }
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

    @Test("changes that are to have company wait for it: until enough have come, or one that expects no other")
    func gathers() async throws {
        // For the whole time that the test has.
        let spool = try TemporarySpool(gathering: .minutes(2))
        let writer = spool.spool.writer
        let isReleased = Flag()
        // Two that come together behind another: from then on the writer takes it that many write.
        let first = writer.submit(on: spool.loop) { _, _ in while !isReleased.isSet {} }
        let pair = (0..<2).map { _ in writer.submit(.gathering, on: spool.loop) { _, _ in } }
        isReleased.set()
        try await first.get()
        for future in pair { try await future.get() }

        let isWritten = Flag()
        let waiting = writer.submit(.gathering, on: spool.loop) { _, _ in
            isWritten.set()
        }
        try await Task.sleep(for: .milliseconds(100))
        #expect(!isWritten.isSet)
        try await writer.submit(.prompt, on: spool.loop) { _, _ in }.get()
        try await waiting.get()
        for future in (0..<8).map({ _ in writer.submit(.gathering, on: spool.loop) { _, _ in } }) {
            try await future.get()
        }
    }

    @Test("a write that stands still is interrupted, and nothing else is")
    func restarts() async throws {
        let writes = WatchedWrites()
        let interrupting = Task {
            while !Task.isCancelled {
                _ = writes.interrupt(since: .now())
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        let code = try await NIOThreadPool.singleton.runIfActive {
            // A pipe that nobody writes to, as a disk that does not answer.
            var ends: [CInt] = [0, 0]
            pipe(&ends)
            defer { for end in ends { Glibc.close(end) } }
            return writes.watch {
                var octet: UInt8 = 0
                return read(ends[0], &octet, 1) < 0 ? errno : 0
            }
        }
        interrupting.cancel()
        await interrupting.value
        #expect(code == EINTR)
        #expect(writes.since == nil)
        #expect(writes.takeInterruption())
        #expect(writes.interrupt(since: .now()) == 0)
        #expect(!writes.takeInterruption(), "nobody writes")
    }

    @Test("a change that fails leaves nothing, and those around it are written")
    func failure() async throws {
        struct Refusal: Error {}
        let spool = try TemporarySpool()
        let writer = spool.spool.writer
        let (before, after) = (spool.message(octets: 3), spool.message(octets: 3))
        let bad = spool.message(octets: 3)
        @Sendable func new(_ message: SpooledMessage) -> PackedMessage {
            PackedMessage(NewMessage(message, content: .buffer(ByteBuffer(string: "abc"))))
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
            flag.set()
        }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await writer.close()
                    return flag.isSet
                }
            }
            for await wasWritten in group { #expect(wasWritten) }
        }
        await writer.close()
        try await change.get()
    }
}
