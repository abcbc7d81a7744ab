import Logging
import Mail
import Monitor
import NIOCore
import Spool

/// Makes facts of what operators do to this node and its sessions, as an order makes them of what it does to mail. A drain is none
/// of them: it is written with its fact, by `Fleet.drain`. From any thread.
struct OperatorDeeds: Sendable {
    /// A deed is done whether or not its fact can be written: nobody waits longer for a disk that stands still, behind which it is
    /// written all the same.
    private static let patience = TimeAmount.seconds(1)

    let spool: any Spool
    let loop: any EventLoop
    let signal: ChangeSignal
    let log: Logger

    /// Writes it down. When the spool is closed, what was noted before is on the disk.
    ///
    /// - Returns: when that is done, or cannot be.
    @discardableResult
    func note(_ fact: Fact) -> EventLoopFuture<Void> {
        let done = self.loop.makePromise(of: Void.self)
        let patience = self.loop.scheduleTask(in: Self.patience) { done.succeed() }
        self.spool.note([fact], on: self.loop).whenComplete { result in
            switch result {
            case .success: self.signal.raise(.facts)
            case .failure(let error):
                self.log.error(
                    "what an operator did could not be written down",
                    metadata: [
                        "what": "\(fact.kind.word)", "by": "\(fact.actor ?? "nobody")", "error": "\(error)",
                    ])
            }
            patience.cancel()
            done.succeed()
        }
        return done.futureResult
    }
}
