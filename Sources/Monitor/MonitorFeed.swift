public import Mail

/// The only door between what watches and what runs: the embedded engine is one, a remote daemon's client another.
///
/// Every value is Codable, every read a window, every identifier opaque, every fact a node may not know optional.
/// A feed may answer late and may lack capabilities; it never blocks the engine.
public protocol MonitorFeed: Sendable {
    /// What can be known and done here; asked for once at the start.
    func capabilities() async throws -> FeedCapabilities
    func overview() async throws -> Overview
    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow>
    func connections(_ query: ConnectionQuery, window: WindowRequest<SessionRef>) async throws -> Window<ConnectionRow>
    /// Next hops that have mail, sessions, a back-off or an order of the operator.
    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow>
    /// The recipients that a query matches, put together by what they have in common.
    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups
    /// The next message of the query's order that matches, going round at its end; `nil`: none does.
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>?
    /// The next session of the query's order that matches, going round at its end; `nil`: none does.
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>?
    /// The next destination of the query's order that matches, going round at its end; `nil`: none does.
    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>?
    /// Where mail for an address would go, from each node; its DNS is asked, which takes a while.
    ///
    /// - Parameter address: of a recipient, or a domain.
    /// - Throws: `.invalid` when it is neither.
    func route(_ address: String) async throws -> [RouteAnswer]
    /// The nodes that share the queue of the one that is asked.
    ///
    /// - Throws: `.unsupported` where it has a queue of its own.
    func fleet() async throws -> FleetStatus
    /// Has a node take no more mail and others take what it has, until it is undrained, over a restart too.
    ///
    /// - Throws: `.gone` where no node has that number.
    func drain(_ number: Int, _ isDrained: Bool) async throws -> FleetStatus
    /// A node that is gone for good is none of the nodes any more, and nothing is kept for its journal and its log.
    ///
    /// - Throws: `.gone` where there is no such node; `.invalid` while it lives.
    func forget(_ number: Int) async throws -> FleetStatus
    /// Facts, newest last, at most `count`: those behind `cursor`, the end of an earlier page; `nil`: the newest.
    func facts(after cursor: String?, count: Int) async throws -> FactWindow
    /// What the journal has of what became of mail and of what operators did, in the query's order.
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow
    func journalStatus() async throws -> JournalStatus
    /// A message by its queue ID, also one settled long ago, as far back as the journal goes; `nil` when nothing is known of it.
    func message(_ id: String) async throws -> MessageDetail?
    /// The message that a row named, where feeds of several nodes may have the same queue ID.
    func message(_ ref: MessageRef) async throws -> MessageDetail?
    /// At most `count` octets of a message's content from `offset` on; `nil` when it is no longer kept.
    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage?
    /// At most `count` lines of a session's dialogue from line `from`; `nil` when it is no longer kept.
    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage?
    /// Names exactly the unsettled recipients that the query matches now, so that an action can wait for a person.
    func freeze(_ query: QueueQuery) async throws -> FrozenSet
    /// - Parameter reason: why, in the operator's words, of a hold or a bounce: what is held shows them, and a bounce tells them to
    ///   the senders.
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt
    /// Takes back what the token names, as far as it is as it was left, until its time is over.
    func undo(_ token: UndoToken) async throws -> Receipt
    /// What whoever acts through this feed dropped and can still take back, also before the node started; latest last.
    func undoable() async throws -> [UndoOffer]
    /// Forgets what was dropped by anybody and could still be taken back: it is gone then, and so is its content.
    ///
    /// - Parameters:
    ///   - end: of what can be taken back until then at most, as the rehearsal told; `nil`: a rehearsal, which changes nothing.
    ///   - recipients: so many, as the rehearsal told; `nil`: however many there are.
    /// - Returns: what is forgotten, or would be; `undoUntil` is the end that names exactly that.
    /// - Throws: `.gone` where there are more or fewer by now; nothing is forgotten then.
    func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt
    /// Has the node stop, as SIGTERM does; returns when it has begun to.
    ///
    /// - Parameter name: the node's own, so that no other is stopped by a mistake about who is asked.
    /// - Throws: `.invalid` when it is another's.
    func shutDown(_ name: String) async throws
    /// Standing rules that have not ended, in the order in which they were set.
    func rules() async throws -> [RuleRow]
    /// What a rule would touch now.
    ///
    /// - Throws: `.invalid` when its terms cannot be: the description says what to do.
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview
    func perform(_ action: StandingAction) async throws -> Receipt
    /// Sends recipients to another next hop, `host:port` or `mx`; `nil`: by their routes again.
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt
    /// Changes recipients.
    ///
    /// - Throws: `.invalid` when that cannot be: the description says what would be right.
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt
    /// Ends a session at once. Its message stays queued; a reply on the way may be lost, so a duplicate is possible.
    func close(_ session: SessionRef) async throws -> Receipt
    /// What changed, coalesced: at most ten times a second, nothing while nothing happens.
    func changes() -> AsyncStream<FeedChange>
    /// Dialogues as they happen, each from its first line: what came within a tenth of a second at a time. Who takes it
    /// slowly misses lines, and is told how many. It goes on until nobody takes it any more.
    func trace(_ query: TraceQuery) -> AsyncThrowingStream<[TraceEvent], any Error>
}

