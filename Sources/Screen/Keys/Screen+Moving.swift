import Mail
import Monitor

enum Motion {
    case by(Int)
    case page(Int)
    case half(Int)
    case first
    case last
}

extension Screen {
    func show(_ view: View) {
        self.layers = []
        self.columnOffset = 0
        self.view = view
        self.layout()
        self.reload()
    }

    func show(node name: String?) {
        guard let name, !name.isEmpty else {
            self.say("nodes: " + self.nodes.map(\.entry.name).joined(separator: ", "), .plain)
            return
        }
        guard let index = self.nodes.firstIndex(where: { $0.entry.name.lowercased().hasPrefix(name.lowercased()) })
        else {
            self.say(
                "no node \(SafeText(name)); there are \(self.nodes.map(\.entry.name).joined(separator: ", "))",
                .warning)
            return
        }
        self.show(nodeIndex: index)
    }

    private func show(nodeIndex: Int) {
        self.layers = []
        self.current = nodeIndex
        self.columnOffset = 0
        self.layout()
        self.load(.overview(nodeIndex))
        self.reload()
        self.say("this is \(self.node.entry.name)", .plain)
    }

    /// On an open message that went on: the same message at the node that has it now. Else the next node.
    func showNextNode() {
        guard self.nodes.count > 1 else {
            self.say("there is no other node to show", .plain)
            return
        }
        if case .message(let state) = self.layers.last, let detail = state.detail,
            detail.recipients.indices.contains(state.recipient),
            let key = self.joinKey(detail.recipients[state.recipient], from: self.current)
        {
            self.show(nodeIndex: key.node)
            self.view = .queue
            self.openMessage(key.id)
            self.say("at \(self.node.entry.name) it is \(SafeText(key.id))", .plain)
            return
        }
        self.show(nodeIndex: (self.current + 1) % self.nodes.count)
    }

    func turnPane(_ step: Int) {
        switch self.place {
        case .overview:
            let panes = OverviewPane.allCases
            let next = (self.node.overviewPane.rawValue + step + panes.count) % panes.count
            self.node.overviewPane = panes[next]
        case .message:
            self.withMessage { $0.focus = $0.focus == .recipients ? .attempts : .recipients }
        case .queue, .connections:
            let next = (self.view.rawValue - 1 + step + View.allCases.count) % View.allCases.count
            self.show(View.allCases[next])
        case .transcript: break
        }
    }

    private static func target(_ motion: Motion, from row: Int, count: Int, height: Int) -> Int {
        let goal =
            switch motion {
            case .by(let rows): row + rows
            case .page(let pages): row + pages * max(1, height - 1)
            case .half(let halves): row + halves * max(1, height / 2)
            case .first: 0
            case .last: count - 1
            }
        return max(0, min(goal, count - 1))
    }

    func move(_ motion: Motion) {
        switch self.place {
        case .overview:
            let pane = self.node.overviewPane
            let count = self.overviewRows(pane)
            let row = self.node.overviewRow[pane] ?? 0
            self.node.overviewRow[pane] = Self.target(motion, from: row, count: count, height: 5)
        case .queue:
            let list = self.node.queue
            self.node.queue.move(
                to: Self.target(motion, from: list.cursor, count: list.matched, height: list.height))
        case .connections:
            let list = self.node.connections
            self.node.connections.move(
                to: Self.target(motion, from: list.cursor, count: list.matched, height: list.height))
        case .message:
            self.withMessage { state in
                guard let detail = state.detail else { return }
                if state.showsHeader {
                    let count = Self.headerLines(detail, columns: self.columns - 4).count
                    state.headerTop = Self.target(motion, from: state.headerTop, count: count, height: 10)
                } else if state.focus == .attempts {
                    state.attempt = Self.target(motion, from: state.attempt, count: detail.attempts.count, height: 5)
                } else {
                    state.recipient = Self.target(
                        motion, from: state.recipient, count: detail.recipients.count, height: 5)
                }
            }
        case .transcript:
            let height = self.transcriptHeight
            self.withTranscript { state in
                state.cursor = Self.target(motion, from: state.cursor, count: state.lines.count, height: height)
                state.follows = state.follows && state.cursor == state.lines.count - 1
            }
        }
    }

