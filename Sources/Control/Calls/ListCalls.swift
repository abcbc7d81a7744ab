public import Monitor

/// A question for a list of the feed, in the words of a URL's query.
public protocol ListQuery: Hashable, Sendable {
    associatedtype ID: Hashable & Sendable & Codable
    associatedtype Row: Hashable & Sendable & Codable
    /// Where the list is found.
    static var path: String { get }
    static var names: Set<String> { get }
    static var fields: [FilterField] { get }
    init(_ arguments: CallArguments) throws(FeedError)
    var arguments: [String: String] { get }
    static func item(_ id: String, node: String) -> ID
    static func name(_ item: ID) -> String
    func window(_ window: WindowRequest<ID>, from feed: any MonitorFeed) async throws -> Window<Row>
    func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<ID>?
}

/// A window of a list.
public struct WindowCall<Query: ListQuery>: ControlCall {
    public static var route: ControlRoute {
        ControlRoute(.get, Query.path, query: WindowArguments.names.union(Query.names))
    }
    public var query: Query
    public var window: WindowRequest<Query.ID>
    public init(_ query: Query, window: WindowRequest<Query.ID>) {
        self.query = query
        self.window = window
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.query = try Query(arguments)
        self.window = try WindowArguments.read(arguments) { Query.item($0, node: node) }
    }
    public var arguments: CallArguments {
        var query = self.query.arguments
        WindowArguments.write(self.window, into: &query, name: Query.name)
        return CallArguments(query: query)
    }
    public func answer(from feed: any MonitorFeed) async throws -> Window<Query.Row> {
        try await self.query.window(self.window, from: feed)
    }
}

/// The next row of a list's order that is wanted.
public struct SearchCall<Query: ListQuery>: ControlCall {
    /// Nothing where nothing matches.
    public struct Answer: Hashable, Sendable, Codable {
        public var hit: SearchHit<Query.ID>?
        public init(_ hit: SearchHit<Query.ID>?) { self.hit = hit }
    }

    public static var route: ControlRoute {
        ControlRoute(.get, Query.path + "/search", query: SearchRequest.argumentNames.union(Query.names))
    }
    public var search: SearchRequest
    public var query: Query
    public init(_ search: SearchRequest, in query: Query) {
        self.search = search
        self.query = query
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.search = try SearchRequest(arguments, fields: Query.fields)
        self.query = try Query(arguments)
    }
    public var arguments: CallArguments {
        CallArguments(query: self.query.arguments.merging(self.search.arguments) { first, _ in first })
    }
    public func answer(from feed: any MonitorFeed) async throws -> Answer {
        Answer(try await self.query.find(self.search, in: feed))
    }
}

/// The recipients that a query matches, put together by what they have in common.
public struct QueueGroupsCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/queue/groups", query: ["filter", "by"])
    public var query: QueueQuery
    public var grouping: QueueGrouping
    /// - Parameter query: its order does not matter.
    public init(_ query: QueueQuery, by grouping: QueueGrouping) {
        self.query = query
        self.grouping = grouping
    }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.query = QueueQuery(filter: try arguments.filter(fields: FilterField.ofQueue))
        self.grouping = try arguments.word("by", default: .destination)
    }
    public var arguments: CallArguments {
        CallArguments(query: ["filter": self.query.filter.text, "by": self.grouping.rawValue])
    }
    public func answer(from feed: any MonitorFeed) async throws -> QueueGroups {
        try await feed.groups(self.query, by: self.grouping)
    }
}

public typealias QueueCall = WindowCall<QueueQuery>
public typealias QueueSearchCall = SearchCall<QueueQuery>
public typealias ConnectionsCall = WindowCall<ConnectionQuery>
public typealias ConnectionSearchCall = SearchCall<ConnectionQuery>
public typealias DestinationsCall = WindowCall<DestinationQuery>
public typealias DestinationSearchCall = SearchCall<DestinationQuery>

extension QueueQuery: ListQuery {
    public static let path = "/v1/queue"
    public static let names: Set<String> = ["filter", "sort", "descending"]
    public static let fields = FilterField.ofQueue
    public init(_ arguments: CallArguments) throws(FeedError) {
        self.init(
            filter: try arguments.filter(fields: Self.fields), sort: try arguments.word("sort", default: .age),
            descending: try arguments.flag("descending", default: true))
    }
    public var arguments: [String: String] {
        ["filter": self.filter.text, "sort": self.sort.rawValue, "descending": "\(self.descending)"]
    }
    /// A message is found by its queue ID, whatever its generation.
    public static func item(_ id: String, node: String) -> MessageRef { MessageRef(node: node, id: id, generation: 0) }
    public static func name(_ item: MessageRef) -> String { item.id }
    public func window(
        _ window: WindowRequest<MessageRef>, from feed: any MonitorFeed
    ) async throws -> Window<QueueRow> { try await feed.queue(self, window: window) }
    public func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<MessageRef>? {
        try await feed.find(search, in: self)
    }
}

extension ConnectionQuery: ListQuery {
    public static let path = "/v1/connections"
    public static let names: Set<String> = ["filter", "sort", "descending", "ended"]
    public static let fields = FilterField.ofConnections
    public init(_ arguments: CallArguments) throws(FeedError) {
        self.init(
            filter: try arguments.filter(fields: Self.fields), sort: try arguments.word("sort", default: .started),
            descending: try arguments.flag("descending", default: false),
            includesEnded: try arguments.flag("ended", default: false))
    }
    public var arguments: [String: String] {
        [
            "filter": self.filter.text, "sort": self.sort.rawValue, "descending": "\(self.descending)",
            "ended": "\(self.includesEnded)",
        ]
    }
    public static func item(_ id: String, node: String) -> SessionRef { SessionRef(node: node, id: id) }
    public static func name(_ item: SessionRef) -> String { item.id }
    public func window(
        _ window: WindowRequest<SessionRef>, from feed: any MonitorFeed
    ) async throws -> Window<ConnectionRow> { try await feed.connections(self, window: window) }
    public func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<SessionRef>? {
        try await feed.find(search, in: self)
    }
}

extension DestinationQuery: ListQuery {
    public static let path = "/v1/destinations"
    public static let names: Set<String> = ["filter", "sort", "descending"]
    public static let fields = FilterField.ofDestinations
    public init(_ arguments: CallArguments) throws(FeedError) {
        self.init(
            filter: try arguments.filter(fields: Self.fields), sort: try arguments.word("sort", default: .waiting),
            descending: try arguments.flag("descending", default: true))
    }
    public var arguments: [String: String] {
        ["filter": self.filter.text, "sort": self.sort.rawValue, "descending": "\(self.descending)"]
    }
    public static func item(_ id: String, node: String) -> DestinationRef { DestinationRef(node: node, id: id) }
    public static func name(_ item: DestinationRef) -> String { item.id }
    public func window(
        _ window: WindowRequest<DestinationRef>, from feed: any MonitorFeed
    ) async throws -> Window<DestinationRow> { try await feed.destinations(self, window: window) }
    public func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<DestinationRef>? {
        try await feed.find(search, in: self)
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
