import Logging
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SMTP
import Spool
import Testing

@testable import Relay

@Suite("settlements that the spool does not take", .timeLimit(.minutes(5)))
struct SettlementWriterTests {
    /// A store that comes and goes.
    private final class Store: SpoolCondition {
        let isThere = NIOLockedValueBox(true)
        func freeOctets() throws(SpoolError) -> Int? { nil }
        func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
            self.isThere.withLockedValue { $0 }
                ? eventLoop.makeSucceededVoidFuture()
                : eventLoop.makeFailedFuture(SpoolError(.unavailable, "the store is gone"))
        }
        var writing: SpoolWriting? { nil }
        func factsBehind() async throws -> [String: Int] { [:] }
        var writingSince: NIODeadline? { nil }
        func restartWrites(since time: NIODeadline) -> Int { 0 }
    }

    private let store = Store()
    /// Fails each settlement.
    private let spool = StubSpool()

    /// Writes one outcome; returns when it has been tried so often, with how it ended until then.
    private func write(tries: Int, each: @escaping @Sendable () -> Void = {}) async throws -> [String] {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let watch = SpoolWatch(
            self.store, floor: 0, threads: .singleton, loop: loop, log: log, signal: ChangeSignal(loop: loop))
        let (ends, tried) = (NIOLockedValueBox<[String]>([]), NIOLockedValueBox(0))
        self.spool.state.withLockedValue {
            $0.settling = {
                each()
                tried.withLockedValue { $0 += 1 }
            }
        }
        await watch.start()
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        let spool = self.spool
        let writer = try await loop.submit {
            let reports = ReportWriter(spool: spool, rules: StandingRules(), clock: .system, loop: loop, log: log)
            let writer = SettlementWriter(
                reports, configuration, spool: spool, spoolWatch: watch, clock: .system, loop: loop)
            let outcome = Settlement.Outcome(index: 0, generation: 0, state: .deferred, reply: "450 4.2.1 later")
            writer.write([outcome], of: QueueID(rawValue: 1)) { progress in
                guard case .ended(let end) = progress else { return }
                ends.withLockedValue { $0.append("\(end)") }
            }
            return NIOLoopBound(writer, eventLoop: loop)
        }.get()
        while tried.withLockedValue({ $0 }) < tries { try await Task.sleep(for: .milliseconds(20)) }
        // What becomes of the last try is told in the same turn of the loop.
        try await loop.submit {}.get()
        watch.stop()
        try await loop.submit { writer.value.isStopping = true }.get()
        return ends.withLockedValue { $0 }
    }

    @Test("one that fails while others can be written is kept aside, after three times")
    func fault() async throws {
        let ends = try await self.write(tries: 3)
        #expect(ends.count == 1)
        #expect(ends.first?.hasPrefix("keptAside") == true)
    }

    @Test("one that fails since the store is away waits on, also where that is back as soon as somebody asks")
    func shortOutages() async throws {
        self.spool.state.withLockedValue { $0.failure.isAway = true }
        #expect(try await self.write(tries: 3).isEmpty)
    }

    @Test("one that fails each time because the store has gone again waits on: nothing is wrong with it")
    func outages() async throws {
        let isThere = self.store.isThere
        let outages = NIOLockedValueBox(0)
        let ends = try await self.write(tries: 3) {
            isThere.withLockedValue { $0 = false }
            let outage = outages.withLockedValue {
                $0 += 1
                return $0
            }
            MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: .milliseconds(200)) {
                // The end of an outage before may come late, and would end this one.
                if outages.withLockedValue({ $0 }) == outage { isThere.withLockedValue { $0 = true } }
            }
        }
        #expect(ends.isEmpty)
    }
}
