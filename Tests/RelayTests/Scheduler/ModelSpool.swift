import Mail
import SMTP
import Spool

/// A spool for one scheduler: what is written is there at once, and survives whatever becomes of the scheduler.
struct ModelSpool {
    private(set) var messages: [QueueID: SpooledMessage] = [:]
    /// How many recipients ended, and how.
    private(set) var settled: [RecipientState: Int] = [:]

    mutating func accept(_ message: SpooledMessage) { self.messages[message.id] = message }

    mutating func settle(_ outcomes: [Settlement.Outcome], of id: QueueID, at now: Timestamp) -> Settled {
        let settlement = Settlement(message: id, at: now, outcomes: outcomes)
        guard let effect = self.messages[id]?.settling(settlement, isKept: false) else { return .stale }
        self.messages[id] = effect.message
        for outcome in outcomes where outcome.state.isSettled { self.settled[outcome.state, default: 0] += 1 }
        return .done(generation: effect.generation, isGone: effect.message == nil)
    }

    mutating func apply(_ action: Order.Action, _ targets: [RecipientTarget], at now: Timestamp) -> Applied {
        var applied = Applied()
        for (id, targets) in RecipientTarget.byMessage(targets) {
            guard let effect = self.messages[id]?.applying(Order(action, at: now, by: "ops"), to: targets, token: 1)
            else { continue }
            self.messages[id] = effect.message.isOver(isKept: false) ? nil : effect.message
            for recipient in effect.changed where recipient.state.isSettled {
                self.settled[recipient.state, default: 0] += 1
            }
            applied.add(effect)
        }
        return applied
    }
}
