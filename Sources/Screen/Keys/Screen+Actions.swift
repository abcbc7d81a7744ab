import Mail
import Monitor

/// What the operator does to mail and sessions.
extension Screen {
    /// More targets than this are never touched without a dialog.
    static let askAbove = 20

    /// What an action would be for.
    struct Chosen {
        var targets: Targets
        var recipients: Int
        var messages: Int
        /// On the status line: `3 tagged`, `4Q7K`.
        var words: String
        var sample: [String] = []
    }

    /// Tagged, else the cursor's; `nil` when there is nothing.
    var chosen: Chosen? {
        if case .message(let state) = self.layers.last { return self.chosenRecipients(state) }
        guard self.place == .queue else { return nil }
        switch self.node.tags {
        case .frozen(let set):
            return Chosen(
                targets: .frozen(set: set.id), recipients: set.recipients, messages: set.messages,
                words: "all \(Self.counts(set.recipients, set.messages)) tagged", sample: set.sample.map(Self.sample))
        case .some(let tagged) where !tagged.isEmpty:
            let all = tagged.values.sorted { $0.ref.id < $1.ref.id }
            let recipients = all.reduce(0) { $0 + $1.recipients }
            return Chosen(
                targets: .messages(references: all.map(\.ref), matching: self.node.queueQuery.filter),
                recipients: recipients, messages: all.count,
                words: "\(Format.count(all.count)) tagged", sample: all.prefix(5).map { $0.ref.id })
        case .some:
            guard let row = self.node.queue.selected else { return nil }
            return Chosen(
                targets: .messages(references: [row.ref], matching: self.node.queueQuery.filter),
                recipients: row.matching, messages: 1, words: row.ref.id,
                sample: [Self.sample(row)])
        }
    }
    private static func sample(_ row: QueueRow) -> String { "\(row.ref.id)  \(row.from) to \(row.to)" }

    private func chosenRecipients(_ state: MessageState) -> Chosen? {
        guard let detail = state.detail, !detail.recipients.isEmpty else { return nil }
        let indexes = state.tagged.isEmpty ? [state.recipient] : state.tagged.sorted()
        let all = indexes.filter(detail.recipients.indices.contains).map { detail.recipients[$0] }
        return Chosen(
            targets: .recipients(references: all.map(\.ref)), recipients: all.count, messages: 1,
            words: state.tagged.isEmpty ? all.first?.forwardPath ?? "" : "\(all.count) tagged recipients",
            sample: all.prefix(5).map { "\(detail.ref.id)  to \($0.forwardPath)" })
    }

    /// `h` on something held lets it go.
    var holdToggles: QueueAction {
        if case .message(let state) = self.layers.last {
            let recipients = state.detail?.recipients ?? []
            let indexes = state.tagged.isEmpty ? [state.recipient] : Array(state.tagged)
            let held = indexes.filter(recipients.indices.contains).allSatisfy { recipients[$0].state == .hold }
            return held ? .release : .hold
        }
        if self.node.tags.isEmpty, self.node.queue.selected?.state == .hold { return .release }
        return .hold
    }

    func act(_ action: QueueAction, asks: Bool) {
        guard let chosen = self.chosen else {
            self.say("nothing to \(action.rawValue)", .plain)
            return
        }
        guard chosen.recipients > Self.askAbove || chosen.messages > Self.askAbove || asks else {
            self.perform(action, on: chosen.targets)
            return
        }
        let needsNumber = chosen.recipients > Self.askAbove || chosen.messages > Self.askAbove
        let counts = Self.counts(chosen.recipients, chosen.messages)
        var lines: [[Run]] = [[Run(counts, .prompt)]]
        lines += chosen.sample.prefix(5).map { [Run("  " + $0, .muted)] }
        if chosen.messages > chosen.sample.count { lines.append([Run("  and more", .muted)]) }
        lines.append([])
        lines.append([Run(Self.consequence(action))])
        self.modal = .dialog(
            Dialog(
                title: "\(action.rawValue.prefix(1).uppercased())\(action.rawValue.dropFirst())?", lines: lines,
                verb: action.rawValue, number: needsNumber ? chosen.recipients : nil,
                action: .queue(action, chosen.targets)))
    }

    private static func consequence(_ action: QueueAction) -> String {
        switch action {
        case .retry: "They are due at once."
        case .hold: "They stay here until they are released."
        case .release: "They go on as before."
        case .drop: "They are settled and nobody is told. z takes it back."
        case .bounce: "They are settled with a report to each sender. No undo."
        }
    }

    func askClose() {
        let session: ConnectionRow?
        if case .transcript(let state) = self.layers.last {
            session = state.page
        } else {
            session = self.node.connections.selected
        }
        guard let session, session.ended == nil else {
            self.say("that session has ended already", .plain)
            return
        }
        self.modal = .dialog(
            Dialog(
                title: "Close \(session.ref.id)?",
                lines: [
                    [Run(session.peer, .prompt)], [],
                    [Run("The session ends at once. Its message stays queued;")],
                    [Run("a reply on its way is lost, so a copy may go twice.")],
                ], verb: "close", action: .close(session.ref)))
    }

    func perform(_ action: QueueAction, on targets: Targets) {
        let node = self.current
        self.beside {
            let receipt = try await self.nodes[node].entry.feed.perform(action, on: targets)
            self.nodes[node].tags = .some([:])
            self.withMessage { $0.tagged = [] }
            return self.outcome(action.rawValue, receipt, node: node)
        }
    }

    func close(_ session: SessionRef) {
        let node = self.current
        self.beside {
            let receipt = try await self.nodes[node].entry.feed.close(session)
            let text = receipt.done > 0 ? "closed \(session.id)" : "\(session.id) was not closed"
            let why = receipt.skipped.keys.map(\.words).sorted().joined(separator: ", ")
            return Outcome(
                text: [text, why].filter { !$0.isEmpty }.joined(separator: ": "),
                kind: receipt.done > 0 ? .ok : .warning, at: self.now)
        }
    }

    func undo() {
        guard let last = self.outcome, let token = last.undo else {
            self.say(
                self.node.capabilities?.abilities.contains(.undo) == false
                    ? "this feed cannot undo" : "nothing to undo", .plain)
            return
        }
        let node = last.node
        self.beside {
            let receipt = try await self.nodes[node].entry.feed.undo(token)
            return self.outcome("undo", receipt, node: node)
        }
    }

    private func outcome(_ word: String, _ receipt: Receipt, node: Int) -> Outcome {
        var text = "\(word): \(Self.counts(receipt.done, receipt.messages))"
        for (reason, count) in receipt.skipped.sorted(by: { $0.key.words < $1.key.words }) {
            text += "; \(Format.count(count)) skipped: \(reason.words)"
        }
        for remark in receipt.remarks { text += "; \(remark.words)" }
        return Outcome(
            text: text, kind: receipt.done == 0 || !receipt.skipped.isEmpty ? .warning : .ok, at: self.now,
            undo: receipt.undo, undoUntil: receipt.undoUntil, node: node)
    }

    /// Runs what waits for a feed beside the keys; what it gives, or its failure, becomes the outcome line.
    func beside(_ work: @escaping () async throws -> Outcome) {
        self.actions += 1
        Task {
            do {
                self.outcome = try await work()
            } catch let error as FeedError {
                self.say(error.description, .failure)
            } catch {
                self.say("\(error)", .failure)
            }
            self.actions -= 1
            self.lastKey = nil
            self.reload()
            self.changed()
        }
    }
}