/// What a feed knows and can do; another MTA's may lack much.
public struct FeedCapabilities: Hashable, Sendable, Codable {
    /// What can be read.
    public enum Area: String, Hashable, Sendable, Codable, CaseIterable {
        case overview, queue, connections, destinations, facts, messages, transcripts, rules, trace, journal
    }
    /// What can be done.
    public enum Ability: String, Hashable, Sendable, Codable, CaseIterable {
        case retry, hold, release, drop, bounce, undo, close
        /// Holding and refusing by a standing rule.
        case rule
        /// What is done to destinations.
        case suspend, limit, reroute
        /// Changing recipients.
        case edit
        /// Forgetting what was dropped.
        case purge
        /// Stopping the node: where who shows it may go without it.
        case shutdown
    }
    /// The node as an operator names it: its host name.
    public var node: String
    /// `hoptop 0.1.0`.
    public var software: String
    public var areas: Set<Area>
    public var abilities: Set<Ability>
    /// It does with the reason of an action what ``MonitorFeed/perform(_:on:because:)`` says; `nil`: it does not look at it, as
    /// earlier versions do not. It is none of ``abilities``, among which earlier clients understand none that is new.
    public var takesReasons: Bool?
    /// What an operator should know from the start.
    public var notes: [Note]
    /// The nodes that are shown as one; `nil`: it is one node.
    public var nodes: [String]?
    /// The nodes that share its queue, this one among them; `nil`: none can.
    public var sharing: [String]?
    public init(
        node: String, software: String, areas: Set<Area> = Set(Area.allCases),
        abilities: Set<Ability> = Set(Ability.allCases), notes: [Note] = [], nodes: [String]? = nil,
        sharing: [String]? = nil, takesReasons: Bool? = true
    ) {
        self.node = node
        self.software = software
        self.areas = areas
        self.abilities = abilities
        self.notes = notes
        self.nodes = nodes
        self.sharing = sharing
        self.takesReasons = takesReasons
    }

    public enum Note: String, Hashable, Sendable, Codable {
        /// No route is configured, so nothing leaves.
        case noRoute
    }
}

extension MonitorFeed {
    // A feed of one node knows its messages by their queue IDs.
    public func message(_ ref: MessageRef) async throws -> MessageDetail? { try await self.message(ref.id) }
}

// Another MTA may know nothing of these.
extension MonitorFeed {
    public func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> { throw Self.noDestinations }
    public func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        throw Self.noDestinations
    }
    public func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        throw FeedError(.unsupported, "this feed does not group the queue")
    }
    public func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        throw FeedError(.unsupported, "this feed does not hand out what messages hold")
    }
    public func route(_ address: String) async throws -> [RouteAnswer] {
        throw FeedError(.unsupported, "this feed does not tell where mail would go")
    }
    public func fleet() async throws -> FleetStatus { throw Self.noFleet }
    public func drain(_ number: Int, _ isDrained: Bool) async throws -> FleetStatus { throw Self.noFleet }
    public func forget(_ number: Int) async throws -> FleetStatus { throw Self.noFleet }
    private static var noFleet: FeedError {
        FeedError(
            .unsupported, "no nodes that share one queue are known here: ask one of them, whose spool is a database")
    }
    private static var noDestinations: FeedError { FeedError(.unsupported, "this feed has no list of destinations") }
    public func undoable() async throws -> [UndoOffer] { [] }
    public func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt {
        throw FeedError(.unsupported, "this feed cannot purge: ask one node for itself")
    }
    public func shutDown(_ name: String) async throws {
        throw FeedError(.unsupported, "this feed cannot shut down: ask a node that hoptop serve runs")
    }
    public func perform(_ action: QueueAction, on targets: Targets) async throws -> Receipt {
        try await self.perform(action, on: targets, because: nil)
    }
    public func rules() async throws -> [RuleRow] { throw Self.noRules }
    public func preview(_ terms: StandingRule.Terms) async throws -> RulePreview { throw Self.noRules }
    public func perform(_ action: StandingAction) async throws -> Receipt { throw Self.noRules }
    public func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        throw FeedError(.unsupported, "this feed cannot reroute")
    }
    public func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        throw FeedError(.unsupported, "this feed cannot change recipients")
    }
    public func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        throw Self.noJournal
    }
    public func journalStatus() async throws -> JournalStatus { throw Self.noJournal }
    public func trace(_ query: TraceQuery) -> AsyncThrowingStream<[TraceEvent], any Error> {
        AsyncThrowingStream { throw FeedError(.unsupported, "this feed has no live dialogues") }
    }
    private static var noJournal: FeedError { FeedError(.unsupported, "this node keeps no journal") }
    private static var noRules: FeedError { FeedError(.unsupported, "this feed knows no standing rules") }
}

public enum FeedChange: Hashable, Sendable, Codable {
    public enum Area: String, Hashable, Sendable, Codable, CaseIterable {
        case queue, connections, facts, transcripts, journal
    }
    case changed(areas: Set<Area>)
    /// This many events were dropped on the way; read the windows anew.
    case missed(events: Int)
}

public struct FeedError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, Codable {
        case unsupported, gone, unavailable, invalid
        /// Whoever asks may not.
        case denied
    }
    public var code: Code
    public var description: String
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
