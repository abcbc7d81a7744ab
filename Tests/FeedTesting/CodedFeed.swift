import Foundation
import Mail
import Monitor

/// Another feed as a remote one would be: every value goes through JSON, every answer takes a while, and there is no
/// undo, bounce or transcript.
struct CodedFeed<Feed: MonitorFeed>: MonitorFeed {
    let feed: Feed

    private func coded<Value: Codable & Sendable>(_ value: Value) async throws -> Value {
        try await Task.sleep(for: .milliseconds(50))
        return try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }

    func capabilities() async throws -> FeedCapabilities {
        var capabilities = try await self.feed.capabilities()
        capabilities.abilities.subtract([.undo, .bounce])
        capabilities.areas.remove(.transcripts)
        return try await self.coded(capabilities)
    }
    func overview() async throws -> Overview { try await self.coded(self.feed.overview()) }
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.coded(self.feed.queue(self.coded(query), window: self.coded(window)))
    }
    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        try await self.coded(self.feed.connections(self.coded(query), window: self.coded(window)))
    }
    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        try await self.coded(self.feed.groups(query, by: grouping))
    }
    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try await self.coded(self.feed.facts(after: self.coded(cursor), count: count))
    }
    func route(_ address: String) async throws -> [RouteAnswer] {
        try await self.coded(self.feed.route(self.coded(address)))
    }
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try await self.coded(self.feed.journal(self.coded(query), window: self.coded(window)))
    }
    func message(_ id: String) async throws -> MessageDetail? { try await self.coded(self.feed.message(id)) }
    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        try await self.coded(self.feed.content(of: self.coded(ref), from: offset, count: count))
    }
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        throw FeedError(.unsupported, "this feed has no transcripts")
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> {
        try await self.coded(self.feed.destinations(self.coded(query), window: self.coded(window)))
    }
    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        try await self.coded(self.feed.find(self.coded(search), in: self.coded(query)))
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.coded(self.feed.freeze(self.coded(query)))
    }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        var receipt = try await self.coded(self.feed.perform(action, on: self.coded(targets), because: reason))
        receipt.undo = nil
        return receipt
    }
    func undo(_ token: UndoToken) async throws -> Receipt { throw FeedError(.unsupported, "this feed cannot undo") }
    func rules() async throws -> [RuleRow] { try await self.coded(self.feed.rules()) }
    func fleet() async throws -> FleetStatus { try await self.coded(self.feed.fleet()) }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try await self.coded(self.feed.preview(self.coded(terms)))
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try await self.coded(self.feed.perform(self.coded(action)))
    }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try await self.coded(self.feed.reroute(self.coded(targets), via: self.coded(via)))
    }
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        try await self.coded(self.feed.edit(try await self.coded(targets), try await self.coded(edit)))
    }
    func close(_ session: SessionRef) async throws -> Receipt {
        try await self.coded(self.feed.close(self.coded(session)))
    }
    func changes() -> AsyncStream<FeedChange> { self.feed.changes() }
}
