import Mail
import Monitor

/// What an operator should look at, a line each, with how many recipients it is about.
struct AttentionBox {
    let overview: Overview
    let cursor: BoxCursor
    let names: NodeNames?

    func paint(_ painter: inout Painter, _ area: Rect) {
        let count = self.overview.attention.count
        let title = "Needs attention" + (count > 0 ? " (\(Format.count(self.overview.attentionCount)))" : "")
        let inner = painter.box(area, title: title, isFocused: self.cursor.isFocused)
        guard count > 0 else {
            painter.runs(
                [Run(painter.glyph(.ok) + " ", .ok), Run("all is well", .muted)], x: inner.x + 1, y: inner.y,
                columns: inner.width - 2)
            return
        }
        for (line, index) in self.cursor.shown(of: count, height: inner.height).enumerated() {
            let attention = self.overview.attention[index]
            let row = inner.row(line)
            let number = attention.count.map(Format.count) ?? ""
            let room = row.width - 2 - (number.isEmpty ? 0 : number.count + 1)
            let node = attention.node.map { "\(self.names?[$0] ?? $0) " } ?? ""
            painter.runs(
                [
                    Run(painter.glyph(attention.severity.glyph) + " ", attention.severity.role), Run(node, .muted),
                    Run((self.names?[attention.subject] ?? attention.subject) + " ", .title),
                    Run(Words.inBrief(attention.words, host: attention.subject), .muted),
                ], x: row.x + 1, y: row.y, columns: room)
            painter.textRight(number, x: row.x + 1, y: row.y, columns: row.width - 2, role: .base)
            if self.cursor.marks(index) { painter.select(row) }
        }
    }
}
