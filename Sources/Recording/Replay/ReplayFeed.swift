import Mail
import Monitor
import OrderedCollections

/// One node of a recording, as it was at the moment that its replay shows. Nothing can be done to it.
struct ReplayFeed: MonitorFeed {
    let replay: Replay
    let node: Int

    /// - Throws: what was answered then, where the node did not answer.
    private func picture() throws -> (picture: NodePicture, at: Timestamp) {
        let shown = self.replay.picture(of: self.node)
        if let silence = shown.picture.silence { throw FeedError(.unavailable, silence) }
        return shown
    }

    func capabilities() async throws -> FeedCapabilities {
        let known = try self.picture().picture.capabilities
        var capabilities = known ?? FeedCapabilities(node: self.name, software: self.replay.header.software)
        capabilities.abilities = []
        capabilities.areas.remove(.trace)
        return capabilities
    }
    private var name: String { self.replay.header.nodes[self.node] }

    func overview() async throws -> Overview {
        let (picture, at) = try self.picture()
        guard var overview = picture.overview else { throw FeedError(.unavailable, "nothing was recorded of it then") }
        overview.at = at
        return overview
    }

    func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        let (picture, at) = try self.picture()
        return query.window(
            of: query.matching(picture.rows.values, at: at), total: max(picture.queued, picture.rows.count), window,
            at: at)
    }
    func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        let (picture, at) = try self.picture()
        return query.find(search, in: query.matching(picture.rows.values, at: at), at: at)
    }

    func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        let (picture, at) = try self.picture()
        return query.groups(by: grouping, of: picture.rows.values, at: at)
    }

    func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> {
        let (picture, at) = try self.picture()
        let total = picture.sessions.values.lazy.filter { query.includesEnded || $0.ended == nil }.count
        return query.window(of: query.matching(picture.sessions.values, at: at), total: total, window, at: at)
    }
    func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        let (picture, at) = try self.picture()
        return query.find(search, in: query.matching(picture.sessions.values, at: at), at: at)
    }

    func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        let picture = try self.picture().picture
        let end = picture.factsBefore + picture.entries.count
        let facts = picture.entries.map(\.fact)
        guard let cursor, let start = Int(cursor), start <= end else {
            return FactWindow(rows: Array(facts.suffix(max(0, count))), end: "\(end)")
        }
        let rows = Array(facts.dropFirst(max(0, start - picture.factsBefore)).prefix(max(0, count)))
        let first = max(start, picture.factsBefore)
        return FactWindow(rows: rows, end: "\(first + rows.count)", missing: first - start)
    }

    /// The facts that were recorded are what the journal would have.
    func journal(_ query: JournalQuery, window: JournalRequest) async throws -> JournalWindow {
        let (picture, at) = try self.picture()
        let entries = picture.entries.enumerated().map { place, entry in
            var entry = entry
            let isOfJournal = entry.ref.number > 0
            entry.ref = JournalRef(node: self.name, number: Int64(picture.factsBefore + place + 1))
            return isOfJournal ? entry : picture.completed(entry)
        }
        return query.window(of: entries, window, at: at)
    }

    func message(_ id: String) async throws -> MessageDetail? {
        let picture = try self.picture().picture
        guard let detail = picture.messages[id] else { return nil }
        return picture.rows[id].map(detail.updated) ?? detail
    }

    func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        let picture = try self.picture().picture
        guard let dialogue = picture.dialogues[session.id] else { return nil }
        let row = picture.sessions[session.id] ?? dialogue.session
        let lines = dialogue.lines.lazy.filter { $0.number >= from }.prefix(max(0, count))
        return TranscriptPage(session: row, lines: Array(lines), end: dialogue.end, elided: dialogue.elided)
    }

    func rules() async throws -> [RuleRow] { try self.picture().picture.rules }
    func changes() -> AsyncStream<FeedChange> { self.replay.changes() }

    // MARK: What is over cannot be changed

    private static var isOver: FeedError {
        FeedError(.unsupported, "this is a recording: nothing can be changed in it")
    }

    func freeze(_ query: QueueQuery) async throws -> FrozenSet { throw Self.isOver }
    func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        throw Self.isOver
    }
    func undo(_ token: UndoToken) async throws -> Receipt { throw Self.isOver }
    func perform(_ action: StandingAction) async throws -> Receipt { throw Self.isOver }
    func preview(_ terms: StandingRule.Terms) async throws -> RulePreview { throw Self.isOver }
    func reroute(_ targets: Targets, via: String?) async throws -> Receipt { throw Self.isOver }
    func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt { throw Self.isOver }
    func close(_ session: SessionRef) async throws -> Receipt { throw Self.isOver }
}

extension NodePicture {
    /// Facts do not say how their session was protected, nor what is told of a message once: as far as the session and the
    /// message were recorded, those do.
    fileprivate func completed(_ entry: JournalEntry) -> JournalEntry {
        var entry = entry
        if let id = entry.fact.session?.id, let session = self.sessions[id] ?? self.dialogues[id]?.session {
            entry.security = SessionSecurity(tls: session.tls)
        }
        guard let detail = entry.fact.message.flatMap({ self.messages[$0] }) else { return entry }
        if entry.fact.kind == .accepted {
            (entry.subject, entry.peer, entry.hello) = (detail.subject, detail.peer, detail.hello)
            (entry.with, entry.user) = (detail.with, detail.user)
            if detail.peer != nil { entry.security = SessionSecurity(tls: detail.tls) }
        } else if let attempt = detail.attempts.first(where: {
            $0.session == entry.fact.session && $0.recipientIndex == entry.fact.recipient
        }) {
            entry.security = attempt.security ?? entry.security
        }
        return entry
    }
}

extension MessageDetail {
    /// Rows are recorded oftener than what is known of a message: its row may be newer, and then says how it was.
    fileprivate func updated(from row: QueueRow) -> MessageDetail {
        guard self.ref.generation < row.ref.generation else { return self }
        var detail = self
        detail.ref = row.ref
        guard let index = detail.recipients.firstIndex(where: { $0.forwardPath == row.to }) else { return detail }
        detail.recipients[index].state = row.state
        detail.recipients[index].tries = row.tries
        detail.recipients[index].nextAttempt = row.nextAttempt
        detail.recipients[index].lastReply = row.lastReply
        detail.recipients[index].progress = row.progress
        if let why = row.why { detail.recipients[index].why = why }
        return detail
    }
}
