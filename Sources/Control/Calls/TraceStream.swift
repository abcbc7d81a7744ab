public import Monitor
import SMTP

/// Dialogues as they happen; what comes at once is one event. A client that comes back begins anew: each session that it
/// wants is told from its first line.
public struct TraceStream: ControlStream {
    public static let route = ControlRoute(
        .get, "/v1/trace", query: ["filter", "direction", "peer", "message", "failed", "ended"])

    public var query: TraceQuery
    public init(_ query: TraceQuery) { self.query = query }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        var peer: Network?
        if let text = arguments.query["peer"] {
            peer = Network(text)
            if peer == nil { throw FeedError(.invalid, "peer: an address or a range such as 192.0.2.0/24") }
        }
        var direction: ConnectionRow.Direction?
        if let text = arguments.query["direction"] {
            direction = ConnectionRow.Direction(rawValue: text)
            if direction == nil { throw FeedError(.invalid, "direction: in, out; both where it is left out") }
        }
        self.query = TraceQuery(
            filter: try arguments.filter(fields: FilterField.ofConnections), direction: direction, peer: peer,
            message: arguments.query["message"], failedOnly: try arguments.flag("failed", default: false),
            includesEnded: try arguments.flag("ended", default: false))
    }
    public var arguments: CallArguments {
        var query = [
            "filter": self.query.filter.text, "failed": "\(self.query.failedOnly)",
            "ended": "\(self.query.includesEnded)",
        ]
        query["direction"] = self.query.direction?.rawValue
        query["peer"] = self.query.peer?.description
        query["message"] = self.query.message
        return CallArguments(query: query)
    }

    public func events(
        from feed: any MonitorFeed, at beat: Beat, after last: String?
    ) -> AsyncThrowingStream<NamedEvent<[TraceEvent]>, any Error> {
        let source = Source(feed.trace(self.query))
        return AsyncThrowingStream { try await source.next() }
    }

    /// An iterator that a closure may use: one caller at a time.
    private actor Source {
        private var events: AsyncThrowingStream<[TraceEvent], any Error>.AsyncIterator
        init(_ events: AsyncThrowingStream<[TraceEvent], any Error>) { self.events = events.makeAsyncIterator() }
        func next() async throws -> NamedEvent<[TraceEvent]>? {
            var events = self.events
            defer { self.events = events }
            return try await events.next(isolation: self).map { NamedEvent($0) }
        }
    }
}
