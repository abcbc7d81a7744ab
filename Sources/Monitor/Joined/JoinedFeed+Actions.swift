public import Mail
import Synchronization

// What is done goes to the nodes that the references name, to all of them at once.
extension JoinedFeed {
    public func freeze(_ query: QueueQuery) async throws -> FrozenSet {
        let answers = try await self.nodes.byShares { shares in
            try await self.nodes.ask(self.nodes.all.indices) { index, feed in
                try await feed.freeze(query.narrowed(to: shares[index]))
            }
        }
        let sets = answers.values.map(\.value)
        return FrozenSet(
            id: self.keep(answers.values.reduce(into: [:]) { $0[$1.index] = $1.value.id }),
            recipients: sets.reduce(0) { $0 + $1.recipients }, messages: sets.reduce(0) { $0 + $1.messages },
            sample: Array(sets.flatMap(\.sample).sorted(by: query.isBefore).prefix(5)),
            active: sets.reduce(0) { sum, set in sum.flatMap { sum in set.active.map { sum + $0 } } },
            absent: answers.isAbsent)
    }

    public func perform(_ action: QueueAction, on targets: Targets, because reason: String?) async throws -> Receipt {
        let parts = try await self.parts(of: targets)
        return try await self.act(parts) { try await $0.perform(action, on: $1, because: reason) }
    }
    public func reroute(_ targets: Targets, via: String?) async throws -> Receipt {
        let parts = try await self.parts(of: targets)
        return try await self.act(parts) { try await $0.reroute($1, via: via) }
    }
    public func edit(_ targets: Targets, _ edit: RecipientEdit) async throws -> Receipt {
        let parts = try await self.parts(of: targets)
        return try await self.act(parts) { try await $0.edit($1, edit) }
    }
    public func close(_ session: SessionRef) async throws -> Receipt {
        try await self.act([try await self.nodes.index(of: session.node): session]) { try await $0.close($1) }
    }

    /// What one node could not take back can be tried again by the same token.
    public func undo(_ token: UndoToken) async throws -> Receipt {
        guard token.node == self.name else {
            return try await self.act([try await self.nodes.index(of: token.node): token]) { try await $0.undo($1) }
        }
        let id = Int(token.id)
        guard case .undo(let tokens) = self.names.withLock({ $0[id] }) else { throw Self.gone }
        return try await self.act(
            tokens,
            done: { done in
                let left = tokens.filter { !done.contains($0.key) }
                self.names.withLock { $0[id] = left.isEmpty ? nil : .undo(left) }
            }
        ) { try await $0.undo($1) }
    }

    /// Each by its own node's name.
    public func undoable() async throws -> [UndoOffer] {
        try await self.nodes.askFirst { _, feed in try await feed.undoable() }.values.flatMap(\.value)
            .sorted { $0.until < $1.until }
    }

    // MARK: standing rules

    /// The nodes of each queue, one behind the other.
    public func fleet() async throws -> FleetStatus {
        let first = await self.nodes.firstOfEachQueue()
        let answers = try await self.nodes.ask(first) { _, feed in try await feed.fleet() }
        return FleetStatus(nodes: answers.values.flatMap(\.value.nodes))
    }

    /// In the order in which they were set.
    public func rules() async throws -> [RuleRow] {
        try await self.nodes.askFirst { _, feed in try await feed.rules() }.values.flatMap(\.value)
            .sorted { ($0.rule.at, $0.ref.node, $0.ref.id) < ($1.rule.at, $1.ref.node, $1.ref.id) }
    }

    public func preview(_ terms: StandingRule.Terms) async throws -> RulePreview {
        let answers = try await self.nodes.askFirst { _, feed in try await feed.preview(terms) }
        let all = answers.values.map(\.value)
        return RulePreview(
            terms: (all.first(where: \.isKnown) ?? all.first)?.terms ?? terms,
            recipients: all.reduce(0) { $0 + $1.recipients }, messages: all.reduce(0) { $0 + $1.messages },
            onHold: all.reduce(0) { $0 + $1.onHold }, sample: Array(all.flatMap(\.sample).prefix(5)),
            replaces: all.lazy.compactMap(\.replaces).first, isKnown: all.contains(where: \.isKnown),
            absent: answers.isAbsent)
    }

