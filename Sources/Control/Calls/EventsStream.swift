public import Monitor

/// What changes, as it changes; on request also the facts, none of which is left out by a client that comes back.
public struct EventsStream: ControlStream {
    public static let route = ControlRoute(.get, "/v1/events", query: ["facts"])
    /// Facts of one event at most.
    private static let factsAtOnce = 500

    public enum Event: Hashable, Sendable {
        /// Windows may be read anew.
        case change(FeedChange)
        /// Its name is the place behind them.
        case facts(FactWindow)
    }

    public var hasFacts: Bool
    public init(facts: Bool = false) { self.hasFacts = facts }
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.hasFacts = try arguments.flag("facts", default: false)
    }
    public var arguments: CallArguments { CallArguments(query: ["facts": "\(self.hasFacts)"]) }

    public func events(
        from feed: any MonitorFeed, at beat: Beat, after last: String?
    ) -> AsyncThrowingStream<NamedEvent<Event>, any Error> {
        // Whoever takes an event makes the next one: a client that reads slowly holds nothing in memory but one change,
        // in which all are that came meanwhile.
        let source = Source(feed: feed, beat: beat, hasFacts: self.hasFacts, place: last)
        return AsyncThrowingStream { try await source.next() }
    }

    /// Changes, each followed by the facts that came with it.
    private actor Source {
        private let feed: any MonitorFeed
        private let hasFacts: Bool
        private var place: String?
        private var changes: AsyncStream<FeedChange>.AsyncIterator
        /// There may be facts that were not given yet.
        private var hasMore: Bool

        init(feed: any MonitorFeed, beat: Beat, hasFacts: Bool, place: String?) {
            self.feed = feed
            self.changes = beat.changes(of: feed).makeAsyncIterator()
            self.hasFacts = hasFacts
            self.place = place
            self.hasMore = hasFacts
        }

        func next() async throws -> NamedEvent<Event>? {
            if self.hasFacts, self.place == nil { self.place = try await self.feed.facts(after: nil, count: 1).end }
            if self.hasMore, let facts = try await self.facts() { return facts }
            guard let change = await self.nextChange() else { return nil }
            switch change {
            case .changed(let areas): self.hasMore = self.hasFacts && areas.contains(.facts)
            case .missed: self.hasMore = self.hasFacts
            }
            return NamedEvent(.change(change))
        }

        private func nextChange() async -> FeedChange? {
            var changes = self.changes
            defer { self.changes = changes }
            return await changes.next(isolation: self)
        }

        private func facts() async throws -> NamedEvent<Event>? {
            let window = try await self.feed.facts(after: self.place, count: EventsStream.factsAtOnce)
            self.place = window.end
            self.hasMore = window.rows.count == EventsStream.factsAtOnce
            guard !window.rows.isEmpty || window.missing > 0 else { return nil }
            return NamedEvent(.facts(window), name: window.end)
        }
    }
}

/// Its JSON form is an object with the one that it is: `{"change":…}`, `{"facts":…}`.
extension EventsStream.Event: Codable {
    private enum Key: String, CodingKey { case change, facts }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        if let facts = try container.decodeIfPresent(FactWindow.self, forKey: .facts) {
            self = .facts(facts)
        } else {
            self = .change(try container.decode(FeedChange.self, forKey: .change))
        }
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .change(let change): try container.encode(change, forKey: .change)
        case .facts(let facts): try container.encode(facts, forKey: .facts)
        }
    }
}
