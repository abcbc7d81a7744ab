public import Mail

/// What an operator can do to recipients.
public enum QueueAction: String, Hashable, Sendable, Codable, CaseIterable {
    /// Due now, and one probe through a back-off; never overrides hold.
    case retry
    case hold
    case release
    /// Settles without notification; undoable for `queue.undo`.
    case drop
    /// Settles with a DSN to the sender. Irreversible.
    case bounce
}

public enum Targets: Hashable, Sendable, Codable {
    /// Every unsettled recipient of messages whose generation is still the one named.
    case messages([MessageRef])
    case recipients([RecipientRef])
    case frozen(FrozenSetID)
}

/// What a query matched at one moment: exactly these an action on it touches.
public struct FrozenSet: Hashable, Sendable, Codable {
    public var id: FrozenSetID
    public var recipients: Int
    public var messages: Int
    /// The first few, to show.
    public var sample: [QueueRow]
    public init(id: FrozenSetID, recipients: Int, messages: Int, sample: [QueueRow]) {
        self.id = id
        self.recipients = recipients
        self.messages = messages
        self.sample = sample
    }
}

public struct UndoToken: Hashable, Sendable, Codable {
    public var node: String
    public var id: Int64
    public init(node: String, id: Int64) {
        self.node = node
        self.id = id
    }
}

/// What an action really did.
public struct Receipt: Hashable, Sendable, Codable {
    /// Recipients changed; or sessions closed.
    public var done: Int
    /// Messages they belong to.
    public var messages: Int
    /// Why others were left alone, in words, with how many recipients: "already relayed", "an attempt is under way".
    public var skipped: [String: Int]
    /// Present when it can be taken back, until `undoUntil`.
    public var undo: UndoToken?
    public var undoUntil: Timestamp?
    /// Anything worth saying beside the counts: "no route matches example.org".
    public var remark: String?
    public init(
        done: Int, messages: Int, skipped: [String: Int] = [:], undo: UndoToken? = nil, undoUntil: Timestamp? = nil,
        remark: String? = nil
    ) {
        self.done = done
        self.messages = messages
        self.skipped = skipped
        self.undo = undo
        self.undoUntil = undoUntil
        self.remark = remark
    }
}
