public import Mail

/// What the first view shows: flow, what needs attention, destinations by age.
public struct Overview: Hashable, Sendable, Codable {
    public var node: String
    public var started: Timestamp
    public var at: Timestamp
    /// Listening addresses, `127.0.0.1:2525`.
    public var listening: [String]
    /// False while new mail is refused (draining, disk full); `attention` says why.
    public var isAccepting: Bool
    public var queuedMessages: Int
    public var queuedOctets: Int
    /// Recipients in each unsettled state, and settled ones of messages still queued.
    public var recipients: RecipientCounts
    /// The counts since the spool was made; equal to the spool's own.
    public var totals: Totals
    /// The last 60 seconds, oldest first, one value a second.
    public var received: [Int]
    public var relayed: [Int]
    public var deferred: [Int]
    public var bounced: [Int]
    /// Milliseconds, over the last minutes; `nil` before there are any.
    public var receiveP95: Int?
    public var relayP95: Int?
    public var receiveP50: Int?
    public var relayP50: Int?
    /// How mail is made durable; `nil`: that is not known.
    public var durability: Durability?
    /// The domains with most unsettled recipients, most first; at most 200. `nil`: they are not told apart.
    public var domains: [DestinationAges]?
    public var sessionsIn: Int
    public var sessionsInLimit: Int
    public var sessionsOut: Int
    public var oldest: Timestamp?
    public var attention: [Attention]
    /// Things to look at beyond those; `nil`: none.
    public var moreAttention: Int?
    /// What hosts say where mail fails; `nil`: failures are not told apart.
    public var failures: Failures?
    /// The destinations with most queued recipients, most first; at most 200.
    public var destinations: [DestinationAges]
    /// Destinations beyond those.
    public var moreDestinations: Int
    /// Who hands mail over, and where it goes; `nil`: not known, or several nodes are shown as one, each of which has its own.
    public var neighbours: Neighbours?

    /// Things to look at, also those that are not in ``attention``.
    public var attentionCount: Int { self.attention.count + (self.moreAttention ?? 0) }

    /// Nodes that no count here has.
    public var absent: [AbsentNode] {
        self.attention.compactMap { if case .unreachable(let node) = $0.kind { node } else { nil } }
    }

    /// How mail gets to the disk before it is acknowledged.
    public struct Durability: Hashable, Sendable, Codable {
        /// Transactions, each of which is one sync, and changes in them: in a second, over the last seconds.
        public var syncs: Double
        public var changes: Double
        /// Milliseconds from the lone dot to its reply, which half of all, and 99 of 100, did not exceed; `nil` before
        /// there are any.
        public var replyP50: Int?
        public var replyP99: Int?
        /// Octets of content that are in memory only: nothing of them was acknowledged.
        public var pendingOctets: Int
        /// Octets that are free on the spool's disk; `nil`: that is not known.
        public var freeOctets: Int?
        public init(
            syncs: Double, changes: Double, replyP50: Int? = nil, replyP99: Int? = nil, pendingOctets: Int = 0,
            freeOctets: Int? = nil
        ) {
            self.syncs = syncs
            self.changes = changes
            self.replyP50 = replyP50
            self.replyP99 = replyP99
            self.pendingOctets = pendingOctets
            self.freeOctets = freeOctets
        }
        /// Changes in one transaction; `nil`: nothing is written.
        public var batch: Double? { self.syncs > 0 ? self.changes / self.syncs : nil }
    }

    public struct Totals: Hashable, Sendable, Codable {
        /// Messages that clients handed over.
        public var received: Int
        /// Messages made here to report on others.
        public var reports: Int
        /// Recipients, as are the rest.
        public var relayed: Int
        public var deferredAttempts: Int
        public var bounced: Int
        public var expired: Int
        public var dropped: Int
        public init(
            received: Int = 0, reports: Int = 0, relayed: Int = 0, deferredAttempts: Int = 0, bounced: Int = 0,
            expired: Int = 0, dropped: Int = 0
        ) {
            self.received = received
            self.reports = reports
            self.relayed = relayed
            self.deferredAttempts = deferredAttempts
            self.bounced = bounced
            self.expired = expired
            self.dropped = dropped
        }
    }

    public init(
        node: String, started: Timestamp, at: Timestamp, listening: [String] = [], isAccepting: Bool = true,
        queuedMessages: Int = 0, queuedOctets: Int = 0, recipients: RecipientCounts = RecipientCounts(),
        totals: Totals = Totals(), received: [Int] = [], relayed: [Int] = [], deferred: [Int] = [],
        bounced: [Int] = [], receiveP95: Int? = nil, relayP95: Int? = nil, sessionsIn: Int = 0,
        sessionsInLimit: Int = 0, sessionsOut: Int = 0, oldest: Timestamp? = nil, attention: [Attention] = [],
        moreAttention: Int = 0, failures: Failures? = nil,
        destinations: [DestinationAges] = [], moreDestinations: Int = 0, neighbours: Neighbours? = nil
    ) {
        self.node = node
        self.started = started
        self.at = at
        self.listening = listening
        self.isAccepting = isAccepting
        self.queuedMessages = queuedMessages
        self.queuedOctets = queuedOctets
        self.recipients = recipients
        self.totals = totals
        self.received = received
        self.relayed = relayed
        self.deferred = deferred
        self.bounced = bounced
        self.receiveP95 = receiveP95
        self.relayP95 = relayP95
        self.sessionsIn = sessionsIn
        self.sessionsInLimit = sessionsInLimit
        self.sessionsOut = sessionsOut
        self.oldest = oldest
        self.attention = attention
        self.moreAttention = moreAttention > 0 ? moreAttention : nil
        self.failures = failures
        self.destinations = destinations
        self.moreDestinations = moreDestinations
        self.neighbours = neighbours
    }
}

