import Mail

/// A look through all messages, part by part, so that a million do not hold up the others.
struct Walk {
    /// Messages that one event looks at.
    static let part = 8192

    /// When it begins, or began.
    var since: Timestamp
    private(set) var hasBegun = false
    private var place = 0

    init(since: Timestamp) { self.since = since }

    /// - Parameter budget: how many more may be looked at.
    /// - Returns: `nil` at the end of the part, or of all.
    mutating func next(in index: borrowing QueueIndex, budget: inout Int) -> QueueIndex.Slot? {
        self.hasBegun = true
        while budget > 0, self.place < index.ids.count {
            budget -= 1
            self.place += 1
            if index.ids[self.place - 1] != 0 { return QueueIndex.Slot(self.place - 1) }
        }
        return nil
    }

    func isOver(in index: borrowing QueueIndex) -> Bool { self.place >= index.ids.count }
}
