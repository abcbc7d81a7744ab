import Logging
import Mail
import NIOCore
import Spool

/// The time of day may jump, by hours, and back again. How long mail has waited, and has still to wait, is counted in time
/// that really passed, so that nothing expires by a jump, or sleeps through one.
///
/// What the spool holds stays in the time of day; a start takes it as it is.
extension Queue {
    /// Less is a clock that is being set right, little by little.
    private static let tolerance: Int64 = 30_000

    func armClockCheck() {
        self.loop.scheduleTask(in: .seconds(1)) {
            guard !self.isStopping else { return }
            self.compareClocks()
            self.takeUp()
            self.armClockCheck()
        }
    }

    /// A message that was accepted a moment ago, as it would be if the clock had not jumped since.
    func rightInTime(_ message: SpooledMessage, at now: Timestamp) -> SpooledMessage {
        let jump = now.since(message.arrived)
        guard abs(jump) >= Self.tolerance else { return message }
        var message = message
        message.arrived = now
        for place in message.recipients.indices {
            message.recipients[place].due = message.recipients[place].due.adding(milliseconds: jump)
        }
        return message
    }

    /// Before anything is judged by its age or its time.
    func compareClocks() {
        let (now, steady) = (self.clock.now(), self.clock.steady())
        let jump = now.since(self.lastLook.now) - (steady - self.lastLook.steady)
        self.lastLook = (now, steady)
        guard abs(jump) >= Self.tolerance else { return }
        self.log.warning("the time of day jumped; what waits goes on waiting", metadata: ["seconds": "\(jump / 1000)"])
        self.index.shift(by: jump, to: now)
        for destination in self.destinations { destination.shift(by: jump) }
        self.shiftDues(by: jump)
        // What these were counted by is no more.
        self.census = QueueCensus()
        self.flow = Flow(at: now)
    }
}
