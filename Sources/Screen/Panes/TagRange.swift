import Monitor

/// The rows between one row and the cursor, which are about to be tagged.
struct TagRange {
    /// More rows are tagged by what they have in common.
    static let most = 10_000

    /// The row where it begins, and its number at that time.
    let start: QueueRow
    let number: Int

    func rows(to cursor: Int) -> ClosedRange<Int> { min(self.number, cursor)...max(self.number, cursor) }

    /// Where the rows are read that are not on the screen, from the upper end down.
    func request(to cursor: Int, _ row: QueueRow) -> WindowRequest<MessageRef> {
        let rows = self.rows(to: cursor)
        let first = self.number < cursor ? self.start.ref : row.ref
        return WindowRequest(.item(id: first, offset: 0, fallback: rows.lowerBound), count: rows.count)
    }

    /// - Returns: the rows from one end to the other; `nil`: they are not where they were.
    func between(_ rows: [QueueRow], and end: QueueRow) -> [QueueRow]? {
        let ends = Set([self.start.identity, end.identity])
        let places = rows.indices.filter { ends.contains(rows[$0].identity) }
        guard places.count == ends.count, let first = places.first, let last = places.last else { return nil }
        return Array(rows[first...last])
    }
}

extension Command {
    static let tagRange = Command("tag-range", ["v"], "tag from here to where the cursor is when it comes again")
    static let leaveRange = Command("leave-range", [.escape], "tag no range; close what a retry showed")
}
