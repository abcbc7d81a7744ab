public import Monitor

/// What the node knows and can do.
public struct CapabilitiesCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/capabilities")
    public init() {}
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {}
    public var arguments: CallArguments { CallArguments() }
    public func answer(from feed: any MonitorFeed) async throws -> FeedCapabilities { try await feed.capabilities() }
    /// Who only looks can do nothing, so a front end need not offer it.
    public static func shown(_ answer: FeedCapabilities, to role: ControlRoute.Role) -> FeedCapabilities {
        var answer = answer
        if role < .operator { answer.abilities = [] }
        return answer
    }
}

/// Flow, what needs attention, destinations by age.
public struct OverviewCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/overview")
    public init() {}
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {}
    public var arguments: CallArguments { CallArguments() }
    public func answer(from feed: any MonitorFeed) async throws -> Overview { try await feed.overview() }
}

/// Has the node stop.
public struct ShutdownCall: ControlCall {
    public static let route = ControlRoute(.post, "/v1/shutdown", role: .operator)
    public var order: Order
    /// - Parameter node: its own name.
    public init(_ node: String) { self.order = Order(node: node) }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.order = try arguments.body()
    }
    public var arguments: CallArguments { get throws { try CallArguments(body: self.order) } }
    public func answer(from feed: any MonitorFeed) async throws -> Order {
        try await feed.shutDown(self.order.node)
        return self.order
    }

    public struct Order: Hashable, Sendable, Codable { public var node: String }
}

/// Where mail for an address would go, and why.
public struct RouteCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/route", query: ["address"])
    public var address: String
    public init(_ address: String) { self.address = address }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        guard let address = arguments.query["address"], !address.isEmpty else {
            throw FeedError(.invalid, "address is missing: name a recipient, such as bob@example.org, or a domain")
        }
        self.address = address
    }
    public var arguments: CallArguments { CallArguments(query: ["address": self.address]) }
    public func answer(from feed: any MonitorFeed) async throws -> [RouteAnswer] {
        try await feed.route(self.address)
    }
}

/// Facts behind a place, or the newest.
public struct FactsCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/facts", query: ["after", "count"])
    public var after: String?
    public var count: Int
    public init(after: String?, count: Int) {
        self.after = after
        self.count = count
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.after = arguments.query["after"]
        self.count = try arguments.number("count", default: 100, in: 1...10_000)
    }
    public var arguments: CallArguments {
        var query = ["count": "\(self.count)"]
        query["after"] = self.after
        return CallArguments(query: query)
    }
    public func answer(from feed: any MonitorFeed) async throws -> FactWindow {
        try await feed.facts(after: self.after, count: self.count)
    }
}

/// A message by its queue ID.
public struct MessageCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/messages/{id}")
    public var id: String
    public init(_ id: String) { self.id = id }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.id = arguments.path["id"] ?? ""
    }
    public var arguments: CallArguments { CallArguments(path: ["id": self.id]) }
    public func answer(from feed: any MonitorFeed) async throws -> MessageDetail {
        guard let detail = try await feed.message(self.id) else {
            throw FeedError(.gone, "nothing is known of message \(self.id)")
        }
        return detail
    }
}

/// Octets of a message as it is kept. Who only looks on need not read other people's mail.
public struct ContentCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/messages/{id}/content", query: ["from", "count"], role: .operator)
    /// Octets of one answer at most.
    public static let mostOctets = 1 << 20
    public var id: String
    public var from: Int
    public var count: Int
    public init(_ id: String, from: Int, count: Int) {
        self.id = id
        self.from = from
        self.count = count
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.id = arguments.path["id"] ?? ""
        self.from = try arguments.number("from", default: 0, in: 0...Int(Int32.max))
        self.count = try arguments.number("count", default: 64 << 10, in: 1...Self.mostOctets)
    }
    public var arguments: CallArguments {
        CallArguments(path: ["id": self.id], query: ["from": "\(self.from)", "count": "\(self.count)"])
    }
    public func answer(from feed: any MonitorFeed) async throws -> ContentPage {
        let ref = MessageRef(node: "", id: self.id, generation: 0)
        guard let page = try await feed.content(of: ref, from: self.from, count: self.count) else {
            throw FeedError(.gone, "the content of \(self.id) is no longer kept")
        }
        return page
    }
}

/// Lines of a session's dialogue.
public struct TranscriptCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/connections/{session}/transcript", query: ["from", "count"])
    public var session: SessionRef
    public var from: Int
    public var count: Int
    public init(_ session: SessionRef, from: Int, count: Int) {
        self.session = session
        self.from = from
        self.count = count
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.session = SessionRef(node: node, id: arguments.path["session"] ?? "")
        self.from = try arguments.number("from", default: 0, in: 0...Int(Int32.max))
        self.count = try arguments.number("count", default: 1000, in: 0...10_000)
    }
    public var arguments: CallArguments {
        CallArguments(path: ["session": self.session.id], query: ["from": "\(self.from)", "count": "\(self.count)"])
    }
    public func answer(from feed: any MonitorFeed) async throws -> TranscriptPage {
        guard let page = try await feed.transcript(self.session, from: self.from, count: self.count) else {
            throw FeedError(.gone, "\(self.session.id) is no longer known")
        }
        return page
    }
}
