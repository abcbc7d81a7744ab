import Mail
import NIOCore
import Spool

/// Outcomes of attempts that the spool could not write down: the mail is where it is, so the writing is tried again, not
/// the attempt.
extension Queue {
    struct Unwritten {
        var outcomes: [Settlement.Outcome]
        var message: QueueID
        var done: (Bool) -> Void
    }

    func putOff(_ outcomes: Unwritten) {
        self.unwritten.append(outcomes)
        if self.unwritten.count == 1 { self.armWriting() }
    }

    /// All of it when the spool is believed to work again; and once more before the end.
    private func armWriting() {
        self.loop.scheduleTask(in: .seconds(1)) {
            guard self.spoolWatch.isWriting || self.isStopping else { return self.armWriting() }
            let all = self.unwritten
            self.unwritten = []
            for one in all { self.settle(one.outcomes, of: one.message, done: one.done) }
            for destination in self.destinations { self.pump(destination) }
        }
    }
}
