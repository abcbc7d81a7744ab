/// Where the cursor is in one of the lists of a screen, and whether that one has the keys.
struct BoxCursor {
    var row: Int
    var isFocused: Bool

    /// The rows that are shown where there is room for `height` of `count`: those around the cursor.
    func shown(of count: Int, height: Int) -> Range<Int> {
        let top = max(0, min(self.row - height + 1, count - height))
        return top..<max(top, min(count, top + height))
    }
    func marks(_ row: Int) -> Bool { self.isFocused && row == self.row }
}
