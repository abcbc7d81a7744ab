import Mail

/// A query whose order can be told from its rows, so that the lists of several nodes can be joined.
protocol JoinableQuery: Hashable, Sendable {
    associatedtype Row: Hashable & Sendable & Codable
    associatedtype Ref: Hashable & Sendable & Codable
    static func ref(of row: Row) -> Ref
    static func node(of ref: Ref) -> String
    /// Whether both name the same thing of one queue, whatever it has become and whichever node has it now.
    static func isSame(_ left: Ref, _ right: Ref) -> Bool
    /// A total order: of different rows always one stands before the other.
    func isBefore(_ left: Row, _ right: Row) -> Bool
    func window(_ request: WindowRequest<Ref>, of feed: any MonitorFeed) async throws -> Window<Row>
    func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<Ref>?
    /// The same, of these messages alone where it is about messages.
    func narrowed(to messages: FilterExpression) -> Self
}

extension JoinableQuery {
    func narrowed(to messages: FilterExpression) -> Self { self }
}

extension QueueQuery: JoinableQuery {
    func narrowed(to messages: FilterExpression) -> QueueQuery {
        QueueQuery(filter: self.filter.narrowed(to: messages), sort: self.sort, descending: self.descending)
    }
    static func ref(of row: QueueRow) -> MessageRef { row.ref }
    static func node(of ref: MessageRef) -> String { ref.node }
    static func isSame(_ left: MessageRef, _ right: MessageRef) -> Bool { left.id == right.id }
    func window(_ request: WindowRequest<MessageRef>, of feed: any MonitorFeed) async throws -> Window<QueueRow> {
        try await feed.queue(self, window: request)
    }
    func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<MessageRef>? {
        try await feed.find(search, in: self)
    }
}

extension ConnectionQuery: JoinableQuery {
    static func ref(of row: ConnectionRow) -> SessionRef { row.ref }
    static func node(of ref: SessionRef) -> String { ref.node }
    static func isSame(_ left: SessionRef, _ right: SessionRef) -> Bool { left == right }
    func window(
        _ request: WindowRequest<SessionRef>, of feed: any MonitorFeed
    ) async throws -> Window<ConnectionRow> { try await feed.connections(self, window: request) }
    func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<SessionRef>? {
        try await feed.find(search, in: self)
    }
}

extension DestinationQuery: JoinableQuery {
    static func ref(of row: DestinationRow) -> DestinationRef { row.ref }
    static func node(of ref: DestinationRef) -> String { ref.node }
    static func isSame(_ left: DestinationRef, _ right: DestinationRef) -> Bool { left == right }
    func window(
        _ request: WindowRequest<DestinationRef>, of feed: any MonitorFeed
    ) async throws -> Window<DestinationRow> { try await feed.destinations(self, window: request) }
    func find(_ search: SearchRequest, in feed: any MonitorFeed) async throws -> SearchHit<DestinationRef>? {
        try await feed.find(search, in: self)
    }
}
