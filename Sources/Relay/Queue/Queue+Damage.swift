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

    /// The message's row cannot be read, or what belongs to it cannot be written, so that nothing can be settled. Its
    /// recipients are on hold in memory alone; the next start looks again.
    ///
    /// A database that does not even take this as a fact is damaged as a whole: then outcomes wait, and nothing is sent.
    func rowDamaged(
        _ error: SpoolError, _ outcomes: [Settlement.Outcome], of id: QueueID, done: @escaping (Bool) -> Void
    ) {
        let damage = Damage(id, "\(error)")
        let done = UncheckedTransfer(done)
        self.spool.report([damage], at: self.now, on: self.loop).whenComplete { result in
            guard case .success = result else {
                self.spoolWatch.failed(error)
                return self.putOff(Unwritten(outcomes: outcomes, message: id, done: done.value))
            }
            self.spoolWatch.damagedMail.found([damage])
            done.value(true)
            guard let slot = self.index.slot(of: id) else { return }
            for outcome in outcomes {
                guard let row = self.index.row(of: slot, index: outcome.index) else { continue }
                var held = outcome
                held.state = .hold
                held.countsAsTry = false
                held.reply = damage.reason
                self.index.settled(row, held, messageGeneration: self.index.generations[Int(slot)])
            }
        }
    }
}
