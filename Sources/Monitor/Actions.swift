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

    /// Octets of a reason.
    private static let longestReason = 400

    /// It may be given a reason, in words.
    public var takesReason: Bool { self == .hold || self == .bounce }

    /// Whether it can be done for this reason; asked before anybody is asked to confirm it.
    ///
    /// - Throws: ``FeedError`` `.invalid`: what cannot be, and what would be right.
    public func check(_ reason: String?) throws(FeedError) {
        guard let reason else { return }
        guard self.takesReason else {
            throw FeedError(.invalid, "a \(self.rawValue) has no reason: only a hold and a bounce are told why")
        }
        guard !reason.allSatisfy(\.isWhitespace), reason.utf8.count <= Self.longestReason,
            !reason.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw FeedError(.invalid, "a reason is one line of at most \(Self.longestReason) octets, and not blank")
        }
    }
}

public enum Targets: Hashable, Sendable, Codable {
    /// The unsettled recipients that match, of messages whose generation is still the one named.
    case messages(references: [MessageRef], matching: FilterExpression)
    case recipients(references: [RecipientRef])
    case frozen(set: FrozenSetID)
}

/// What a query matched at one moment: exactly these an action on it touches.
public struct FrozenSet: Hashable, Sendable, Codable {
    public var id: FrozenSetID
    public var recipients: Int
    public var messages: Int
    /// The first few, to show.
    public var sample: [QueueRow]
    /// Of the recipients those of an attempt under way, which an action leaves alone; `nil`: not known.
    public var active: Int?
    /// Nodes whose recipients are not among them; `nil`: none.
    public var absent: [AbsentNode]?
    public init(
        id: FrozenSetID, recipients: Int, messages: Int, sample: [QueueRow], active: Int? = nil,
        absent: [AbsentNode]? = nil
    ) {
        self.id = id
        self.recipients = recipients
        self.messages = messages
        self.sample = sample
        self.active = active
        self.absent = absent
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

/// A drop that can still be taken back.
public struct UndoOffer: Hashable, Sendable, Codable {
    public var token: UndoToken
    public var recipients: Int
    public var messages: Int
    public var until: Timestamp
    public init(token: UndoToken, recipients: Int, messages: Int, until: Timestamp) {
        self.token = token
        self.recipients = recipients
        self.messages = messages
        self.until = until
    }
}

/// What an action really did.
public struct Receipt: Hashable, Sendable, Codable {
    /// Recipients changed; or sessions closed.
    public var done: Int
    /// Messages they belong to.
    public var messages: Int
    /// Recipients that were left alone, and why.
    public var skipped: [SkipReason: Int]
    /// What was changed, as it is now, so that an action can be turned round: what was held can be released, what came
    /// back by an undo can be dropped again. `nil` where nothing was, or nothing is left to be named.
    public var touched: FrozenSetID?
    /// The name by which it can be taken back until `undoUntil`; `nil`: it cannot.
    public var undo: UndoToken?
    public var undoUntil: Timestamp?
    /// What turns it round, where it was about standing rules or destinations; `nil`: nothing does.
    public var inverse: StandingAction?
    /// What an operator has to know beside the counts.
    public var remarks: [Remark]
    public init(
        done: Int, messages: Int, skipped: [SkipReason: Int] = [:], touched: FrozenSetID? = nil,
        undo: UndoToken? = nil, undoUntil: Timestamp? = nil, inverse: StandingAction? = nil, remarks: [Remark] = []
    ) {
        self.done = done
        self.messages = messages
        self.skipped = skipped
        self.touched = touched
        self.undo = undo
        self.undoUntil = undoUntil
        self.inverse = inverse
        self.remarks = remarks
    }

    public enum Remark: Hashable, Sendable, Codable {
        /// What is due now goes nowhere: this domain has no route, and so have others.
        case noRoute(domain: String)
        /// What is due now waits all the same: this destination is suspended, and others may be.
        case suspended(destination: String)
        /// If all goes well, what is due now takes so long, in milliseconds, as its next hops are quick and limited.
        case takes(milliseconds: Int64)
        /// The rest was not done.
        case failed(error: FeedError)
    }
}

/// Why a recipient was left alone.
public enum SkipReason: String, Hashable, Sendable, Codable, CodingKeyRepresentable, CaseIterable {
    /// It is no longer in the queue.
    case gone
    /// It is not as it was when it was named.
    case changed
    /// An attempt is under way.
    case active
    /// Another order for it is under way.
    case ordered
    /// It has ended already.
    case settled
    /// It is on hold, which a retry does not override.
    case onHold
    case notOnHold
    /// It goes that way already.
    case alreadyThere
    /// The time for undo is over.
    case tooLate
    /// The disk no longer has it as it was written.
    case damaged
    /// The order failed before its turn came.
    case failed
}
