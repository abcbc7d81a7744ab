import Mail
import Monitor

/// What can be taken back, newest last, and what was taken back and can be done again.
struct UndoStack {
    /// How one receipt is turned round.
    enum Way: Sendable {
        /// The feed itself takes it back.
        case token(UndoToken)
        /// The opposite, on exactly what was changed.
        case opposite(QueueAction, FrozenSetID)
        /// What is opposite to it, as the feed says.
        case standing(StandingAction)
        /// Those recipients go by their routes again.
        case routes(FrozenSetID)
        /// Those recipients go to the address that they had.
        case address(FrozenSetID, String)
    }
    struct Entry {
        var node: Int
        /// `drop`, `suspend`.
        var words: String
        /// What was done to mail; `nil`: something else.
        var action: QueueAction?
        /// Why it was done, in words; `nil`: none were given.
        var reason: String?
        var ways: [Way]
        /// Rules that ended by what was done.
        var ended: [RuleRef] = []
        var until: Timestamp
    }
    /// How long the opposite can be done; a token says so itself.
    private static let lifetime: Int64 = 600_000

    private var undos: [Entry] = []
    private var redos: [Entry] = []

    /// What `z` would take back.
    func offered(_ now: Timestamp) -> Entry? { self.undos.last { $0.until > now } }
    func isRedoable(_ now: Timestamp) -> Bool { self.redos.contains { $0.until > now } }

    /// What a key of undo comes to.
    enum Turn {
        case entry(Entry)
        case nothing
        /// It follows what is being done: before that ends nobody knows what comes next.
        case later
    }
    /// What is to follow.
    private var waiting: [Deed.Direction] = []

    /// - Parameters:
    ///   - direction: `.undo` or `.redo`.
    ///   - isBusy: something is being done.
    mutating func turn(_ direction: Deed.Direction, isBusy: Bool, _ now: Timestamp) -> Turn {
        guard !isBusy else {
            self.waiting.append(direction)
            return .later
        }
        let entry = direction == .redo ? Self.take(&self.redos, now) : Self.take(&self.undos, now)
        return entry.map { .entry($0) } ?? .nothing
    }

    /// The turn that waits for longest.
    mutating func nextTurn() -> Deed.Direction? { self.waiting.isEmpty ? nil : self.waiting.removeFirst() }

    private static func take(_ entries: inout [Entry], _ now: Timestamp) -> Entry? {
        entries.removeAll { $0.until <= now }
        return entries.popLast()
    }

    /// Puts back what could not be done, so that it can be tried again.
    mutating func putBack(_ entry: Entry, _ direction: Deed.Direction) {
        if direction == .redo { self.redos.append(entry) } else { self.undos.append(entry) }
    }

    /// Takes in what was done before the screen came, below what it did itself.
    mutating func learn(_ offers: [UndoOffer], of node: Int) {
        let known = self.undos.flatMap(\.ways).compactMap { if case .token(let token) = $0 { token } else { nil } }
        let entries = offers.filter { !known.contains($0.token) }.map { offer in
            Entry(node: node, words: "drop", action: .drop, ways: [.token(offer.token)], until: offer.until)
        }
        self.undos.insert(contentsOf: entries, at: 0)
    }

    /// What the node could have taken back until then at most is gone.
    mutating func forgetDrops(of node: Int, until end: Timestamp) {
        self.undos.removeAll { entry in
            entry.node == node && entry.until <= end
                && entry.ways.allSatisfy { if case .token = $0 { true } else { false } }
        }
    }

    /// The node knows no selections of before; what it takes back by a token, or by a rule, it still can.
    mutating func forgetSelections(of node: Int) {
        func isForgotten(_ entry: Entry) -> Bool {
            entry.node == node
                && entry.ways.contains {
                    switch $0 {
                    case .opposite, .routes, .address: true
                    case .token, .standing: false
                    }
                }
        }
        self.undos.removeAll(where: isForgotten)
        self.redos.removeAll(where: isForgotten)
    }

