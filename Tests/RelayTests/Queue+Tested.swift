import Logging
import Mail
import NIOPosix
import Spool

@testable import Relay

extension Queue {
    /// A queue of a relay that does nothing else, at a moment that stays.
    static func tested(
        _ configuration: RelayConfiguration, spool: any Spool, at now: Timestamp
    ) throws -> Queue {
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let signal = ChangeSignal(loop: loop)
        let clock = Clock(now: { now }, steady: { 0 })
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return Queue(
            configuration, keyring: try Keyring(configuration), node: "mx", loop: loop, spool: spool,
            delivery: Delivery(
                group: group, spool: spool, registry: SessionRegistry(node: "mx", signal: signal), clock: clock,
                log: log, threads: .singleton),
            spoolWatch: SpoolWatch(
                spool.condition, floor: 0, threads: .singleton, loop: loop, log: log, signal: signal),
            rules: StandingRules(), clock: clock, log: log, signal: signal)
    }
}
