public import Mail

/// Those around a node, as its mail shows them: who hands it over, and where it goes. The map is drawn from these.
///
/// All names are as clients gave them, or as routes have them: hostile until they are `SafeText`.
public struct Neighbours: Hashable, Sendable, Codable {
    /// So many are told one by one.
    public static let most = 32

    /// Who handed mail over: the busiest first, at most ``most``.
    public var clients: [Client]
    public var moreClients: Others?
    /// Where mail goes: those with most mail, moving or waiting, first; at most ``most``.
    public var nextHops: [Hop]
    public var moreNextHops: Others?
    public init(
        clients: [Client] = [], moreClients: Others? = nil, nextHops: [Hop] = [], moreNextHops: Others? = nil
    ) {
        self.clients = clients
        self.moreClients = moreClients
        self.nextHops = nextHops
        self.moreNextHops = moreNextHops
    }

    public struct Client: Hashable, Sendable, Codable {
        /// What it calls itself with EHLO; its address where it gave no name.
        public var name: String
        public var traffic: LinkTraffic
        public init(name: String, traffic: LinkTraffic) {
            self.name = name
            self.traffic = traffic
        }
    }

    public struct Hop: Hashable, Sendable, Codable {
        /// As destinations are named.
        public var destination: String
        /// The host that was tried last, `host:port`, which may be one of a domain's exchangers.
        public var host: String?
        public var condition: DestinationAges.Condition
        /// The last failure, the commonest reply, or why it is suspended.
        public var reason: String?
        /// The end of a back-off or a suspension.
        public var until: Timestamp?
        /// Unsettled recipients.
        public var waiting: Int
        public var sessions: Int
        public var traffic: LinkTraffic
        /// Content that is on its way there now: that of which most is there first, at most four messages.
        public var sending: [DeliveryProgress]
        public init(
            destination: String, host: String? = nil, condition: DestinationAges.Condition = .ok,
            reason: String? = nil, until: Timestamp? = nil, waiting: Int = 0, sessions: Int = 0,
            traffic: LinkTraffic = LinkTraffic(), sending: [DeliveryProgress] = []
        ) {
            self.destination = destination
            self.host = host
            self.condition = condition
            self.reason = reason
            self.until = until
            self.waiting = waiting
            self.sessions = sessions
            self.traffic = traffic
            self.sending = sending
        }
    }

    /// Those that are not told one by one.
    public struct Others: Hashable, Sendable, Codable {
        /// How many; without those that nobody counted for want of room.
        public var count: Int
        /// Unsettled recipients.
        public var waiting: Int
        /// Messages of the last 60 seconds.
        public var lastMinute: Int
        public init(count: Int, waiting: Int = 0, lastMinute: Int = 0) {
            self.count = count
            self.waiting = waiting
            self.lastMinute = lastMinute
        }
    }
}

/// Messages that one host handed to another: counted once for each transaction in which a recipient was taken.
public struct LinkTraffic: Hashable, Sendable, Codable {
    /// The milliseconds that each value of ``recent`` stands for.
    public static let step: Int64 = 200
    /// How many values ``recent`` has, where it has any.
    public static let steps = 40

    /// As long as somebody remembers the link, at most since the node started.
    public var messages: Int
    /// Of the last 60 seconds, as are the octets of content.
    public var lastMinute: Int
    public var octets: Int
    /// Milliseconds that half of the last transactions did not exceed: to a next hop from the beginning to its answer, from
    /// a client from the final dot to ours. `nil` before there was one.
    public var median: Int?
    /// Messages in each step of the last eight seconds, oldest first; the last is the one that ``Overview/at`` lies in.
    /// Empty when there were none.
    public var recent: [Int]
    public init(messages: Int = 0, lastMinute: Int = 0, octets: Int = 0, median: Int? = nil, recent: [Int] = []) {
        self.messages = messages
        self.lastMinute = lastMinute
        self.octets = octets
        self.median = median
        self.recent = recent
    }
}
