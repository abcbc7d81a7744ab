package import Mail

/// One part of an undo: the drops that a store has read for it, those of each message together, and what it makes of them.
package struct UndoPart: Sendable {
    private var messages: [(id: QueueID, drops: [Drop])] = []
    private var applied = Applied()

    package init() {}

    /// In the order in which the store goes through them.
    package var ids: [QueueID] { self.messages.map(\.id) }

    /// - Parameter drop: `nil` when its row is damaged.
    package mutating func add(_ drop: Drop?, of id: QueueID) {
        self.applied.end = id
        guard let drop else { return self.applied.skipped[.damaged, default: 0] += 1 }
        if self.messages.last?.id == id {
            self.messages[self.messages.count - 1].drops.append(drop)
        } else {
            self.messages.append((id, [drop]))
        }
    }

    /// - Parameters:
    ///   - message: as it is; `nil` when it is gone, or cannot be read.
    ///   - write: writes down what changes of a message, and the message as it is then.
    /// - Returns: what was done.
    package func takeBack(
        at now: Timestamp, by actor: String, message: (QueueID) throws -> SpooledMessage?,
        write: (QueueID, UndoEffect, SpooledMessage) throws -> Void
    ) rethrows -> Applied {
        var applied = self.applied
        for (id, drops) in self.messages {
            let effect = UndoEffect(drops, of: try message(id), at: now, by: actor)
            applied.add(effect)
            if let message = effect.message { try write(id, effect, message) }
        }
        return applied
    }
}
