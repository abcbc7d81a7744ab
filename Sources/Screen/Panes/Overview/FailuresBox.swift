import Mail
import Monitor

/// What hosts say where mail fails, a line for all that say the same.
struct FailuresBox {
    let failures: Failures
    let cursor: BoxCursor
    let now: Timestamp
    let openKey: String

    /// Two rows in its box at least, and no more than a third of the room.
    func height(of height: Int) -> Int {
        guard !self.failures.groups.isEmpty else { return 0 }
        return min(2 + self.failures.groups.count + (self.failures.moreWords == nil ? 0 : 1), max(4, height / 3))
    }

    func paint(_ painter: inout Painter, _ area: Rect) {
        let count = self.failures.groups.count
        let inner = painter.box(
            area, title: "Failures (\(Format.count(count + self.failures.moreGroups)))",
            right: "\(self.openKey) filters",
            isFocused: self.cursor.isFocused)
        for (line, index) in self.cursor.shown(of: count, height: inner.height).enumerated() {
            let failure = self.failures.groups[index]
            let state: RecipientState = failure.deferred > 0 ? .deferred : .bounced
            let row = inner.row(line)
            let words = SafeText(failure.words(self.now))
            let columns = min(words.columns, row.width * 3 / 5)
            painter.runs(
                [Run(painter.glyph(state.glyph) + " ", state.role), Run(reply: failure.fingerprint.text)], x: row.x + 1,
                y: row.y, columns: row.width - 4 - columns)
            painter.text(words, x: row.maxX - 1 - columns, y: row.y, columns: columns, role: .base)
            if self.cursor.marks(index) { painter.select(row) }
        }
        if let more = self.failures.moreWords, count < inner.height {
            painter.text(more, x: inner.x + 1, y: inner.y + count, columns: inner.width - 2, role: .muted)
        }
    }
}
