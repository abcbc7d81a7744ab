package import Mail
public import SMTP

/// A fact that is the same for several recipients of a message, but for whom it is about.
///
/// A class, since a fact has some twenty texts, and is handed on several times until all who follow the facts have it.
public final class SharedFact: Sendable, Hashable {
    public struct Recipient: Sendable, Hashable {
        public var index: Int
        public var forwardPath: ForwardPath
        public init(index: Int, forwardPath: ForwardPath) {
            self.index = index
            self.forwardPath = forwardPath
        }
    }

    /// The fact of the first recipient, or of the whole message.
    public let fact: Fact
    /// The recipients behind the first, in order.
    public let others: [Recipient]

    public init(fact: Fact, others: [Recipient] = []) {
        self.fact = fact
        self.others = others
    }

    public var count: Int { 1 + self.others.count }

    public static func == (one: SharedFact, other: SharedFact) -> Bool {
        one === other || one.fact == other.fact && one.others == other.others
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.fact)
        hasher.combine(self.others)
    }

    /// The facts that a reader is handed, in order.
    package var each: [Fact] {
        var facts: [Fact] = []
        facts.reserveCapacity(self.count)
        self.write(to: &facts)
        return facts
    }

    /// Puts ``each`` behind others. A fact has many texts, so each is copied once only; not inlined, all of it would be copied
    /// for the call.
    @inline(__always)
    func write(to facts: inout [Fact]) {
        facts.append(self.fact)
        for other in self.others {
            facts.append(self.fact)
            facts[facts.count - 1].isAbout(other)
        }
    }

    /// Some of ``each``, which are at least one.
    package func part(_ places: Range<Int>) -> SharedFact {
        if places == 0..<self.count { return self }
        var first = self.fact
        if places.lowerBound > 0 { first.isAbout(self.others[places.lowerBound - 1]) }
        return SharedFact(fact: first, others: Array(self.others[places.lowerBound..<places.upperBound - 1]))
    }
}

extension Fact {
    fileprivate mutating func isAbout(_ recipient: SharedFact.Recipient) {
        self.recipient = recipient.index
        self.to = recipient.forwardPath.description
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