    /// A rule is set at one node of each queue, and ended at its own, or at one that has its queue.
    public func perform(_ action: StandingAction) async throws -> Receipt {
        var parts: [Int: StandingAction] = [:]
        switch action {
        case .end(let rule) where rule.node == self.name:
            guard case .actions(let actions) = self.names.withLock({ $0[Int(rule.id)] }) else { throw Self.gone }
            parts = actions
        case .end(let rule):
            parts[self.nodes.standIn(for: try await self.nodes.index(of: rule.node))] = action
        case .set, .limit: for index in await self.nodes.firstOfEachQueue() { parts[index] = action }
        }
        return try await self.act(parts) { try await $0.perform($1) }
    }

    // MARK: who is meant

    private static let gone = FeedError(.gone, "what was done at several nodes is no longer known as one")

    /// What is meant at each node; what one has that does not answer, at another that shares its queue.
    private func parts(of targets: Targets) async throws(FeedError) -> [Int: Targets] {
        switch targets {
        case .messages(let references, let filter):
            return try await self.byNode(references, \.node).mapValues { .messages(references: $0, matching: filter) }
        case .recipients(let references):
            return try await self.byNode(references, \.node).mapValues { .recipients(references: $0) }
        case .frozen(let set) where set.node == self.name:
            guard case .set(let sets) = self.names.withLock({ $0[set.id] }) else {
                throw FeedError(.gone, "what was selected is no longer known: select again")
            }
            return sets.mapValues { .frozen(set: $0) }
        case .frozen(let set): return [try await self.nodes.index(of: set.node): targets]
        }
    }

    private func byNode<Ref>(_ references: [Ref], _ node: (Ref) -> String) async throws(FeedError) -> [Int: [Ref]] {
        var parts: [Int: [Ref]] = [:]
        for (name, some) in Dictionary(grouping: references, by: node) {
            parts[self.nodes.standIn(for: try await self.nodes.index(of: name)), default: []] += some
        }
        return parts
    }

    private func keep(_ sets: [Int: FrozenSetID]) -> FrozenSetID {
        FrozenSetID(node: self.name, id: self.names.withLock { $0.keep(.set(sets)) })
    }

    /// Does each node's part, all at once. What failed at some is told as a remark.
    ///
    /// - Parameter done: learns where it was done.
    private func act<Part: Sendable>(
        _ parts: [Int: Part], done: (Set<Int>) -> Void = { _ in },
        _ perform: @escaping @Sendable (any MonitorFeed, Part) async throws -> Receipt
    ) async throws -> Receipt {
        guard !parts.isEmpty else { return Receipt(done: 0, messages: 0) }
        let answers = try await self.nodes.ask(parts.keys, isDeed: true) { index, feed in
            guard let part = parts[index] else { throw FeedError(.invalid, "nothing was named") }
            return try await perform(feed, part)
        }
        done(Set(answers.values.map(\.index)))
        var receipt = self.joined(answers.values.map { ($0.index, $0.value) })
        receipt.remarks += answers.absent.map {
            .failed(error: FeedError(.unavailable, "\($0.node) did nothing: \($0.reason)"))
        }
        return receipt
    }

    /// Receipts of several nodes as one, whose names stand for theirs.
    private func joined(_ receipts: [(index: Int, receipt: Receipt)]) -> Receipt {
        if receipts.count == 1 { return receipts[0].receipt }
        let all = receipts.map(\.receipt)
        func parts<Value>(_ value: (Receipt) -> Value?) -> [Int: Value]? {
            let parts = receipts.reduce(into: [:]) { $0[$1.index] = value($1.receipt) }
            return parts.isEmpty ? nil : parts
        }
        let undo = parts(\.undo).map { tokens in
            UndoToken(node: self.name, id: Int64(self.names.withLock { $0.keep(.undo(tokens)) }))
        }
        let inverse = parts(\.inverse).map { actions in
            RuleRef(node: self.name, id: Int64(self.names.withLock { $0.keep(.actions(actions)) }))
        }
        var remarks: [Receipt.Remark] = []
        for remark in all.flatMap(\.remarks) where !remarks.contains(remark) { remarks.append(remark) }
        return Receipt(
            done: all.reduce(0) { $0 + $1.done }, messages: all.reduce(0) { $0 + $1.messages },
            skipped: all.reduce(into: [:]) { $0.merge($1.skipped, uniquingKeysWith: +) },
            touched: parts(\.touched).map(self.keep), undo: undo, undoUntil: all.compactMap(\.undoUntil).min(),
            inverse: inverse.map { .end(rule: $0) }, remarks: remarks)
    }
}
