import Mail
import Spool

/// Compares the time of day with a clock that never jumps.
///
/// What the spool holds stays in the time of day; a start takes it as it is.
struct ClockComparison {
    /// Milliseconds; less is a clock that is being set right, little by little.
    private static let tolerance: Int64 = 30_000

    private let clock: Clock
    private var last: (now: Timestamp, steady: Int64)

    init(_ clock: Clock) {
        self.clock = clock
        self.last = (clock.now(), clock.steady())
    }

    /// - Returns: the time, and by how many milliseconds it jumped since the last look, if it did.
    mutating func look() -> (now: Timestamp, jump: Int64?) {
        let (now, steady) = (self.clock.now(), self.clock.steady())
        let jump = now.since(self.last.now) - (steady - self.last.steady)
        self.last = (now, steady)
        return (now, abs(jump) >= Self.tolerance ? jump : nil)
    }

    /// A message that was accepted a moment ago, as it would be if the clock had not jumped since.
    static func rightInTime(_ message: SpooledMessage, at now: Timestamp) -> SpooledMessage {
        let jump = now.since(message.arrived)
        guard abs(jump) >= Self.tolerance else { return message }
        var message = message
        message.arrived = now
        for place in message.recipients.indices {
            message.recipients[place].due = message.recipients[place].due.adding(milliseconds: jump)
            message.recipients[place].heldSince = message.recipients[place].heldSince?.adding(milliseconds: jump)
        }
        return message
    }
}
