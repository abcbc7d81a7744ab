public import Mail
public import SMTP

/// One message in the queue. All text is as the peer gave it: hostile until it is `SafeText`.
public struct QueueRow: Hashable, Sendable, Codable {
    public var ref: MessageRef
    public var arrived: Timestamp
    public var contentOctets: Int?
    /// The least happy unsettled recipient's, among those that match the filter.
    public var state: RecipientState
    public var recipients: RecipientCounts
    /// Unsettled recipients that match the filter.
    public var matching: Int
    /// Reverse-path with angle brackets; `<>` on a report.
    public var from: String
    /// The forward-path of the recipient that `state` is about, with angle brackets.
    public var to: String
    public var tries: Int
    public var nextAttempt: Timestamp?
    /// The next hop as it is now: `mx.example.org:25`; `nil` when no route matches.
    public var destination: String?
    /// The next hop's last reply, or why there was none.
    public var lastReply: String?
    /// Why the recipient that `state` is about does not go now; `nil` where that is not known.
    public var why: WaitReason?
    /// How the message came in: the client's address, the TLS version and cipher, and who had logged in.
    public var client: String?
    public var tls: String?
    public var user: String?
    /// The attempt under way.
    public var progress: DeliveryProgress?
    /// The other node of a shared queue that has it; `nil`: that of `ref` has it.
    public var holder: String?
    public init(
        ref: MessageRef, arrived: Timestamp, contentOctets: Int?, state: RecipientState, recipients: RecipientCounts,
        matching: Int? = nil, from: String, to: String, tries: Int, nextAttempt: Timestamp? = nil,
        destination: String? = nil, lastReply: String? = nil, why: WaitReason? = nil, client: String? = nil,
        tls: String? = nil, user: String? = nil, progress: DeliveryProgress? = nil, holder: String? = nil
    ) {
        self.ref = ref
        self.arrived = arrived
        self.contentOctets = contentOctets
        self.state = state
        self.recipients = recipients
        self.matching = matching ?? recipients.unsettled
        self.from = from
        self.to = to
        self.tries = tries
        self.nextAttempt = nextAttempt
        self.destination = destination
        self.lastReply = lastReply
        self.why = why
        self.client = client
        self.tls = tls
        self.user = user
        self.progress = progress
        self.holder = holder
    }
}

