import Mail
import Monitor

/// One thing that is read from a feed; reading the same again while it is under way waits for its end.
enum Load: Hashable {
    case capabilities(Int)
    case overview(Int)
    case facts(Int)
    case queue(Int)
    case connections(Int)
    case preview(Int)
    case message
    case transcript
}

extension Screen {
    /// Reads what is on the screen.
    func reload(_ areas: Set<FeedChange.Area> = Set(FeedChange.Area.allCases)) {
        let node = self.current
        if !areas.isDisjoint(with: [.queue, .connections, .facts]) { self.load(.overview(node)) }
        switch self.place {
        case .overview:
            if areas.contains(.facts) { self.load(.facts(node)) }
        case .queue:
            if !areas.isDisjoint(with: [.queue, .facts]) {
                self.load(.queue(node))
                self.load(.preview(node))
            }
        case .connections:
            if areas.contains(.connections) { self.load(.connections(node)) }
        case .message:
            if !areas.isDisjoint(with: [.queue, .facts]) { self.load(.message) }
        case .transcript:
            if !areas.isDisjoint(with: [.transcripts, .connections]) { self.load(.transcript) }
        }
    }

    /// Asks for rows that the screen has room for and that are not at hand.
    func loadShortLists() {
        if self.place == .queue {
            if self.node.queue.isShort { self.load(.queue(self.current), instead: true) }
            self.load(.preview(self.current))
        }
        if self.place == .connections, self.node.connections.isShort {
            self.load(.connections(self.current), instead: true)
        }
    }

    /// - Parameter instead: the question changed, so an answer to the one under way no longer counts.
    func load(_ load: Load, instead: Bool = false) {
        if self.inFlight[load] != nil, !instead {
            self.again.insert(load)
            return
        }
        self.serial += 1
        let serial = self.serial
        self.inFlight[load] = serial
        self.again.remove(load)
        Task { await self.read(load, serial) }
    }

    private func read(_ load: Load, _ serial: Int) async {
        do {
            switch load {
            case .capabilities(let node):
                let answer = try await self.nodes[node].entry.feed.capabilities()
                self.nodes[node].capabilities = answer
            case .overview(let node):
                let answer = try await self.nodes[node].entry.feed.overview()
                self.nodes[node].overview = answer
                self.nodes[node].trouble = nil
            case .facts(let node): try await self.readFacts(node)
            case .queue(let node): try await self.readQueue(node, load, serial)
            case .connections(let node): try await self.readConnections(node, load, serial)
            case .preview(let node): try await self.readPreview(node, load, serial)
            case .message: try await self.readMessage(serial)
            case .transcript: try await self.readTranscript(serial)
            }
        } catch {
            self.nodes[self.current].trouble = SafeText("\(error)").description
        }
        guard self.inFlight[load] == serial else { return }
        self.inFlight[load] = nil
        if self.again.remove(load) != nil { self.load(load) }
        self.changed()
    }

    private func readFacts(_ node: Int) async throws {
        let last = self.nodes[node].facts.last?.sequence
        let fresh = try await self.nodes[node].entry.feed.facts(after: last, count: 200)
        let known = self.nodes[node].facts.last?.sequence ?? Int64.min
        let facts = (self.nodes[node].facts + fresh.filter { $0.sequence > known }).suffix(200)
        self.nodes[node].facts = Array(facts)
    }

    private func readQueue(_ node: Int, _ load: Load, _ serial: Int) async throws {
        let query = self.nodes[node].queueQuery
        let request = self.nodes[node].queue.request
        let window = try await self.nodes[node].entry.feed.queue(query, window: request)
        guard self.inFlight[load] == serial, query == self.nodes[node].queueQuery else { return }
        if self.rowsMustStay, self.nodes[node].queue.isLoaded, !self.nodes[node].queue.isShort {
            self.nodes[node].queue.update(window)
            self.isBehind = true
        } else {
            self.nodes[node].queue.show(window)
            if self.nodes[node].queue.isShort, self.nodes[node].queue.request != request { self.again.insert(load) }
        }
        self.refreshTags(node, window.rows)
        if self.nodes[node].queue.selected?.ref.id != self.nodes[node].preview?.ref.id { self.load(.preview(node)) }
    }

    /// A tag names the message as it was last seen.
    private func refreshTags(_ node: Int, _ rows: [QueueRow]) {
        guard case .some(var tagged) = self.nodes[node].tags, !tagged.isEmpty else { return }
        for row in rows where tagged[row.identity] != nil {
            tagged[row.identity] = Tags.Tagged(ref: row.ref, recipients: row.recipients.unsettled)
        }
        self.nodes[node].tags = .some(tagged)
    }