    /// Something was done.
    ///
    /// - Returns: until when that can be taken back; `nil`: it cannot.
    mutating func did(_ deed: Deed, _ receipts: [Receipt], _ now: Timestamp) -> Timestamp? {
        let isUndoable =
            deed.action != nil || deed.isReroute || deed.addressBefore != nil || receipts.contains { $0.inverse != nil }
        guard isUndoable else { return nil }
        self.rename(deed.restores, as: receipts)
        switch deed.direction {
        case .new, .redo:
            // What is new makes the way back forward again meaningless.
            if deed.direction == .new { self.redos = [] }
            let ways = receipts.compactMap { receipt -> Way? in
                if let token = receipt.undo { return .token(token) }
                if let inverse = receipt.inverse { return .standing(inverse) }
                guard let touched = receipt.touched else { return nil }
                if deed.isReroute { return .routes(touched) }
                if let address = deed.addressBefore { return .address(touched, address) }
                return deed.action?.inverse.map { .opposite($0, touched) }
            }
            let until = receipts.compactMap(\.undoUntil).min() ?? now.adding(milliseconds: Self.lifetime)
            guard !ways.isEmpty else { return nil }
            self.undos.append(
                Entry(
                    node: deed.node, words: deed.undoWords, action: deed.action, reason: deed.reason, ways: ways,
                    ended: deed.ends, until: until))
            return until
        case .undo:
            let ways = receipts.compactMap { receipt -> Way? in
                if let inverse = receipt.inverse { return .standing(inverse) }
                guard let action = deed.action else { return nil }
                return receipt.touched.map { .opposite(action, $0) }
            }
            let until = now.adding(milliseconds: Self.lifetime)
            if !ways.isEmpty {
                self.redos.append(
                    Entry(
                        node: deed.node, words: deed.undoWords, action: deed.action, reason: deed.reason, ways: ways,
                        ended: deed.ends, until: until))
            }
            return nil
        }
    }

    /// A rule that is set anew has another name, and what would end the old one is to end that.
    private mutating func rename(_ rules: [RuleRef], as receipts: [Receipt]) {
        let names = receipts.compactMap { if case .end(let rule)? = $0.inverse { rule } else { nil } }
        guard !rules.isEmpty, names.count == rules.count else { return }
        let renamed = Dictionary(zip(rules, names), uniquingKeysWith: { $1 })
        self.undos = self.undos.map { $0.ending(renamed) }
        self.redos = self.redos.map { $0.ending(renamed) }
    }
}

extension UndoStack.Entry {
    /// The rules that it would end.
    private var ends: [RuleRef] {
        self.ways.compactMap { if case .standing(.end(let rule)) = $0 { rule } else { nil } }
    }

    fileprivate func ending(_ renamed: [RuleRef: RuleRef]) -> Self {
        var entry = self
        entry.ways = self.ways.map { way in
            guard case .standing(.end(let rule)) = way, let name = renamed[rule] else { return way }
            return .standing(.end(rule: name))
        }
        return entry
    }

    /// - Parameter direction: `.undo` or `.redo`.
    func deed(_ direction: Deed.Direction) -> Deed {
        let (ways, reason) = (self.ways, self.reason)
        let prefix =
            switch direction {
            case .new: ""
            case .undo: "undo "
            case .redo: "redo "
            }
        let isAboutMail = self.ways.contains {
            switch $0 {
            case .token, .opposite, .routes, .address: true
            case .standing: false
            }
        }
        let words = prefix + self.words
        var deed = Deed(
            node: self.node, words: words, action: self.action, direction: direction,
            work: { feed in
                try await Deed.each(ways, passesGone: true) { way in
                    switch way {
                    case .token(let token): try await feed.undo(token)
                    case .opposite(let action, let set):
                        try await feed.perform(
                            action, on: .frozen(set: set), because: action.takesReason ? reason : nil)
                    case .standing(let action): try await feed.perform(action)
                    case .routes(let set): try await feed.reroute(.frozen(set: set), via: nil)
                    case .address(let set, let address):
                        try await feed.edit(.frozen(set: set), .address(to: address))
                    }
                }
            }, undoWords: self.words,
            report: isAboutMail
                ? nil
                : { receipts in
                    let remarks = receipts.flatMap(\.remarks).map { "; \($0.words)" }.joined()
                    return (words + remarks, remarks.isEmpty ? .ok : .warning)
                })
        deed.reason = reason
        deed.ends = self.ends
        deed.restores = self.ended
        return deed
    }
}
