import Foundation
import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Spool
import SpoolTesting
import Testing

@testable import hoptop

@Suite("where the log goes on after a start", .timeLimit(.minutes(2)))
struct LogPlaceTests {
    private let spool: SpoolTesting.MemorySpool
    private let writer: LogWriter
    private let said = NIOLockedValueBox<[String]>([])

    init() throws {
        self.spool = try SpoolTesting.MemorySpool()
        self.writer = try LogWriter("/dev/null") { _ in "" }
    }

    private struct Listener: LogHandler {
        let said: NIOLockedValueBox<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            self.said.withLockedValue { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }

    private func happens(_ count: Int) async throws {
        let facts = (0..<count).map { Fact(at: Timestamp(milliseconds: Int64($0)), kind: .reloaded, message: nil) }
        try await self.spool.note(facts, on: MultiThreadedEventLoopGroup.singleton.next()).get()
    }

    /// What a run begins with: how many facts it tells that are there already.
    private func begin() async throws -> (place: LogPlace, untold: Int, end: FactCursor) {
        let said = self.said
        let place = try await LogPlace(self.spool, self.writer, Logger(label: "test") { _ in Listener(said: said) })
        let page = try await self.spool.facts(after: place.start, count: 100_000)
        return (place, page.count, page.end)
    }

    @Test("a first start tells nothing of before, and one behind a kill all that has no line yet")
    func killed() async throws {
        try await self.happens(3)
        #expect(try await self.begin().untold == 0)
        try await self.happens(2)
        #expect(try await self.begin().untold == 2)
        // It comes so far, and is killed; or ends in good order.
        var run = try await self.begin()
        await run.place.reached(run.end)
        #expect(try await self.begin().untold == 0)
        try await self.happens(1)
        run = try await self.begin()
        await run.place.end(at: run.end)
        #expect(try await self.begin().untold == 0)
        #expect(self.said.withLockedValue { $0 }.isEmpty)
    }

    @Test("what was told within the pause is known to the spool behind it, though nothing more happens")
    func quiet() async throws {
        let place = try await LogPlace(
            self.spool, self.writer, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, pause: .milliseconds(50))
        for _ in 0..<2 {
            try await self.happens(1)
            await place.reached(try await self.spool.newestFacts(count: 0).end)
        }
        while try await self.begin().untold > 0 { try await Task.sleep(for: .milliseconds(10)) }
    }

    @Test("where the place cannot be read the spool keeps it, and a warning says what is left out")
    func unreadable() async throws {
        _ = try await self.begin()
        try await self.happens(3)
        self.spool.failReaders(true)
        let run = try await self.begin()
        #expect(run.untold == 0)
        #expect(self.said.withLockedValue { $0 }.first?.hasPrefix("where the log ended is not known") == true)
        self.spool.failReaders(false)
        await run.place.reached(run.end)
        await run.place.end(at: run.end)
        #expect(try await self.begin().untold == 3)
    }

    @Test("what was handed to a log that is not written yet is not told to be")
    func unwritten() async throws {
        var fifo: [Int32] = [0, 0]
        #expect(pipe(&fifo) == 0)
        defer { for end in fifo { close(end) } }
        let writer = try LogWriter("/proc/self/fd/\(fifo[1])") { _ in "" }
        let place = try await LogPlace(self.spool, writer, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await self.happens(1)
        let end = try await self.spool.newestFacts(count: 0).end
        // More than a pipe takes while nobody reads.
        await writer.writeAll(String(repeating: "x", count: 200_000) + "\n")
        await place.reached(end)
        #expect(try await self.begin().untold == 1)
        // Then all of it is read.
        var octets = [UInt8](repeating: 0, count: 300_000)
        var count = 0
        while count < 200_001 { count += max(read(fifo[0], &octets, octets.count), 0) }
        writer.flush(within: 60)
        await place.reached(end)
        #expect(try await self.begin().untold == 0)
    }

    @Test("a log that was off for long, or by another command, floods nobody when it is on again")
    func off() async throws {
        _ = try await self.begin()
        try await self.happens(50_001)
        #expect(try await self.begin().untold == 0)
        #expect(self.said.withLockedValue { $0 }.first?.contains("50001") == true)
        LogPlace.forget(self.spool)
        try await self.happens(2)
        #expect(try await self.begin().untold == 0)
    }
}
