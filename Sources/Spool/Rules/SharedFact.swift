package import Mail
package import SMTP

/// A fact that is the same for several recipients of a message, but for whom it is about.
package struct SharedFact: Sendable, Hashable {
    package struct Recipient: Sendable, Hashable {
        package var index: Int
        package var forwardPath: ForwardPath
    }

    /// The fact of the first recipient, or of the whole message.
    package var fact: Fact
    /// The recipients behind the first, in order.
    package var others: [Recipient] = []

    package var count: Int { 1 + self.others.count }

    /// The facts that a reader is handed, in order.
    package var each: [Fact] {
        var facts: [Fact] = []
        facts.reserveCapacity(self.count)
        self.write(0..<self.count, to: &facts)
        return facts
    }

    /// Puts those of ``each`` at these places behind others. A fact has many texts, so each is copied once only; not inlined,
    /// all of it would be copied for the call.
    @inline(__always)
    package func write(_ places: Range<Int>, to facts: inout [Fact]) {
        for place in places {
            facts.append(self.fact)
            guard place > 0 else { continue }
            facts[facts.count - 1].recipient = self.others[place - 1].index
            facts[facts.count - 1].to = self.others[place - 1].forwardPath.description
        }
    }
}

extension Fact {
    /// An order or an undo, as it changed one recipient.
    init(_ kind: Kind, _ recipient: SpooledRecipient, of message: SpooledMessage, at now: Timestamp) {
        self.init(
            at: now, kind: kind, message: message.id, recipient: recipient.index,
            from: message.reversePath.description, to: recipient.forwardPath.description)
    }
}

extension Damage {
    /// Damage is told wherever facts are.
    package func fact(at now: Timestamp) -> Fact {
        Fact(at: now, kind: .damaged, message: self.message, text: self.reason)
    }
}
