/// What the hosts of a route are spared: how much of us they get at a time.
public struct RouteLimits: Sendable, Hashable {
    /// So many messages in so much time, evenly spread.
    public struct Rate: Sendable, Hashable {
        /// At least one.
        public var messages: Int
        public var milliseconds: Int64
        public init(messages: Int, milliseconds: Int64) {
            self.messages = messages
            self.milliseconds = milliseconds
        }
    }

    /// Sessions at a time; `nil`: as many as to any other.
    public var connections: Int?
    /// Transactions in one session, which then ends.
    public var messagesPerConnection: Int?
    /// Transactions begun.
    public var rate: Rate?
    public init() {}
}

/// What is told of a route about retries, in place of what holds for all; milliseconds.
public struct RouteRetry: Sendable, Hashable {
    public var first: Int64?
    public var longest: Int64?
    public var giveUp: Int64?
    public var delayNotice: Int64?
    public init() {}
}

extension RelayConfiguration {
    /// The longest time between two attempts, by whatever route.
    var longestRetry: Int64 {
        self.routes.reduce(self.retry.longest) { max($0, $1.retry.longest ?? 0) }
    }

    /// The shortest time for which mail is tried.
    var shortestGiveUp: Int64 {
        self.routes.reduce(self.retry.giveUp) { min($0, $1.retry.giveUp ?? .max) }
    }
}

extension RelayConfiguration.Retry {
    /// As it is for a next hop.
    func changed(by retry: RouteRetry) -> Self {
        var changed = self
        changed.first = retry.first ?? self.first
        changed.longest = retry.longest ?? self.longest
        changed.giveUp = retry.giveUp ?? self.giveUp
        changed.delayNotice = retry.delayNotice ?? self.delayNotice
        return changed
    }
}
