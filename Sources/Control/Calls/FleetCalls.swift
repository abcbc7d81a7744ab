public import Monitor

/// The nodes that share the queue.
public struct FleetCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/fleet")
    public init() {}
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {}
    public var arguments: CallArguments { CallArguments() }
    public func answer(from feed: any MonitorFeed) async throws -> FleetStatus { try await feed.fleet() }
}

/// Forgets a node that is gone for good.
public struct ForgetNodeCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/fleet/forget", role: .operator)
    public var order: Order
    public init(_ number: Int) { self.order = Order(number: number) }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.order = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> FleetStatus {
        try await feed.forget(self.order.number)
    }

    public struct Order: Hashable, Sendable, Codable {
        /// Of a node.
        public var number: Int
    }
}

/// Drains a node, or makes it as any other again.
public struct DrainCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/fleet/drain", role: .operator)
    public var order: Order
    public init(_ number: Int, _ isDrained: Bool) { self.order = Order(number: number, isDrained: isDrained) }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) { self.order = try arguments.body() }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> FleetStatus {
        try await feed.drain(self.order.number, self.order.isDrained)
    }

    public struct Order: Hashable, Sendable, Codable {
        /// Of a node.
        public var number: Int
        public var isDrained: Bool
    }
}
