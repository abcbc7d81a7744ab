import Mail
import NIOConcurrencyHelpers
import NIOCore
import Spool
import SpoolTesting
import Testing

@testable import Relay

@Suite("a queue that others share")
struct QueueLeaseTests {
    @Test("nothing begins where the lease was not on when the queue was made, until it is said to be")
    func isNotOnYet() async throws {
        let start = Timestamp(milliseconds: 1_795_510_800_000)
        let time = NIOLockedValueBox(start)
        let store = MemoryStore(leaseMilliseconds: 1000) { time.withLockedValue { $0 } }
        let spool = try MemorySpool(store)
        time.withLockedValue { $0 = start.adding(milliseconds: 1001) }
        #expect(spool.lease == nil)
        let queue = try Queue.tested(
            RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: ""), spool: spool, at: start)
        try await queue.loop.submit { queue.add([]) }.get()
        #expect(try await queue.loop.submit { !queue.scheduler.mayBegin && !queue.looksAtLease() }.get())

        time.withLockedValue { $0 = start }
        let lease = try #require(spool.lease)
        try await queue.loop.submit { queue.fleetChanged(lease: lease, names: [:]) }.get()
        #expect(try await queue.loop.submit { queue.scheduler.mayBegin && queue.looksAtLease() }.get())
    }
}
