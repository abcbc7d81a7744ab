import Mail
import Monitor
import NIOConcurrencyHelpers

/// The feed of a relay that goes down and comes up again: whoever watches it goes on watching.
final class SwitchingFeed: MonitorFeed {
    private struct State {
        var feed: (any MonitorFeed)?
        var forwarding: Task<Void, Never>?
        var watchers: [AsyncStream<FeedChange>.Continuation] = []
    }
    private let name: String
    private let state: NIOLockedValueBox<State>

    init(name: String, _ feed: any MonitorFeed) {
        self.name = name
        self.state = NIOLockedValueBox(State(feed: feed))
    }

    /// - Parameter feed: `nil` while the relay is down.
    func become(_ feed: (any MonitorFeed)?) {
        self.state.withLockedValue { state in
            state.feed = feed
            state.forwarding?.cancel()
            state.forwarding = state.watchers.isEmpty ? nil : feed.map(self.forward)
            for watcher in state.watchers { FeedChange.missed(events: 0).tell(watcher) }
        }
    }

    private func forward(_ feed: any MonitorFeed) -> Task<Void, Never> {
        let changes = feed.changes()
        return Task {
            for await change in changes {
                self.state.withLockedValue { state in
                    for watcher in state.watchers { change.tell(watcher) }
                }
            }
        }
    }

    func changes() -> AsyncStream<FeedChange> {
        let (changes, watcher) = FeedChange.stream()
        self.state.withLockedValue { state in
            state.watchers.append(watcher)
            if state.forwarding == nil { state.forwarding = state.feed.map(self.forward) }
        }
        return changes
    }

    private var feed: any MonitorFeed {
        get throws {
            guard let feed = self.state.withLockedValue({ $0.feed }) else {
                throw FeedError(.unavailable, "\(self.name) is down; it comes up again by itself")
            }
            return feed
        }
    }

    func capabilities() async throws -> FeedCapabilities { try await self.feed.capabilities() }
    func overview() async throws -> Overview { try await self.feed.overview() }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.feed.queue(query, window: window)
    }
    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        try await self.feed.groups(query, by: grouping)
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { try await self.feed.connections(query, window: window) }
    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> { try await self.feed.destinations(query, window: window) }
    func route(_ address: String) async throws -> [RouteAnswer] { try await self.feed.route(address) }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try await self.feed.facts(after: cursor, count: count)
    }
    func message(_ id: String) async throws -> MessageDetail? { try await self.feed.message(id) }
    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        try await self.feed.content(of: ref, from: offset, count: count)
    }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        try await self.feed.transcript(session, from: from, count: count)
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.feed.find(search, in: query)
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.feed.find(search, in: query)
    }
    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        try await self.feed.find(search, in: query)
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet { try await self.feed.freeze(query) }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try await self.feed.perform(action, on: targets, because: reason)
    }
    func trace(_ query: TraceQuery) -> AsyncThrowingStream<[TraceEvent], any Error> {
        do { return try self.feed.trace(query) } catch { return AsyncThrowingStream { throw error } }
    }
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try await self.feed.journal(query, window: window)
    }
    func journalStatus() async throws -> JournalStatus { try await self.feed.journalStatus() }
    func rules() async throws -> [RuleRow] { try await self.feed.rules() }
    func fleet() async throws -> FleetStatus { try await self.feed.fleet() }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview { try await self.feed.preview(terms) }
    func perform(_ action: StandingAction) async throws -> Receipt { try await self.feed.perform(action) }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try await self.feed.reroute(targets, via: via)
    }
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        try await self.feed.edit(targets, edit)
    }
    func undoable() async throws -> [UndoOffer] { try await self.feed.undoable() }
    func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt {
        try await self.feed.purge(until: end, of: recipients)
    }
    func undo(_ token: UndoToken) async throws -> Receipt { try await self.feed.undo(token) }
    func close(_ session: SessionRef) async throws -> Receipt { try await self.feed.close(session) }
}
