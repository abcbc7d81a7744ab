public import Mail
public import Monitor

/// The feed of a daemon somewhere else. It comes back by itself when the daemon does.
public struct RemoteFeed: MonitorFeed {
    private let client: ControlClient

    /// Connects only as far as ssh has to, which may ask for a password.
    ///
    /// - Parameters:
    ///   - token: who asks, where that is not known by the socket.
    ///   - authorities: PEM file of those whose certificates are believed; `nil`: those of this machine.
    ///   - ssh: the program that leads to other machines, with its first words.
    /// - Throws: ``FeedError`` when ssh does not get through.
    public init(
        _ address: DaemonAddress, token: String? = nil, authorities: String? = nil, ssh: [String] = ["ssh"]
    ) async throws {
        var tunnel: SSHTunnel?
        if case .ssh(let place) = address {
            let opened = try SSHTunnel(place, program: ssh)
            try await opened.open()
            tunnel = opened
        }
        self.client = ControlClient(address, token: token, authorities: authorities, tunnel: tunnel)
    }

    private func answer<Call: ControlCall>(_ call: Call) async throws -> Call.Answer {
        try await self.client.answer(to: call)
    }
    /// - Returns: `nil` when there is no such thing.
    private func found<Call: ControlCall>(_ call: Call) async throws -> Call.Answer? {
        do { return try await self.client.answer(to: call) } catch let error as FeedError where error.code == .gone {
            return nil
        }
    }

    public func capabilities() async throws -> FeedCapabilities { try await self.answer(CapabilitiesCall()) }
    public func overview() async throws -> Overview { try await self.answer(OverviewCall()) }
    public func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.answer(QueueCall(query, window: window))
    }
    public func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        try await self.answer(QueueGroupsCall(query, by: grouping))
    }
    public func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { try await self.answer(ConnectionsCall(query, window: window)) }
    public func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> { try await self.answer(DestinationsCall(query, window: window)) }
    public func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.answer(QueueSearchCall(search, in: query)).hit
    }
    public func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.answer(ConnectionSearchCall(search, in: query)).hit
    }
    public func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        try await self.answer(DestinationSearchCall(search, in: query)).hit
    }
    public func route(_ address: String) async throws -> [RouteAnswer] { try await self.answer(RouteCall(address)) }
    public func fleet() async throws -> FleetStatus { try await self.answer(FleetCall()) }
    public func forget(_ number: Int) async throws -> FleetStatus { try await self.answer(ForgetNodeCall(number)) }
    public func drain(_ number: Int, _ isDrained: Bool) async throws -> FleetStatus {
        try await self.answer(DrainCall(number, isDrained))
    }
    public func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        try await self.answer(FactsCall(after: cursor, count: count))
    }
    public func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try await self.answer(JournalCall(query, window: window))
    }
    public func journalStatus() async throws -> JournalStatus { try await self.answer(JournalStatusCall()) }
    public func message(_ id: String) async throws -> MessageDetail? { try await self.found(MessageCall(id)) }
    public func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        try await self.found(ContentCall(ref.id, from: offset, count: count))
    }
    public func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        try await self.found(TranscriptCall(session, from: from, count: count))
    }
    public func freeze(_ query: QueueQuery) async throws -> FrozenSet { try await self.answer(FreezeCall(query)) }
    public func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        if reason != nil {
            let node = try await self.capabilities()
            guard node.takesReasons == true else {
                throw FeedError(
                    .unsupported,
                    "\(node.node) (\(node.software)) is too old for a reason, so nothing is done: try it without one")
            }
        }
        return try await self.answer(QueueActionCall(action, on: targets, because: reason))
    }
    public func undo(_ token: UndoToken) async throws -> Receipt { try await self.answer(UndoCall(token)) }
    public func undoable() async throws -> [UndoOffer] { try await self.answer(UndoableCall()) }
    public func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt {
        try await self.answer(PurgeCall(until: end, of: recipients))
    }
    public func shutDown(_ name: String) async throws { _ = try await self.answer(ShutdownCall(name)) }
    public func rules() async throws -> [RuleRow] { try await self.answer(RulesCall()) }
    public func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try await self.answer(RulePreviewCall(terms))
    }
    public func perform(_ action: StandingAction) async throws -> Receipt {
        try await self.answer(StandingActionCall(action))
    }
    public func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try await self.answer(RerouteCall(targets, via: via))
    }
    public func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        try await self.answer(EditCall(targets, edit))
    }
    public func close(_ session: SessionRef) async throws -> Receipt { try await self.answer(CloseCall(session)) }

    /// Also tells when the daemon was lost and when it is there again: `.missed`, upon which the windows are read anew.
    public func changes() -> AsyncStream<FeedChange> {
        let (changes, watcher) = FeedChange.stream()
        let client = self.client
        let following = Task { await ChangeFollower(client: client, watcher: watcher).run() }
        watcher.onTermination = { _ in following.cancel() }
        return changes
    }

    public func trace(_ query: TraceQuery) -> AsyncThrowingStream<[TraceEvent], any Error> {
        let follower = TraceFollower(query, of: self.client)
        return AsyncThrowingStream { try await follower.next() }
    }
}
