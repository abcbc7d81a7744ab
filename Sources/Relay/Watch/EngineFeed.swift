import Journal
import Logging
import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// The monitor's door to the engine in this process.
final class EngineFeed: MonitorFeed {
    private let relay: Relay
    private let queue: Queue
    private let spool: any Spool
    private let registry: SessionRegistry
    private let signal: ChangeSignal
    private let node: String
    private let sessions: SessionNames
    /// Who acts through this feed.
    private let user: String
    /// A spool that cannot be read is no reason to show nothing.
    private let figures: SpoolFigures
    private let durability = DurabilityMeter()
    private var lookup: MessageLookup { MessageLookup(queue: self.queue, spool: self.spool, sessions: self.sessions) }

    init(_ relay: Relay, user: String) {
        self.relay = relay
        self.queue = relay.queue
        self.spool = relay.spool
        self.registry = relay.registry
        self.signal = relay.signal
        self.node = relay.node
        self.sessions = SessionNames(node: relay.node, since: relay.started, journal: relay.journal)
        self.user = user
        self.figures = SpoolFigures(relay.spool, loop: relay.queue.loop)
    }

    func capabilities() async throws -> FeedCapabilities {
        FeedCapabilities(
            node: self.node, software: "hoptop \(Relay.version)",
            areas: Set(FeedCapabilities.Area.allCases).subtracting(self.relay.journal == nil ? [.journal] : []),
            abilities: Set(FeedCapabilities.Ability.allCases)
                .subtracting(self.relay.shutdown.isAllowed ? [] : [.shutdown]),
            notes: self.relay.notes, sharing: self.sharing)
    }

    private var sharing: [String]? {
        self.relay.fleetMember.map { $0.present.union([self.node]).sorted() }
    }