extension QueueRow {
    /// The address of a peer without its port, which differs from one session to the next, and without brackets; what is none
    /// stays as it is: `ann (uid 1000)`.
    package static func client(_ peer: String) -> String {
        // By octets: it is asked of all mail that comes in.
        let octets = peer.utf8
        let (colon, open, close) = (UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"))
        var host = octets[...]
        // Without brackets what stands behind the last colon of an IPv6 address is a part of it.
        if let last = octets.lastIndex(of: colon), UInt16(peer[octets.index(after: last)...]) != nil,
            octets.first == open ? octets[..<last].last == close : octets.firstIndex(of: colon) == last
        {
            host = octets[..<last]
        }
        return String(Substring(host.first == open && host.last == close ? host.dropFirst().dropLast() : host))
    }
}

/// How many recipients are in each state.
public struct RecipientCounts: Hashable, Sendable {
    /// Indexed by `RecipientState.rawValue`, eight values.
    private var counts: [Int]
    public init(_ counts: [RecipientState: Int] = [:]) {
        self.counts = RecipientState.allCases.map { counts[$0] ?? 0 }
    }
    public subscript(state: RecipientState) -> Int {
        get { self.counts[Int(state.rawValue)] }
        set { self.counts[Int(state.rawValue)] = newValue }
    }
    public var total: Int { self.counts.reduce(0, +) }
    public var unsettled: Int { RecipientState.allCases.lazy.filter { !$0.isSettled }.map { self[$0] }.reduce(0, +) }
}

/// Its JSON form is an object with the states' words as keys; a state without recipients may be left out.
extension RecipientCounts: Codable {
    public init(from decoder: any Decoder) throws {
        let words = try decoder.singleValueContainer().decode([String: Int].self)
        self.init()
        for state in RecipientState.allCases { self[state] = words[state.word] ?? 0 }
    }
    public func encode(to encoder: any Encoder) throws {
        var words: [String: Int] = [:]
        for state in RecipientState.allCases where self[state] != 0 { words[state.word] = self[state] }
        var container = encoder.singleValueContainer()
        try container.encode(words)
    }
}

/// How far the attempt under way is.
public struct DeliveryProgress: Hashable, Sendable, Codable {
    public var session: SessionRef
    public var phase: SessionPhase
    /// Octets of content that the next hop has taken: written less what the kernel still holds.
    public var contentOctetsSent: Int
    public var contentOctets: Int?
    /// How long each phase took; `nil`: that is not known.
    public var phases: PhaseTimes?
    public init(
        session: SessionRef, phase: SessionPhase, contentOctetsSent: Int = 0, contentOctets: Int? = nil,
        phases: PhaseTimes? = nil
    ) {
        self.session = session
        self.phase = phase
        self.contentOctetsSent = contentOctetsSent
        self.contentOctets = contentOctets
        self.phases = phases
    }
}

/// A live session, or one that ended and is still kept.
public struct ConnectionRow: Hashable, Sendable, Codable {
    public enum Direction: String, Hashable, Sendable, Codable { case inbound = "in", outbound = "out" }
    public var ref: SessionRef
    public var direction: Direction
    /// `192.0.2.7:40112`
    public var peer: String
    /// The address of the other side, without its port; `nil` until a next hop is connected, and on a Unix socket.
    public var address: String?
    /// The name that a client gave with EHLO; of a session to a next hop that one's configured name.
    public var name: String?
    public var phase: SessionPhase
    public var started: Timestamp
    public var ended: Timestamp?
    public var lastActivity: Timestamp
    /// Messages taken or relayed in this session.
    public var messages: Int
    /// The queue ID of the transaction under way.
    public var message: String?
    public var contentOctetsDone: Int
    /// What SIZE declared (in) or the message has (out).
    public var contentOctets: Int?
    public var recipientsDone: Int
    public var octetsIn: Int
    public var octetsOut: Int
    public var tls: String?
    public var user: String?
    /// How it ended or what went wrong, in words.
    public var remark: String?
    /// How long each phase took; `nil`: that is not known.
    public var phases: PhaseTimes?
    public init(
        ref: SessionRef, direction: Direction, peer: String, address: String? = nil, name: String? = nil,
        phase: SessionPhase, started: Timestamp, ended: Timestamp? = nil, lastActivity: Timestamp, messages: Int = 0,
        message: String? = nil, contentOctetsDone: Int = 0, contentOctets: Int? = nil, recipientsDone: Int = 0,
        octetsIn: Int = 0, octetsOut: Int = 0, tls: String? = nil, user: String? = nil, remark: String? = nil,
        phases: PhaseTimes? = nil
    ) {
        self.ref = ref
        self.direction = direction
        self.peer = peer
        self.address = address
        self.name = name
        self.phase = phase
        self.started = started
        self.ended = ended
        self.lastActivity = lastActivity
        self.messages = messages
        self.message = message
        self.contentOctetsDone = contentOctetsDone
        self.contentOctets = contentOctets
        self.recipientsDone = recipientsDone
        self.octetsIn = octetsIn
        self.octetsOut = octetsOut
        self.tls = tls
        self.user = user
        self.remark = remark
        self.phases = phases
    }
}

/// One fact: something that happened to mail, or that an operator did, and was written in the transaction that made it true.
public struct FactRow: Hashable, Sendable, Codable {
    public typealias Kind = FactKind
    /// Where it happened; `nil`: at the feed's own node.
    public var node: String?
    public var at: Timestamp
    public var kind: Kind
    /// `nil` when it is about a standing rule, a destination or a node, and where mail was refused.
    public var message: String?
    public var from: String?
    /// The index of the recipient it is about; `nil` when about the whole message.
    public var recipient: Int?
    /// That recipient, or who is told by a report.
    public var to: String?
    /// The next hop of the attempt, `host:port`.
    public var nextHop: String?
    /// The next hop's queue identifier, out of its final 250.
    public var remoteID: String?
    /// The reply, or the reason, in words; of an accepted message the peer.
    public var text: String?
    /// Who said that of an attempt: the next hop, or the node of a hop that could not be asked; `nil` also where it is not known.
    public var saidBy: ReplyAuthor?
    public var session: SessionRef?
    /// Who did it, where it was not the node by itself: a user name, `signal`, `ETRN`.
    public var actor: String?
    public var contentOctets: Int?
    /// The attempt's or the whole stay's length in milliseconds.
    public var milliseconds: Int64?
    /// It tells what became of an attempt, or of the patience with which one was waited for. Mail that no route takes is deferred,
    /// and nothing is attempted.
    public var endsAttempt: Bool {
        guard self.kind == .deferred else { return self.kind.mayEndAttempt }
        return self.nextHop != nil || self.session != nil || self.milliseconds != nil
    }
    public init(
        at: Timestamp, kind: Kind, message: String?, from: String? = nil, recipient: Int? = nil, to: String? = nil,
        nextHop: String? = nil, remoteID: String? = nil, text: String? = nil, session: SessionRef? = nil,
        actor: String? = nil, contentOctets: Int? = nil, milliseconds: Int64? = nil, saidBy: ReplyAuthor? = nil
    ) {
        self.at = at
        self.kind = kind
        self.message = message
        self.from = from
        self.recipient = recipient
        self.to = to
        self.nextHop = nextHop
        self.remoteID = remoteID
        self.text = text
        self.saidBy = saidBy
        self.session = session
        self.actor = actor
        self.contentOctets = contentOctets
        self.milliseconds = milliseconds
    }
}

/// Facts in order, newest last.
public struct FactWindow: Hashable, Sendable, Codable {
    public var rows: [FactRow]
    /// The place behind the last of these, where the next page begins; opaque.
    public var end: String
    /// How many facts before `end` are no longer kept, or cannot be read.
    public var missing: Int
    enum CodingKeys: CodingKey { case rows, end, missing }
    public init(rows: [FactRow], end: String, missing: Int = 0) {
        self.rows = rows
        self.end = end
        self.missing = missing
    }
}
