import Logging
import Mail
import NIOCore
import Spool

/// Mail that the disk no longer has as it was written. It is neither sent as it is now, nor returned as if a next hop had
/// refused it, nor tried again and again: it waits on hold for the operator, who may release it when it is mended.
extension Queue {
    /// The content of an attempt's message cannot be had.
    func contentDamaged(_ reason: String, _ attempt: Attempt, _ result: JobResult) {
        self.spoolWatch.damagedMail.found([Damage(self.index.id(attempt.slot), reason)])
        self.settle(
            result.job, attempt,
            attempt.rows.map { row in
                var outcome = self.settled(row, .hold, reason, result)
                outcome.countsAsTry = false
                return outcome
            })
    }
}
