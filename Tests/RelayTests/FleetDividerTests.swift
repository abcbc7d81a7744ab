import Logging
import Mail
import Spool
import SpoolTesting
import Testing

@testable import Relay

@Suite("how nodes divide what sites take", .timeLimit(.minutes(1)))
struct FleetDividerTests {
    private static func sharing(
        _ live: Int, of known: Int, _ division: FleetDivision, drains: Bool = false
    ) -> FleetSharing {
        var sharing = FleetSharing()
        (sharing.live, sharing.known, sharing.division, sharing.isDraining) = (live, known, division, drains)
        return sharing
    }

    @Test("by as many as there are; where others do not let that, by what is always allowed, which they may wait for")
    func wishes() {
        func wishes(_ sharing: FleetSharing) -> [String] {
            FleetDivider.wishes(sharing).map { "\($0.shares) of \($0.known)" }
        }
        #expect(wishes(Self.sharing(3, of: 3, FleetDivision())) == ["3 of 3"])
        #expect(wishes(Self.sharing(3, of: 3, FleetDivision(shares: 2, known: 2))) == ["3 of 3"])
        #expect(wishes(Self.sharing(3, of: 5, FleetDivision(shares: 4, known: 4))) == ["3 of 5", "4 of 5"])
        // Who drains, and has given its share up, asks for none.
        #expect(wishes(Self.sharing(2, of: 2, FleetDivision(), drains: true)) == [])
        #expect(wishes(Self.sharing(2, of: 2, FleetDivision(shares: 1, known: 1), drains: true)) == ["2 of 2"])
    }

    @Test("a node has its share as soon as the others have gone down to theirs, though none of them does anything else")
    func shares() async throws {
        let store = MemoryStore()
        let configuration = RelayConfiguration(hostname: "mx.example.net", listen: [], spoolDirectory: "")
        var nodes: [(queue: Queue, divider: FleetDivider)] = []
        for node: UInt8 in 1...3 {
            let spool = try MemorySpool(store, node: node)
            let queue = try Queue.tested(configuration, spool: spool, at: .now)
            let divider = FleetDivider(
                spool, queue: queue, log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            spool.listen { divider.wake() }
            await divider.begin()
            nodes.append((queue, divider))
        }
        for (queue, _) in nodes {
            var shares = 0
            while shares != 3 {
                try await Task.sleep(for: .milliseconds(10))
                shares = await queue.onLoop { queue.scheduler.backlog.gates.division.nodes }
            }
        }
        for (_, divider) in nodes { await divider.stop() }
    }
}
