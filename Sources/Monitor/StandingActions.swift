public import Mail

/// What an operator can do about standing rules and destinations.
public enum StandingAction: Hashable, Sendable, Codable {
    /// Sets a rule. A destination has one suspension, one other way and one limit at most: an earlier one ends.
    case set(terms: StandingRule.Terms)
    /// Ends a rule. What it alone held is released; what it suspended or sent another way goes on as before.
    case end(rule: RuleRef)
    /// Allows a destination so many sessions, of all nodes together, by a rule that stands until somebody ends it; `nil`: as
    /// configured.
    case limit(destination: String, connections: Int?)
}

/// A standing rule of one node.
public struct RuleRef: Hashable, Sendable, Codable {
    public var node: String
    public var id: Int64
    public init(node: String, id: Int64) {
        self.node = node
        self.id = id
    }
}

/// A standing rule that has not ended, and what it does.
public struct RuleRow: Hashable, Sendable, Codable {
    public var ref: RuleRef
    public var rule: StandingRule
    /// Recipients that it holds now.
    public var held: Int
    /// MAIL and RCPT commands that it refused since the node started.
    public var refused: Int
    public init(ref: RuleRef, rule: StandingRule, held: Int = 0, refused: Int = 0) {
        self.ref = ref
        self.rule = rule
        self.held = held
        self.refused = refused
    }
}

/// What a rule would touch if it were set now: recipients in the queue that match it, or go to its destination.
public struct RulePreview: Hashable, Sendable, Codable {
    /// The terms as they would be set: a destination by its whole name.
    public var terms: StandingRule.Terms
    public var recipients: Int
    /// Messages they belong to.
    public var messages: Int
    /// Those among them that somebody holds already.
    public var onHold: Int
    /// The first few, to show.
    public var sample: [QueueRow]
    /// The rule that would end with it.
    public var replaces: StandingRule?
    /// False when mail goes to no such destination, and no route leads there: its name may be mistyped.
    public var isKnown: Bool
    /// Nodes that it would not reach; `nil`: none.
    public var absent: [AbsentNode]?
    public init(
        terms: StandingRule.Terms, recipients: Int, messages: Int, onHold: Int = 0, sample: [QueueRow] = [],
        replaces: StandingRule? = nil, isKnown: Bool = true, absent: [AbsentNode]? = nil
    ) {
        self.terms = terms
        self.recipients = recipients
        self.messages = messages
        self.onHold = onHold
        self.sample = sample
        self.replaces = replaces
        self.isKnown = isKnown
        self.absent = absent
    }
}

extension [RuleRow] {
    /// The rules of a kind about a destination: one, and those of the same name that other nodes have. Of the name the port may be
    /// left out, where none is of that very name; case does not matter.
    public func about(_ destination: String, _ isOfKind: (StandingOrder) -> Bool) -> [RuleRow] {
        let meant = destination.lowercased()
        let named = self.compactMap { row in
            isOfKind(row.rule.terms.order)
                ? row.rule.terms.order.destination.map { (name: $0.lowercased(), row: row) } : nil
        }
        let name = named.first { $0.name == meant }?.name ?? named.first { $0.name.hasPrefix("\(meant):") }?.name
        return named.filter { $0.name == name }.map(\.row)
    }
}
