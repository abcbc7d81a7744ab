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
    /// Since the spool was made; equal to the spool's own counters.
    public var totals: Totals
    /// The last 60 seconds, oldest first, one value a second.
    public var received: [Int]
    public var relayed: [Int]
    public var deferred: [Int]
    public var bounced: [Int]
    /// Milliseconds, over the last minutes; `nil` before there are any.
    public var receiveP95: Int?
    public var relayP95: Int?
    public var sessionsIn: Int
    public var sessionsInLimit: Int
    public var sessionsOut: Int
    public var oldest: Timestamp?
    public var attention: [Attention]
    /// By queued recipients, most first; at most 200.
    public var destinations: [DestinationAges]
    /// Destinations beyond those.
    public var moreDestinations: Int

    public struct Totals: Hashable, Sendable, Codable {
        /// Messages.
        public var accepted: Int
        /// Recipients, as are the rest.
        public var relayed: Int
        public var deferredAttempts: Int
        public var bounced: Int
        public var expired: Int
        public var dropped: Int
        public init(
            accepted: Int = 0, relayed: Int = 0, deferredAttempts: Int = 0, bounced: Int = 0, expired: Int = 0,
            dropped: Int = 0
        ) {
            self.accepted = accepted
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
        destinations: [DestinationAges] = [], moreDestinations: Int = 0
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
        self.destinations = destinations
        self.moreDestinations = moreDestinations
    }
}

/// Something an operator should look at.
public struct Attention: Hashable, Sendable, Codable {
    public enum Severity: String, Hashable, Sendable, Codable { case notice, warning, failure }
    public var severity: Severity
    /// What it is about: a destination, `spool`.
    public var subject: String
    public var text: String
    /// Recipients concerned.
    public var count: Int?
    /// The filter that shows them in the queue.
    public var filter: Filter?
    public init(severity: Severity, subject: String, text: String, count: Int? = nil, filter: Filter? = nil) {
        self.severity = severity
        self.subject = subject
        self.text = text
        self.count = count
        self.filter = filter
    }
}

/// One row of the destination-by-age matrix (after Postfix's qshape).
public struct DestinationAges: Hashable, Sendable, Codable {
    /// Upper bounds of the columns in minutes; the last column is everything older.
    public static let bounds = [5, 10, 20, 40, 80, 160, 320, 640, 1280]

    public enum Condition: String, Hashable, Sendable, Codable { case ok, backoff, unrouted, hold }
    public var destination: String
    public var condition: Condition
    /// Why, for `backoff`: the last failure in words.
    public var reason: String?
    /// When a back-off ends.
    public var until: Timestamp?
    public var connections: Int
    public var connectionLimit: Int
    /// Unsettled recipients.
    public var total: Int
    /// Ten values, by age of the message.
    public var ages: [Int]
    public init(
        destination: String, condition: Condition, reason: String? = nil, until: Timestamp? = nil,
        connections: Int = 0, connectionLimit: Int = 0, total: Int, ages: [Int]
    ) {
        self.destination = destination
        self.condition = condition
        self.reason = reason
        self.until = until
        self.connections = connections
        self.connectionLimit = connectionLimit
        self.total = total
        self.ages = ages
    }
}
