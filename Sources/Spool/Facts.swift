public import Mail
public import NIOCore
public import SMTP

/// Something that happened to mail, or that an operator did, written in the transaction that made it true.
public struct Fact: Sendable, Hashable {
    public typealias Kind = FactKind
    public var at: Timestamp
    public var kind: Kind
    /// `nil` when the fact is about a standing rule, a destination or a node, and where mail was refused.
    public var message: QueueID?
    /// The recipient's index; `nil` when the fact is about the whole message.
    public var recipient: Int?
    /// Reverse-path and forward-path with angle brackets.
    public var from: String?
    public var to: String?
    /// The next hop of an attempt, `host:port`.
    public var nextHop: String?
    /// The next hop's queue identifier.
    public var remoteID: String?
    /// The reply, or the reason, in words.
    public var text: String?
    /// Who said that, where it was said of an attempt; facts of before it was kept have nobody.
    public var saidBy: ReplyAuthor?
    /// The session it happened in: `out#9121`, `in#4410`.
    public var session: String?
    /// What protected the session of an attempt.
    public var security: SessionSecurity?
    /// Who did it, where it was a person or a program and not the relay by itself: a user name, `signal`, `ETRN`.
    public var actor: String?
    public var contentOctets: Int?
    /// How long the attempt took.
    public var milliseconds: Int64?
    /// How an accepted message came to us, or who offered what was refused.
    public var arrival: Arrival?
    /// The value of an accepted message's Subject field as it came, at most 998 octets; see ``MessageHeader/subject(of:)``.
    public var subject: ByteBuffer?
    /// An accepted message's Message-ID field, at most 998 octets; facts of before it was kept have none.
    public var messageID: String?
    /// It tells what became of an attempt, or of the patience with which one was waited for. Mail that no route takes is deferred,
    /// and nothing is attempted.
    public var endsAttempt: Bool {
        guard self.kind == .deferred else { return self.kind.mayEndAttempt }
        return self.nextHop != nil || self.session != nil || self.milliseconds != nil
    }

    /// Whether it is about that node, or about what all nodes have in common.
    public func concerns(node: String) -> Bool {
        // A node that is forgotten is not there to tell of it.
        guard self.kind.isAboutNode, self.kind != .forgotten, let text = self.text else { return true }
        // `mx1.example.net`, `mx1.example.net: why`, `node 1 (mx1.example.net)`
        return text == node || text.hasPrefix("\(node): ") || text.hasSuffix(" (\(node))")
    }

    /// Whether the session is called so by this node. Nodes of a fleet have their facts in common, and each counts its sessions.
    public func namesSession(of node: String) -> Bool {
        self.kind != .closed || self.text == nil || self.text == node
    }

    public init(
        at: Timestamp, kind: Kind, message: QueueID?, recipient: Int? = nil, from: String? = nil, to: String? = nil,
        nextHop: String? = nil, remoteID: String? = nil, text: String? = nil, session: String? = nil,
        security: SessionSecurity? = nil, actor: String? = nil, contentOctets: Int? = nil, milliseconds: Int64? = nil,
        arrival: Arrival? = nil,
        subject: ByteBuffer? = nil, messageID: String? = nil
    ) {
        self.at = at
        self.kind = kind
        self.message = message
        self.recipient = recipient
        self.from = from
        self.to = to
        self.nextHop = nextHop
        self.remoteID = remoteID
        self.text = text
        self.session = session
        self.security = security
        self.actor = actor
        self.contentOctets = contentOctets
        self.milliseconds = milliseconds
        self.arrival = arrival
        self.subject = subject
        self.messageID = messageID
    }
}

/// A place between two facts of one store. Only the store that gave it out knows which of two comes first.
public struct FactCursor: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The place before the first fact that there ever was.
    public static let start = FactCursor("")

    public let description: String

    /// - Parameter text: the description of a cursor that was given out.
    public init(_ text: String) { self.description = text }

    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}

/// Facts in order, and where to go on.
public struct FactPage: Sendable, Equatable {
    /// The facts, those together that differ only in whom they are about.
    public var rows: [SharedFact]
    /// The place behind the last of these, where the next page begins.
    public var end: FactCursor
    /// How many facts before `end` a reader does not get: they are no longer kept, or cannot be read.
    public var missing: Int

    public init(rows: [SharedFact], end: FactCursor, missing: Int = 0) {
        self.rows = rows
        self.end = end
        self.missing = missing
    }
    public init(_ facts: [Fact], end: FactCursor, missing: Int = 0) {
        self.init(rows: facts.map { SharedFact(fact: $0) }, end: end, missing: missing)
    }

    public var isEmpty: Bool { self.rows.isEmpty }
    /// How many facts there are.
    public var count: Int { self.rows.reduce(0) { $0 + $1.count } }
    /// Each one; made anew each time.
    public var facts: [Fact] {
        var facts: [Fact] = []
        facts.reserveCapacity(self.count)
        for row in self.rows { row.write(to: &facts) }
        return facts
    }

    /// How they are put together makes no difference.
    public static func == (one: FactPage, other: FactPage) -> Bool {
        one.end == other.end && one.missing == other.missing && one.facts == other.facts
    }
}
