package import Mail
import SMTP

/// A drop that can be taken back for a while, and what is needed for that.
package struct Drop: Sendable, Hashable {
    package var message: QueueID
    /// The order that it was part of, as ``Spool/undo(_:after:at:by:on:)`` names it.
    package var token: Int64
    /// The last moment at which it can be taken back.
    package var until: Timestamp
    /// The recipient's generation since it was dropped.
    package var generation: UInt32
    /// The recipient as it was.
    package var before: SpooledRecipient

    package init(
        message: QueueID, token: Int64, until: Timestamp, generation: UInt32, before: SpooledRecipient
    ) {
        self.message = message
        self.token = token
        self.until = until
        self.generation = generation
        self.before = before
    }

    package func isOver(at now: Timestamp) -> Bool { now > self.until }
}

extension PurgeOrder {
    /// What becomes known of drops that are forgotten by it.
    ///
    /// - Parameters:
    ///   - recipients: of a message, whose drops they are.
    ///   - message: as it is; `nil` when it cannot be read.
    package func facts(_ recipients: [Int], of id: QueueID, _ message: SpooledMessage?) -> [Fact] {
        recipients.sorted().compactMap { index in
            var fact = Fact(at: self.at, kind: .purged, message: id, recipient: index)
            if let message, let place = message.place(of: index) {
                // A node of a fleet may have handed it over as it was dropped.
                guard message.recipients[place].state == .dropped else { return nil }
                fact = Fact(.purged, message.recipients[place], of: message, at: self.at)
            }
            fact.actor = self.actor
            return fact
        }
    }
}

/// What an undo makes of one message: a store writes all of it down in the undo's transaction.
package struct UndoEffect: Sendable {
    /// The message as it is from now on; `nil`: it stays as it is.
    package var message: SpooledMessage?
    /// The recipients that changed, as they are from now on.
    package var changed: [SpooledRecipient] = []
    /// The generations in which these were as they are again.
    package var revived: [UInt32] = []
    package var facts: [Fact] = []
    package var counts = Counters()
    package var skipped: [Skip: Int] = [:]

    /// Decides which drops of one message are taken back: those whose recipients are still dropped, while there is time.
    ///
    /// - Parameter message: `nil` when it is gone, or cannot be read.
    package init(_ drops: [Drop], of message: SpooledMessage?, at now: Timestamp, by actor: String) {
        for drop in drops {
            guard !drop.isOver(at: now) else {
                self.skipped[.tooLate, default: 0] += 1
                continue
            }
            guard var changed = self.message ?? message, let place = changed.place(of: drop.before.index),
                changed.recipients[place].state == .dropped, changed.recipients[place].generation == drop.generation
            else {
                self.skipped[.changed, default: 0] += 1
                continue
            }
            self.message = nil  // So that its recipients are not copied for each.
            if self.changed.isEmpty { changed.generation += 1 }
            changed.recipients[place] = drop.before
            // Who takes a drop back wants the mail: it stays on hold.
            changed.recipients[place].returnedBy = nil
            changed.recipients[place].generation = drop.generation + 1
            self.changed.append(changed.recipients[place])
            self.revived.append(drop.before.generation)
            var fact = Fact(.restored, changed.recipients[place], of: changed, at: now)
            fact.actor = actor
            self.facts.append(fact)
            self.counts.dropped -= 1
            self.message = changed
        }
    }
}