    private func readConnections(_ node: Int, _ load: Load, _ serial: Int) async throws {
        let query = self.nodes[node].connectionQuery
        let request = self.nodes[node].connections.request
        let window = try await self.nodes[node].entry.feed.connections(query, window: request)
        guard self.inFlight[load] == serial, query == self.nodes[node].connectionQuery else { return }
        if self.rowsMustStay, self.nodes[node].connections.isLoaded, !self.nodes[node].connections.isShort {
            self.nodes[node].connections.update(window)
            self.isBehind = true
        } else {
            self.nodes[node].connections.show(window)
            if self.nodes[node].connections.isShort, self.nodes[node].connections.request != request {
                self.again.insert(load)
            }
        }
    }

    private func readPreview(_ node: Int, _ load: Load, _ serial: Int) async throws {
        guard self.hasPreview, let id = self.nodes[node].queue.selected?.ref.id else { return }
        let detail = try await self.nodes[node].entry.feed.message(id)
        guard self.inFlight[load] == serial else { return }
        self.nodes[node].preview = detail
        if self.nodes[node].queue.selected?.ref.id != id { self.again.insert(load) }
    }

    private func readMessage(_ serial: Int) async throws {
        guard case .message(let state) = self.layers.last else { return }
        let node = self.current
        let detail = try await self.nodes[node].entry.feed.message(state.id)
        guard self.isCurrent(serial, id: state.id) else { return }
        self.withMessage {
            if let detail { $0.detail = detail }
            $0.isGone = detail == nil
            $0.recipient = max(0, min($0.recipient, ($0.detail?.recipients.count ?? 1) - 1))
        }
        self.changed()
        guard let detail else { return }
        let joined = await self.join(detail, from: node)
        guard self.isCurrent(serial, id: state.id) else { return }
        self.withMessage { $0.joined = joined }
    }
    private func isCurrent(_ serial: Int, id: String) -> Bool {
        guard self.inFlight[.message] == serial, case .message(let state) = self.layers.last else { return false }
        return state.id == id
    }

    /// Follows the message into the nodes that took it, as far as they are among the feeds.
    private func join(_ detail: MessageDetail, from node: Int) async -> [JoinKey: MessageDetail] {
        var found: [JoinKey: MessageDetail] = [:]
        var open = detail.recipients.compactMap { self.joinKey($0, from: node) }
        while let key = open.popLast(), found.count < 32 {
            guard found[key] == nil, let detail = try? await self.nodes[key.node].entry.feed.message(key.id) else {
                continue
            }
            found[key] = detail
            open += detail.recipients.compactMap { self.joinKey($0, from: key.node) }
        }
        return found
    }

    /// The message at the node that took it; `nil` when no feed is known for it.
    func joinKey(_ recipient: RecipientDetail, from node: Int) -> JoinKey? {
        guard let address = recipient.relayedTo, let id = recipient.remoteID,
            let other = self.nodeListening(on: address), other != node
        else { return nil }
        return JoinKey(node: other, id: id)
    }
    func nodeListening(on address: String) -> Int? {
        self.nodes.indices.first {
            self.nodes[$0].entry.listening.contains(address)
                || self.nodes[$0].overview?.listening.contains(address) == true
        }
    }

    private func readTranscript(_ serial: Int) async throws {
        while case .transcript(let state) = self.layers.last {
            let node = self.current
            let count = 500
            let page = try await self.nodes[node].entry.feed.transcript(state.session, from: state.end, count: count)
            guard self.inFlight[.transcript] == serial, case .transcript(var now) = self.layers.last,
                now.session == state.session
            else { return }
            guard let page else {
                now.isGone = now.lines.isEmpty
                self.layers[self.layers.count - 1] = .transcript(now)
                return
            }
            // A live session is followed, an ended one read from its first line.
            if now.page == nil { now.follows = page.session.ended == nil }
            let known = now.lines.last?.number ?? -1
            now.lines += page.lines.filter { $0.number > known }
            if now.lines.count > TranscriptState.limit {
                now.lines.removeFirst(now.lines.count - TranscriptState.limit)
            }
            now.page = page.session
            now.elided = page.elided
            let before = now.end
            now.end = page.lines.last.map { $0.number + 1 } ?? page.end
            if now.follows { now.cursor = max(0, now.lines.count - 1) }
            self.layers[self.layers.count - 1] = .transcript(now)
            self.layout()
            self.changed()
            guard now.end < page.end, now.end > before else { return }
        }
    }

    func withMessage(_ change: (inout MessageState) -> Void) {
        guard case .message(var state) = self.layers.last else { return }
        change(&state)
        self.layers[self.layers.count - 1] = .message(state)
    }
    func withTranscript(_ change: (inout TranscriptState) -> Void) {
        guard case .transcript(var state) = self.layers.last else { return }
        change(&state)
        self.layers[self.layers.count - 1] = .transcript(state)
    }
}
