import Mail
import Monitor

extension MapGraph {
    /// From one box to another.
    struct Link {
        private(set) var source: Int
        private(set) var target: Int
        /// Whose node tells of it.
        let node: Int
        /// What those at its other end are called there: destinations, or clients.
        var names: [String]
        /// Places of several kinds are at its other end, in one box.
        var isOfOthers = false
        /// All names that are told there, where there are more without one in here; `nil`: ``names`` are all.
        var toldNames: [String]?
        var traffic: LinkTraffic
        /// Messages a second, in the last minute.
        var rate: Double
        /// Recipients in the queue of its source.
        var waiting = 0
        /// Of the next hops at its other end those that are not well, the worst first.
        private(set) var ailments: [Ailment] = []
        /// The share of a message's content that is there, of those on their way the largest.
        var sent: Double?
        /// When what is told here came, by the clock of the screen.
        var taken: Timestamp
        /// Its source does not answer, so that this is how it was.
        var isPast = false

        /// That of the worst.
        var condition: DestinationAges.Condition { self.ailments.first?.condition ?? .ok }
        /// Mail went over it since anybody remembers.
        var isUsed: Bool { self.traffic.messages > 0 || self.waiting > 0 || self.condition != .ok }
        /// How much it matters for what stands left and right.
        var weight: Int { self.traffic.messages + self.waiting }
    }

    /// What is amiss with a next hop.
    struct Ailment {
        let destination: String
        let condition: DestinationAges.Condition
        let reason: String?
        /// The end of a back-off or a suspension.
        let until: Timestamp?

        /// `nil`: nothing is.
        fileprivate init?(_ hop: Neighbours.Hop) {
            guard hop.condition != .ok else { return nil }
            (self.destination, self.condition) = (hop.destination, hop.condition)
            (self.reason, self.until) = (hop.reason, hop.until)
        }

        /// `backoff 44m`
        func words(_ now: Timestamp) -> String {
            guard let until = self.until, until > now else { return self.condition.word }
            return "\(self.condition.word) \(Format.span(milliseconds: until.since(now)))"
        }
    }
}

extension MapGraph.Link {
    init(
        _ source: Int, _ target: Int, _ node: MapNode, _ traffic: LinkTraffic, _ now: Timestamp, names: [String]
    ) {
        let uptime = node.overview.map { $0.at.since($0.started) / 1000 } ?? 60
        self.init(
            source: source, target: target, node: node.index, names: names, traffic: traffic,
            rate: Double(traffic.lastMinute) / Double(max(1, min(60, uptime))),
            taken: node.taken ?? now)
        self.isPast = node.blindSince != nil
    }

    init(_ source: Int, _ target: Int, _ node: MapNode, _ hop: Neighbours.Hop, _ now: Timestamp) {
        self.init(source, target, node, hop.traffic, now, names: [hop.destination])
        self.waiting = hop.waiting
        self.ailments = [MapGraph.Ailment(hop)].compactMap { $0 }
        self.sent = hop.sending.compactMap(\.share).max()
    }

    /// Two names of one place, or several places in one box.
    mutating func join(_ other: Self) {
        self.names += other.names
        self.traffic.join(other.traffic)
        self.rate += other.rate
        self.waiting += other.waiting
        self.sent = [self.sent, other.sent].compactMap { $0 }.max()
        self.toldNames = self.toldNames ?? other.toldNames
        self.ailments = (self.ailments + other.ailments).sorted {
            ($1.condition.rank, $0.destination) < ($0.condition.rank, $1.destination)
        }
    }

    func between(_ source: Int, _ target: Int) -> Self {
        var link = self
        (link.source, link.target) = (source, target)
        return link
    }

    /// `backoff 44m`; of several next hops `1 backoff`. Empty: all is well.
    func stateWords(_ now: Timestamp) -> String {
        guard let worst = self.ailments.first else { return "" }
        guard self.isOfOthers else { return worst.words(now) }
        return "\(self.ailments.count { $0.condition == worst.condition }) \(worst.condition.word)"
    }
    /// What goes to those at its other end, or comes from there.
    ///
    /// - Parameter field: has their names.
    func filter(_ field: FilterField) -> FilterExpression {
        // Those without a name are none of the others.
        if let told = self.toldNames {
            return FilterExpression(noneOf: told.filter { !self.names.contains($0) }.map { .init(field, is: $0) })
        }
        return FilterExpression(anyOf: self.names.map { FilterExpression(field, is: $0) })
    }

    var role: Role {
        switch self.condition {
        case .ok:
            self.isPast ? .hopPending : self.traffic.lastMinute > 0 || self.sent != nil ? .hopVerified : .hopPending
        case .backoff: .failed
        case .deferring, .unrouted, .hold, .suspended: self.condition.role
        }
    }
}

extension LinkTraffic {
    init(_ others: Neighbours.Others) {
        self.init(messages: others.lastMinute, lastMinute: others.lastMinute)
    }

    fileprivate mutating func join(_ other: LinkTraffic) {
        // The longer wait is the one to know of.
        self.median = [self.median, other.median].compactMap { $0 }.max()
        self.messages += other.messages
        self.lastMinute += other.lastMinute
        self.octets += other.octets
        if self.recent.isEmpty {
            self.recent = other.recent
        } else {
            for (place, count) in other.recent.enumerated() where place < self.recent.count {
                self.recent[place] += count
            }
        }
    }
}