    func overviewRows(_ pane: OverviewPane) -> Int {
        switch pane {
        case .attention: self.node.overview?.attention.count ?? 0
        case .destinations: self.node.overview?.destinations.count ?? 0
        case .facts: self.node.facts.count
        }
    }

    // MARK: Opening

    func open() {
        switch self.place {
        case .overview: self.openOverviewRow()
        case .queue:
            if let row = self.node.queue.selected { self.openMessage(row.ref.id) }
        case .connections, .message: self.openTranscript()
        case .transcript: break
        }
    }

    private func openOverviewRow() {
        let pane = self.node.overviewPane
        let row = self.node.overviewRow[pane] ?? 0
        guard let overview = self.node.overview else { return }
        switch pane {
        case .attention:
            guard overview.attention.indices.contains(row) else { return }
            let attention = overview.attention[row]
            if let door = attention.door { self.showQueue(door) } else { self.say(attention.words, .plain) }
        case .destinations:
            guard overview.destinations.indices.contains(row) else { return }
            self.showQueue(overview.destinations[row].door)
        case .facts:
            // Newest first on the screen.
            guard self.node.facts.indices.contains(self.node.facts.count - 1 - row) else { return }
            self.openMessage(self.node.facts[self.node.facts.count - 1 - row].message)
        }
    }

    private func showQueue(_ filter: FilterExpression) {
        self.node.queueQuery.filter = filter
        self.node.queue.ask()
        self.view = .queue
        self.layers = []
        self.layout()
        self.load(.queue(self.current), instead: true)
        self.reload()
    }

    func openMessage(_ id: String) {
        self.layers.append(.message(MessageState(id: id)))
        self.columnOffset = 0
        self.load(.message, instead: true)
    }

    func openNeighbour(_ step: Int) {
        guard self.view == .queue, self.layers.count == 1, case .message = self.layers.last else { return }
        self.node.queue.move(by: step)
        guard let row = self.node.queue.selected else { return }
        self.layers.removeLast()
        self.openMessage(row.ref.id)
    }

    func openTranscript() {
        guard self.node.capabilities?.areas.contains(.transcripts) != false else {
            self.say("this feed keeps no transcripts", .warning)
            return
        }
        guard let session = self.sessionHere else {
            self.say("no session yet: there has been no attempt", .plain)
            return
        }
        self.layers.append(.transcript(TranscriptState(session: session)))
        self.columnOffset = 0
        self.load(.transcript, instead: true)
    }

    private var sessionHere: SessionRef? {
        switch self.place {
        case .overview, .transcript: return nil
        case .connections: return self.node.connections.selected?.ref
        case .queue:
            if let session = self.node.queue.selected?.progress?.session { return session }
            guard let row = self.node.queue.selected, let preview = self.node.preview, preview.ref.id == row.ref.id
            else { return nil }
            return preview.attempts.last { $0.session != nil }?.session ?? preview.session
        case .message:
            guard case .message(let state) = self.layers.last, let detail = state.detail else { return nil }
            if state.focus == .attempts {
                return detail.attempts.indices.contains(state.attempt) ? detail.attempts[state.attempt].session : nil
            }
            let index = state.recipient
            let recipient = detail.recipients.indices.contains(index) ? detail.recipients[index] : nil
            return recipient?.progress?.session
                ?? detail.attempts.last { $0.recipientIndex == index && $0.session != nil }?.session ?? detail.session
        }
    }

    func toggleFollow() {
        self.withTranscript { state in
            state.follows.toggle()
            if state.follows { state.cursor = max(0, state.lines.count - 1) }
        }
        self.layout()
    }
}
