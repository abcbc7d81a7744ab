import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("the watch over the spool", .timeLimit(.minutes(5)))
struct SpoolWatchTests {
    private let spool = StubSpool()

    private func watch(floor: Int) -> SpoolWatch {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return SpoolWatch(
            self.spool, floor: floor, threads: .singleton, loop: loop,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), signal: ChangeSignal(loop: loop))
    }

    /// Looks once, with so much free.
    private func look(_ watch: SpoolWatch, free: Int) async {
        self.spool.state.withLockedValue { $0.free = free }
        await watch.start()
        watch.stop()
    }

    @Test("too little room is told, and is over only when there is a little more than too little")
    func room() async {
        let watch = self.watch(floor: 80_000_000)
        await self.look(watch, free: 80_000_000)
        #expect(watch.isAccepting)
        #expect(watch.attention.isEmpty)
        await self.look(watch, free: 79_000_000)
        #expect(!watch.isAccepting)
        #expect(watch.attention.first?.severity == .failure)
        #expect(watch.attention.map(\.kind) == [.spoolLow(free: 79_000_000, wanted: 90_000_000)])
        await self.look(watch, free: 85_000_000)
        #expect(watch.refusal(of: nil)?.code == 452)
        await self.look(watch, free: 90_000_000)
        #expect(watch.isAccepting)
        #expect(watch.refusal(of: nil) == nil)
    }

    @Test("what failed is a 452 where the disk is full, else a 451")
    func failures() {
        for (code, reply) in [(SpoolError.Code.full, ReplyCode(rawValue: 452)), (.unavailable, 451), (.damaged, 451)] {
            let watch = self.watch(floor: 0)
            watch.failed(SpoolError(code, "as told"))
            #expect(watch.refusal(of: nil)?.code == reply)
            #expect(watch.attention.map(\.kind) == [.spoolFailing(error: "as told")])
            #expect(!watch.isWriting)
        }
    }

    @Test("a node that drains says that it takes no mail, and not that it could not; trouble beside that comes first")
    func draining() {
        let watch = self.watch(floor: 0)
        watch.drains(true)
        #expect(watch.refusal(of: nil)?.enhanced == EnhancedStatusCode(4, 3, 2))
        #expect(watch.isWriting)
        watch.failed(SpoolError(.unavailable, "as told"))
        #expect(watch.refusal(of: nil)?.enhanced == EnhancedStatusCode(4, 3, 0))
    }

    /// Counts the looks.
    private final class Disk: SpoolCondition {
        let looks = NIOLockedValueBox(0)
        func freeOctets() throws(SpoolError) -> Int? {
            self.looks.withLockedValue { $0 += 1 }
            return nil
        }
        func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> { eventLoop.makeSucceededVoidFuture() }
        func factsBehind() async throws -> [String: Int] { [:] }
        var writingSince: NIODeadline? { nil }
        func restartWrites(since time: NIODeadline) -> Int { 0 }

        /// Looks run on a thread of their own.
        func hasLooked(_ count: Int) async throws -> Bool {
            for _ in 0..<1000 where self.looks.withLockedValue({ $0 }) < count {
                try await Task.sleep(for: .milliseconds(5))
            }
            return self.looks.withLockedValue { $0 } == count
        }
    }

    @Test("it looks every second while mail comes, and seldom while none does")
    func rest() async throws {
        let disk = Disk()
        let loop = NIOAsyncTestingEventLoop()
        // Looks run on it one behind the other.
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        let watch = SpoolWatch(
            disk, floor: 0, threads: thread, loop: loop,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), signal: ChangeSignal(loop: loop))
        await watch.start()
        await loop.advanceTime(by: .seconds(1))
        #expect(try await disk.hasLooked(2))
        await loop.advanceTime(by: .seconds(9))
        #expect(try await disk.hasLooked(2))
        await loop.advanceTime(by: .seconds(1))
        #expect(try await disk.hasLooked(3))
        // The first client after a while need not wait for the next look.
        #expect(watch.refusal(of: nil) == nil)
        #expect(try await disk.hasLooked(4))
        for count in 5...8 {
            // What the look before found has been given to the loop by then.
            try await thread.runIfActive {}
            await loop.run()
            #expect(watch.refusal(of: nil) == nil)
            await loop.advanceTime(by: .seconds(1))
            #expect(try await disk.hasLooked(count))
        }
        watch.stop()
        await loop.advanceTime(by: .seconds(60))
        #expect(try await disk.hasLooked(8))
        try await thread.shutdownGracefully()
    }

    @Test("damaged mail is told with its number and an example, and keeps no other out")
    func damage() {
        let watch = self.watch(floor: 0)
        watch.damagedMail.found([
            Damage(.init(rawValue: 2), "its content is gone"), Damage(.init(rawValue: 3), "its row is noise"),
        ])
        #expect(watch.attention.map(\.kind) == [.damaged(messages: 2, example: "2", reason: "its content is gone")])
        #expect(watch.refusal(of: nil) == nil)
    }

    @Test("a way to damaged mail leads to what the queue has, and not to rows that nobody can read")
    func damageThatNoListHas() {
        let watch = self.watch(floor: 0)
        watch.damagedMail.found([Damage(.init(rawValue: 2), "its row is noise")], isListed: false)
        #expect(watch.attention.map(\.door) == [nil])
        watch.damagedMail.found([Damage(.init(rawValue: 3), "its content is gone")])
        #expect(watch.attention.map { $0.door?.text } == ["state:damaged"])
        watch.damagedMail.isOver(.init(rawValue: 3))
        #expect(watch.attention.map(\.door) == [nil])
    }
}