    func changes() -> AsyncStream<FeedChange> { self.signal.changes() }

    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        var window = try await self.relay.view.window(query, window)
        let lookup = self.lookup
        await self.relay.holds.explain(&window.rows) { try await lookup.hold(of: $0, to: $1) }
        return window
    }
    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        try await self.relay.view.groups(query, by: grouping)
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.relay.view.find(search, in: query)
    }
    func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> {
        let all = try await self.relay.overview.destinations()
        return query.window(window, of: all.rows, at: all.at)
    }
    func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        let all = try await self.relay.overview.destinations()
        return query.find(search, among: all.rows, at: all.at)
    }
    func route(_ address: String) async throws -> [RouteAnswer] {
        [try await self.relay.routeQuestion.answer(for: address)]
    }
    private var spoolFleet: any Fleet {
        get throws {
            guard let fleet = self.spool.fleet else {
                throw FeedError(.gone, "this node shares its queue with no other: its spool is a directory")
            }
            return fleet
        }
    }
    func fleet() async throws -> FleetStatus {
        let fleet = try self.spoolFleet
        return FleetStatus(try await fleet.nodes(), asked: fleet.node)
    }
    private static func noNode(_ number: Int) -> FeedError {
        FeedError(.gone, "there is no node \(number): see hoptop fleet status")
    }
    func forget(_ number: Int) async throws -> FleetStatus {
        let fleet = try self.spoolFleet
        guard let node = try await fleet.nodes().first(where: { $0.node == number }) else {
            throw Self.noNode(number)
        }
        let name = "node \(number) (\(node.name))"
        let fact = Fact(at: self.queue.now, kind: .forgotten, message: nil, text: name, actor: self.user)
        switch try await fleet.forget(node.node, as: fact, on: self.queue.loop).get() {
        case .done: break
        case .unknown: throw Self.noNode(number)
        case .live: throw FeedError(.invalid, "\(name) is there: stop it, or wait until its lease is over")
        case .standing:
            throw FeedError(
                .invalid,
                "a process that says nothing still has the number of \(name), or its row in the database: end it, or its "
                    + "connection, first")
        }
        self.signal.raise(.facts)
        return try await self.fleet()
    }
    func drain(_ number: Int, _ isDrained: Bool) async throws -> FleetStatus {
        let gone = Self.noNode(number)
        let fleet = try self.spoolFleet
        guard let node = try await fleet.nodes().first(where: { $0.node == number }) else { throw gone }
        let fact = Fact(
            at: self.queue.now, kind: isDrained ? .drained : .undrained, message: nil,
            text: "node \(number) (\(node.name))", actor: self.user)
        guard try await fleet.drain(node.node, isDrained, as: fact, on: self.queue.loop).get() else { throw gone }
        self.signal.raise(.facts)
        return try await self.fleet()
    }
    func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        try await self.relay.selections.freeze(query, of: self.user)
    }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        try await self.relay.orders.perform(action, on: targets, by: self.user, because: reason)
    }
    func undo(_ token: UndoToken) async throws -> Receipt {
        guard token.node == self.node else {
            throw FeedError(.gone, "that was done at \(token.node), and this is \(self.node)")
        }
        return try await self.relay.orders.undo(token, by: self.user)
    }

    func undoable() async throws -> [UndoOffer] {
        try await self.spool.undoable(at: self.queue.now).filter { $0.actor == self.user }.map { drop in
            UndoOffer(
                token: UndoToken(node: self.node, id: drop.token), recipients: drop.recipients,
                messages: drop.messages, until: drop.until)
        }
    }

    func purge(until end: Timestamp?, of recipients: Int?) async throws -> Receipt {
        var drops = try await self.spool.undoable(at: self.queue.now)
        if let end {
            drops.removeAll { $0.until > end }
            let count = drops.reduce(0) { $0 + $1.recipients }
            guard count == recipients ?? count else {
                throw FeedError(.gone, "what was dropped is \(count) recipients by now: nothing was purged, look again")
            }
            // What nobody can take back any more is forgotten anyway, and not at an operator's word.
            while try await self.spool.purge(at: self.queue.now, by: nil, on: self.queue.loop).get() {}
            let after = end.adding(milliseconds: 1)
            let order = PurgeOrder(at: self.queue.now, by: self.user)
            while try await self.spool.purge(at: after, by: order, on: self.queue.loop).get() {}
            self.signal.raise(.facts)
        }
        return Receipt(
            done: drops.reduce(0) { $0 + $1.recipients }, messages: drops.reduce(0) { $0 + $1.messages },
            undoUntil: drops.map(\.until).max())
    }

    func shutDown(_ name: String) async throws {
        guard name == self.node else { throw FeedError(.invalid, "this is \(self.node), and not \(name)") }
        guard self.relay.shutdown.isAllowed else {
            throw FeedError(.unsupported, "this relay ends with the program that shows it: quit that")
        }
        try await self.relay.shutdown.give(by: self.user)
    }

    func rules() async throws -> [RuleRow] { await self.relay.ruleKeeper.rows() }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        try await self.relay.ruleKeeper.preview(terms)
    }
    func perform(_ action: StandingAction) async throws -> Receipt {
        try await self.relay.ruleKeeper.perform(action, by: self.user)
    }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        try await self.relay.ruleKeeper.reroute(targets, via: via, by: self.user)
    }
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        try await self.relay.orders.edit(targets, edit, by: self.user)
    }

    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        let page: FactPage
        do {
            page =
                if let cursor { try await self.spool.facts(after: FactCursor(cursor), count: count) } else {
                    try await self.spool.newestFacts(count: count)
                }
        } catch let error as SpoolError where error.code == .foreign {
            throw FeedError(.invalid, "\(error)")
        }
        return FactWindow(
            rows: page.facts.map { FactRow($0, session: self.sessions.ref(of: $0)) },
            end: page.end.description, missing: page.missing)
    }

    func overview() async throws -> Overview {
        let counters = await self.figures.now()?.counters ?? Counters()
        var overview = try await self.relay.overview.now()
        overview.started = self.relay.started
        overview.listening = self.relay.listening
        overview.totals = Overview.Totals(
            received: counters.accepted - counters.reports, reports: counters.reports, relayed: counters.relayed,
            deferredAttempts: counters.deferredAttempts, bounced: counters.bounced, expired: counters.expired,
            dropped: counters.dropped)
        if let writing = self.spool.condition.writing {
            let rates = self.durability.rates(writing)
            overview.durability?.syncs = rates.syncs
            overview.durability?.changes = rates.changes
            overview.durability?.pendingOctets = writing.pendingOctets
            overview.durability?.freeOctets = self.relay.spoolWatch.condition.free
        } else {
            overview.durability = nil
        }
        let sessions = self.registry.liveCounts
        overview.sessionsIn = sessions.inbound
        overview.sessionsOut = sessions.outbound
        overview.neighbours?.addSending(self.registry.records(includingEnded: false))
        overview.attention = self.relay.spoolWatch.attention + overview.attention
        overview.attention += (self.relay.fleetMember?.gone ?? []).map { Attention(.warning, .nodeGone(name: $0)) }
        if let failure = self.relay.journal?.failure {
            overview.attention.append(Attention(.warning, .journalFailing(error: failure)))
        }
        overview.isAccepting = self.relay.spoolWatch.isAccepting && self.relay.hasStarted && !self.relay.isStopping
        return overview
    }

    func message(_ id: String) async throws -> MessageDetail? {
        guard let id = QueueID(id) else { return nil }
        return try await self.lookup.detail(of: id)
    }

    func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        guard let id = QueueID(ref.id) else { return nil }
        return try await self.lookup.content(of: id, from: offset, count: count)
    }

    // MARK: the journal

    private var journal: Journal {
        get throws {
            guard let journal = self.relay.journal else {
                throw FeedError(.unsupported, "this node keeps no journal: journal.keep is false in its configuration")
            }
            return journal
        }
    }
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        try await self.journal.window(query, window)
    }
    func journalStatus() async throws -> JournalStatus { try await self.journal.status(spool: self.spool) }

    // MARK: sessions

    func connections(
        _ query: ConnectionQuery, window request: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        let now = self.queue.now
        let all = self.sessions(query)
        return query.window(of: query.matching(all, at: now), total: all.count, request, at: now)
    }

    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        let now = self.queue.now
        return query.find(search, in: query.matching(self.sessions(query), at: now), at: now)
    }

    /// Without the filter.
    private func sessions(_ query: ConnectionQuery) -> [ConnectionRow] {
        self.registry.records(includingEnded: query.includesEnded).map(\.row)
    }

    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        if let record = self.registry.find(session) { return record.page(from: from, count: count) }
        return try await self.relay.journal?.transcript(session, from: from, count: count)
    }

    func trace(_ query: TraceQuery) -> AsyncThrowingStream<[TraceEvent], any Error> {
        do {
            var query = query
            if let message = query.message {
                guard let id = QueueID(message) else { throw FeedError(.invalid, "\(message) is no queue ID") }
                query.message = id.description
            }
            let tracer = try self.registry.trace(query, clock: self.queue.clock)
            return AsyncThrowingStream { await tracer.next() }
        } catch {
            return AsyncThrowingStream { throw error }
        }
    }

    func close(_ session: SessionRef) async throws -> Receipt {
        guard let record = self.registry.find(session) else {
            throw FeedError(.gone, "\(session.id) is no longer known")
        }
        // What it was about is known for as long as it is there.
        let fact = Fact(closing: record.row, at: self.queue.now, by: self.user)
        guard record.hangUp() else { throw FeedError(.gone, "\(session.id) has ended already") }
        try? await self.relay.deeds.note(fact).get()
        return Receipt(done: 1, messages: 0)
    }
}

extension Fact {
    fileprivate init(closing session: ConnectionRow, at now: Timestamp, by actor: String) {
        self.init(
            at: now, kind: .closed, message: nil, text: session.ref.node, session: session.ref.id, actor: actor)
        switch session.direction {
        case .inbound:
            self.arrival = Arrival(
                peer: session.peer, hello: session.name, with: "", session: session.ref.id, tls: session.tls,
                user: session.user)
        case .outbound:
            // What comes in is no message before it is accepted.
            self.message = session.message.flatMap { QueueID($0) }
            self.nextHop = session.peer
            self.security = SessionSecurity(tls: session.tls)
        }
    }
}

extension FleetStatus {
    init(_ nodes: [FleetNode], asked: UInt8) {
        self.init(
            nodes: nodes.map { node in
                Node(
                    number: Int(node.node), name: node.name, state: Node.State(node.state), isDrained: node.isDrained,
                    age: node.age, messages: node.messages, software: node.software, isAsked: node.node == asked)
            })
    }
}

extension FleetStatus.Node.State {
    fileprivate init(_ state: FleetNode.State) {
        self =
            switch state {
            case .up: .up
            case .draining: .draining
            case .silent: .silent
            case .stopped: .stopped
            case .gone: .gone
            }
    }
}
