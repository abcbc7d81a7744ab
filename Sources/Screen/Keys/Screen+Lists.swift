import Mail
import Monitor

/// Search, filter, order and tags.
extension Screen {
    // MARK: Search

    func search(_ word: String?) {
        guard let word else {
            self.modal = .prompt(Prompt(kind: .search, text: "", before: ""))
            return
        }
        self.searchWord = word
        self.find(forward: true, skipsCursor: false)
    }
    func searchAgain(forward: Bool) {
        guard !self.searchWord.isEmpty else {
            self.say("nothing was searched for: / searches", .plain)
            return
        }
        self.find(forward: forward, skipsCursor: true)
    }

    private func find(forward: Bool, skipsCursor: Bool) {
        let skip = skipsCursor ? (forward ? 1 : -1) : 0
        let word = self.searchWord
        guard !word.isEmpty else { return }
        var found: Int?
        switch self.place {
        case .queue:
            found = self.node.queue.find(word, forward: forward, from: self.node.queue.cursor + skip)
            if let found { self.node.queue.move(to: found) }
        case .connections:
            found = self.node.connections.find(word, forward: forward, from: self.node.connections.cursor + skip)
            if let found { self.node.connections.move(to: found) }
        case .transcript:
            self.withTranscript { state in
                let texts = state.lines.map { $0.text }
                found = Self.find(word, in: texts, from: state.cursor + skip, forward: forward)
                if let found {
                    state.cursor = found
                    state.follows = false
                }
            }
        case .message:
            self.withMessage { state in
                let texts = state.detail?.recipients.map { "\($0.forwardPath) \($0.lastReply ?? "") \($0.state.word)" }
                found = Self.find(word, in: texts ?? [], from: state.recipient + skip, forward: forward)
                if let found { state.recipient = found }
            }
        case .overview:
            let texts = self.node.overview?.destinations.map(\.destination) ?? []
            let row = self.node.overviewRow[.destinations] ?? 0
            found = Self.find(word, in: texts, from: row + skip, forward: forward)
            if let found {
                self.node.overviewPane = .destinations
                self.node.overviewRow[.destinations] = found
            }
        }
        if found == nil { self.say("\(SafeText(word)) is not among the rows at hand", .warning) }
    }

    private static func find(_ word: String, in texts: [String], from start: Int, forward: Bool) -> Int? {
        guard !texts.isEmpty else { return nil }
        let needle = word.lowercased()
        let count = texts.count
        return (0..<count).lazy
            .map { (((forward ? start + $0 : start - $0) % count) + count) % count }
            .first { texts[$0].lowercased().contains(needle) }
    }

    // MARK: Filter

    var filterText: String {
        self.place == .connections ? self.node.connectionQuery.filter.text : self.node.queueQuery.filter.text
    }

    func filter(_ words: String?) {
        if let words {
            self.setFilter(words)
        } else {
            let text = self.filterText
            self.modal = .prompt(Prompt(kind: .filter, text: text, before: text))
        }
    }

    func setFilter(_ text: String) {
        if self.place == .connections {
            guard self.node.connectionQuery.filter.text != text,
                let filter = self.filter(parsing: text, with: FilterField.ofConnections)
            else { return }
            self.node.connectionQuery.filter = filter
            self.askConnections()
        } else {
            guard self.node.queueQuery.filter.text != text,
                let filter = self.filter(parsing: text, with: FilterField.ofQueue)
            else { return }
            self.node.queueQuery.filter = filter
            self.askQueue()
        }
    }

    /// - Returns: `nil` where the text is not understood, which is told.
    private func filter(parsing text: String, with fields: [FilterField]) -> FilterExpression? {
        do throws(FilterSyntaxError) {
            return try FilterExpression(parsing: text, with: fields)
        } catch {
            self.say(SafeText(error.description).description, .failure)
            return nil
        }
    }

    func filterProblems() {
        guard self.place == .queue else {
            self.say("! shows deferred mail in the queue view", .plain)
            return
        }
        self.setFilter(self.filterText == "state:deferred" ? "" : "state:deferred")
    }

