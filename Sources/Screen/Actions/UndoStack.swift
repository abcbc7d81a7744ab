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
    }
    struct Entry {
        var node: Int
        var action: QueueAction
        var ways: [Way]
        var until: Timestamp
    }
    /// How long the opposite can be done; a token says so itself.
    private static let lifetime: Int64 = 600_000

    private var undos: [Entry] = []
    private var redos: [Entry] = []

    /// What `z` would take back.
    func offered(_ now: Timestamp) -> Entry? { self.undos.last { $0.until > now } }
    func isRedoable(_ now: Timestamp) -> Bool { self.redos.contains { $0.until > now } }

    mutating func takeUndo(_ now: Timestamp) -> Entry? { Self.take(&self.undos, now) }
    mutating func takeRedo(_ now: Timestamp) -> Entry? { Self.take(&self.redos, now) }
    private static func take(_ entries: inout [Entry], _ now: Timestamp) -> Entry? {
        entries.removeAll { $0.until <= now }
        return entries.popLast()
    }

    /// Puts back what could not be done, so that it can be tried again.
    mutating func putBack(undo entry: Entry) { self.undos.append(entry) }
    mutating func putBack(redo entry: Entry) { self.redos.append(entry) }

    /// Something was done.
    ///
    /// - Returns: until when that can be taken back; `nil`: it cannot.
    mutating func did(_ deed: Deed, _ receipts: [Receipt], _ now: Timestamp) -> Timestamp? {
        guard let action = deed.action else { return nil }
        switch deed.direction {
        case .new, .redo:
            // What is new makes the way back forward again meaningless.
            if deed.direction == .new { self.redos = [] }
            let ways = receipts.compactMap { receipt -> Way? in
                if let token = receipt.undo { return .token(token) }
                guard let inverse = action.inverse, let touched = receipt.touched else { return nil }
                return .opposite(inverse, touched)
            }
            let until = receipts.compactMap(\.undoUntil).min() ?? now.adding(milliseconds: Self.lifetime)
            guard !ways.isEmpty else { return nil }
            self.undos.append(Entry(node: deed.node, action: action, ways: ways, until: until))
            return until
        case .undo:
            let ways = receipts.compactMap { $0.touched.map { Way.opposite(action, $0) } }
            let until = now.adding(milliseconds: Self.lifetime)
            if !ways.isEmpty {
                self.redos.append(Entry(node: deed.node, action: action, ways: ways, until: until))
            }
            return nil
        }
    }
}

extension UndoStack.Entry {
    /// - Parameter direction: `.undo` or `.redo`.
    func deed(_ direction: Deed.Direction) -> Deed {
        let ways = self.ways
        let prefix =
            switch direction {
            case .new: ""
            case .undo: "undo "
            case .redo: "redo "
            }
        return Deed(
            node: self.node, words: prefix + self.action.rawValue, action: self.action, direction: direction,
            work: { feed in
                try await Deed.each(ways) { way in
                    switch way {
                    case .token(let token): try await feed.undo(token)
                    case .opposite(let action, let set): try await feed.perform(action, on: .frozen(set: set))
                    }
                }
            })
    }
}