/// Something an operator should look at.
public struct Attention: Hashable, Sendable, Codable {
    public enum Severity: String, Hashable, Sendable, Codable { case notice, warning, failure }
    public enum Kind: Hashable, Sendable, Codable {
        /// Mail for so many domains, one of which is named, matches no route.
        case unrouted(domains: Int, example: String)
        /// The next hop could not be used, or breaks off; no session is opened before.
        case backoff(destination: String, reason: String?, until: Timestamp?)
        /// The next hop answers, and puts mail off; most often with this reply.
        case deferring(destination: String, reply: String)
        /// An operator suspended the next hop; without an end, until it is resumed.
        case suspended(destination: String, by: String, until: Timestamp?, reason: String?)
        case damaged(messages: Int, example: String, reason: String)
        /// Less is free than is wanted, in octets; mail is refused until so much is.
        case spoolLow(free: Int, wanted: Int)
        /// The spool takes no mail, as the error says.
        case spoolFailing(error: String)
        /// The spool's disk does not answer.
        case spoolStalled(seconds: Int)
        /// The node takes no mail, and lets others have what it has.
        case draining
        /// A node of the fleet says nothing, and others take what it has.
        case nodeGone(name: String)
        /// The journal cannot be written, as the error says; mail is not concerned.
        case journalFailing(error: String)
        /// What is shown lacks this node's part.
        case unreachable(node: AbsentNode)
        /// Something that the node's later version tells, by its name there, and this one does not know.
        case unknown(name: String)
    }
    /// Where it is; `nil`: at the feed's own node.
    public var node: String?
    public var severity: Severity
    public var kind: Kind
    /// Recipients concerned.
    public var count: Int?
    /// The filter that shows them in the queue.
    public var door: FilterExpression?
    enum CodingKeys: CodingKey { case node, severity, kind, count, door }
    public init(_ severity: Severity, _ kind: Kind, count: Int? = nil, door: FilterExpression? = nil) {
        self.severity = severity
        self.kind = kind
        self.count = count
        self.door = door
    }
}

/// One row of the destination-by-age matrix (after Postfix's qshape).
public struct DestinationAges: Hashable, Sendable, Codable {
    public enum Condition: String, Hashable, Sendable, Codable, CaseIterable {
        case ok
        /// No session is opened before `until`.
        case backoff
        /// It answers, and puts mail off.
        case deferring
        case unrouted
        /// An operator suspended it.
        case suspended
        /// All of its mail is on hold.
        case hold
    }
    /// ``noRoute`` for mail that no route takes.
    public var destination: String
    public var condition: Condition
    /// The last failure (`backoff`), the commonest reply (`deferring`), a domain (`unrouted`), or who suspended it and why.
    public var reason: String?
    /// The end of a back-off or a suspension.
    public var until: Timestamp?
    /// How long, in milliseconds, what is due now takes if all goes well; `nil` where that is not known.
    public var remaining: Int64?
    public var connections: Int
    public var connectionLimit: Int
    /// The limit is of all nodes that share the queue, which take turns; `nil`: it is this one's share.
    public var isLimitOfAll: Bool?
    /// Unsettled recipients.
    public var total: Int
    /// Unsettled recipients by age of their message.
    public var ages: AgeCounts
    /// Of a domain's row: the next hop of its mail, as ``destination`` names it elsewhere. `nil`: it is a next hop's row.
    public var via: String?
    /// The filter that shows its mail in the queue.
    public var door: FilterExpression {
        self.via == nil
            ? FilterExpression(.dest, is: self.destination)
            : FilterExpression([(.to, ":", "@\(self.destination)>")])
    }
    public init(
        destination: String, condition: Condition, reason: String? = nil, until: Timestamp? = nil,
        remaining: Int64? = nil, connections: Int = 0, connectionLimit: Int = 0, total: Int, ages: AgeCounts
    ) {
        self.destination = destination
        self.condition = condition
        self.reason = reason
        self.until = until
        self.remaining = remaining
        self.connections = connections
        self.connectionLimit = connectionLimit
        self.total = total
        self.ages = ages
    }
}

/// How many there are of each age, in columns that double in length (after Postfix's qshape).
public struct AgeCounts: Hashable, Sendable {
    /// Upper bounds of the columns in minutes; one more column is everything older.
    public static let bounds = [5, 10, 20, 40, 80, 160, 320, 640, 1280]
    /// One for each column.
    public private(set) var columns: [Int]
    public init(_ columns: [Int] = []) {
        self.columns = (0...Self.bounds.count).map { $0 < columns.count ? columns[$0] : 0 }
    }
    /// Where what is so old is counted.
    public static func column(minutes: Int64) -> Int {
        self.bounds.firstIndex { minutes < Int64($0) } ?? self.bounds.count
    }
    public mutating func add(_ count: Int = 1, column: Int) { self.columns[column] += count }
    public var total: Int { self.columns.reduce(0, +) }
}

/// Its JSON form is an object with the bounds as keys, and `older`; an empty column may be left out.
extension AgeCounts: Codable {
    private static let keys = Self.bounds.map { "\($0)" } + ["older"]
    public init(from decoder: any Decoder) throws {
        let counts = try decoder.singleValueContainer().decode([String: Int].self)
        self.init(Self.keys.map { counts[$0] ?? 0 })
    }
    public func encode(to encoder: any Encoder) throws {
        var counts: [String: Int] = [:]
        for (key, count) in zip(Self.keys, self.columns) where count != 0 { counts[key] = count }
        var container = encoder.singleValueContainer()
        try container.encode(counts)
    }
}