    private func askQueue() {
        if case .frozen = self.node.tags { self.node.tags = .some([:]) }
        self.node.queue.ask()
        self.load(.queue(self.current), instead: true)
    }
    private func askConnections() {
        self.node.connections.ask()
        self.load(.connections(self.current), instead: true)
    }

    func toggleEnded() {
        self.node.connectionQuery.includesEnded.toggle()
        self.askConnections()
    }

    // MARK: Order

    func sort(_ column: String?) {
        if let column {
            self.setSort(column)
            return
        }
        let items: [String]
        let now: String
        if self.place == .connections {
            items = ConnectionQuery.SortKey.allCases.map(\.rawValue)
            now = self.node.connectionQuery.sort.rawValue
        } else {
            items = QueueQuery.SortKey.allCases.map(\.rawValue)
            now = self.node.queueQuery.sort.rawValue
        }
        self.modal = .menu(Menu(kind: .sort, title: "Sort by", items: items, index: items.firstIndex(of: now) ?? 0))
    }

    func setSort(_ column: String) {
        if self.place == .connections {
            guard let key = ConnectionQuery.SortKey(rawValue: column) else {
                self.say("no column \(SafeText(column))", .warning)
                return
            }
            self.node.connectionQuery.sort = key
            self.askConnections()
        } else {
            guard let key = QueueQuery.SortKey(rawValue: column) else {
                self.say("no column \(SafeText(column))", .warning)
                return
            }
            self.node.queueQuery.sort = key
            self.askQueue()
        }
    }

    func sortStep(_ step: Int) {
        if self.place == .connections {
            self.setSort(Self.step(self.node.connectionQuery.sort, by: step).rawValue)
        } else {
            self.setSort(Self.step(self.node.queueQuery.sort, by: step).rawValue)
        }
    }
    private static func step<Key: CaseIterable & Equatable>(_ key: Key, by step: Int) -> Key {
        let all = Array(Key.allCases)
        let index = all.firstIndex(of: key) ?? 0
        return all[(index + step + all.count) % all.count]
    }

    func invert() {
        if self.place == .connections {
            self.node.connectionQuery.descending.toggle()
            self.askConnections()
        } else {
            self.node.queueQuery.descending.toggle()
            self.askQueue()
        }
    }

    // MARK: Tags

    /// Tags the row at the cursor; `nil` turns its tag round and goes on to the next row.
    func tag(_ value: Bool?) {
        if case .message = self.layers.last {
            self.withMessage { state in
                let index = state.recipient
                let wants = value ?? !state.tagged.contains(index)
                if wants { state.tagged.insert(index) } else { state.tagged.remove(index) }
                if value == nil { state.recipient = min(index + 1, max(0, (state.detail?.recipients.count ?? 1) - 1)) }
            }
            return
        }
        guard let row = self.node.queue.selected else { return }
        guard case .some(var tagged) = self.node.tags else {
            self.say("all that matched are tagged: U untags them", .plain)
            return
        }
        let wants = value ?? (tagged[row.identity] == nil)
        tagged[row.identity] = wants ? Tags.Tagged(ref: row.ref, recipients: row.recipients.unsettled) : nil
        self.node.tags = .some(tagged)
        if value == nil { self.node.queue.move(by: 1) }
    }

    func untagAll() {
        if case .message = self.layers.last {
            self.withMessage { $0.tagged = [] }
        } else {
            self.node.tags = .some([:])
        }
    }

    /// Freezes what the filter matches now: an action touches exactly those.
    func tagAll() {
        let node = self.current
        let query = self.node.queueQuery
        self.beside {
            let set = try await self.nodes[node].entry.feed.freeze(query)
            self.nodes[node].tags = .frozen(set)
            let counts = Self.counts(set.recipients, set.messages)
            return Outcome(text: "tagged \(counts), as of now", kind: .plain, at: self.now)
        }
    }
    static func counts(_ recipients: Int, _ messages: Int) -> String {
        Format.plural(recipients, "recipient") + " of " + Format.plural(messages, "message")
    }
}
