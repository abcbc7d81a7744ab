public import Monitor

/// A window of the queue.
public struct QueueCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/queue", query: WindowArguments.names.union(QueueQuery.argumentNames))
    public var query: QueueQuery
    public var window: WindowRequest<MessageRef>
    public init(_ query: QueueQuery, window: WindowRequest<MessageRef>) {
        self.query = query
        self.window = window
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.query = try QueueQuery(arguments)
        self.window = try WindowArguments.read(arguments) { MessageRef(node: node, id: $0, generation: 0) }
    }
    public var arguments: CallArguments {
        var query = self.query.arguments
        WindowArguments.write(self.window, into: &query) { $0.id }
        return CallArguments(query: query)
    }
    public func answer(from feed: any MonitorFeed) async throws -> Window<QueueRow> {
        try await feed.queue(self.query, window: self.window)
    }
}

/// A window of the sessions.
public struct ConnectionsCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/connections", query: WindowArguments.names.union(ConnectionQuery.argumentNames))
    public var query: ConnectionQuery
    public var window: WindowRequest<SessionRef>
    public init(_ query: ConnectionQuery, window: WindowRequest<SessionRef>) {
        self.query = query
        self.window = window
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.query = try ConnectionQuery(arguments)
        self.window = try WindowArguments.read(arguments) { SessionRef(node: node, id: $0) }
    }
    public var arguments: CallArguments {
        var query = self.query.arguments
        WindowArguments.write(self.window, into: &query) { $0.id }
        return CallArguments(query: query)
    }
    public func answer(from feed: any MonitorFeed) async throws -> Window<ConnectionRow> {
        try await feed.connections(self.query, window: self.window)
    }
}

/// What a search found; nothing where nothing matches.
public struct SearchAnswer<ID: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    public var hit: SearchHit<ID>?
    public init(_ hit: SearchHit<ID>?) { self.hit = hit }
}

/// The next message of the queue's order that is wanted.
public struct QueueSearchCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/queue/search", query: SearchRequest.argumentNames.union(QueueQuery.argumentNames))
    public var search: SearchRequest
    public var query: QueueQuery
    public init(_ search: SearchRequest, in query: QueueQuery) {
        self.search = search
        self.query = query
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.search = try SearchRequest(arguments, fields: FilterField.ofQueue)
        self.query = try QueueQuery(arguments)
    }
    public var arguments: CallArguments {
        CallArguments(query: self.query.arguments.merging(self.search.arguments) { first, _ in first })
    }
    public func answer(from feed: any MonitorFeed) async throws -> SearchAnswer<MessageRef> {
        SearchAnswer(try await feed.find(self.search, in: self.query))
    }
}

/// The next session of the list's order that is wanted.
public struct ConnectionSearchCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/connections/search", query: SearchRequest.argumentNames.union(ConnectionQuery.argumentNames))
    public var search: SearchRequest
    public var query: ConnectionQuery
    public init(_ search: SearchRequest, in query: ConnectionQuery) {
        self.search = search
        self.query = query
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.search = try SearchRequest(arguments, fields: FilterField.ofConnections)
        self.query = try ConnectionQuery(arguments)
    }
    public var arguments: CallArguments {
        CallArguments(query: self.query.arguments.merging(self.search.arguments) { first, _ in first })
    }
    public func answer(from feed: any MonitorFeed) async throws -> SearchAnswer<SessionRef> {
        SearchAnswer(try await feed.find(self.search, in: self.query))
    }
}

extension QueueQuery {
    static let argumentNames: Set<String> = ["filter", "sort", "descending"]
    init(_ arguments: CallArguments) throws(FeedError) {
        self.init(
            filter: try arguments.filter(fields: FilterField.ofQueue),
            sort: try arguments.word("sort", default: .age),
            descending: try arguments.flag("descending", default: true))
    }
    var arguments: [String: String] {
        ["filter": self.filter.text, "sort": self.sort.rawValue, "descending": "\(self.descending)"]
    }
}

extension ConnectionQuery {
    static let argumentNames: Set<String> = ["filter", "sort", "descending", "ended"]
    init(_ arguments: CallArguments) throws(FeedError) {
        self.init(
            filter: try arguments.filter(fields: FilterField.ofConnections),
            sort: try arguments.word("sort", default: .started),
            descending: try arguments.flag("descending", default: false),
            includesEnded: try arguments.flag("ended", default: false))
    }
    var arguments: [String: String] {
        [
            "filter": self.filter.text, "sort": self.sort.rawValue, "descending": "\(self.descending)",
            "ended": "\(self.includesEnded)",
        ]
    }
}

extension SearchRequest {
    static let argumentNames: Set<String> = ["wanted", "start", "forward"]
    init(_ arguments: CallArguments, fields: [FilterField]) throws(FeedError) {
        self.init(
            try arguments.filter("wanted", fields: fields),
            from: try arguments.number("start", default: 0, in: 0...Int(Int32.max)),
            isForward: try arguments.flag("forward", default: true))
    }
    var arguments: [String: String] {
        ["wanted": self.wanted.text, "start": "\(self.start)", "forward": "\(self.isForward)"]
    }
}
