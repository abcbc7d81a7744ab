import Mail
import Monitor

/// What happened last, the newest first.
struct FactsBox {
    /// The oldest first.
    let facts: [FactRow]
    let cursor: BoxCursor
    let names: NodeNames?
    let openKey: String

    func paint(_ painter: inout Painter, _ area: Rect) {
        guard area.height >= 3 else { return }
        let inner = painter.box(area, title: "Newest", right: "\(self.openKey) opens", isFocused: self.cursor.isFocused)
        let count = self.facts.count
        guard count > 0 else {
            painter.text("nothing has happened yet", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        for (line, index) in self.cursor.shown(of: count, height: inner.height).enumerated() {
            let row = inner.row(line)
            painter.runs(
                self.facts[count - 1 - index].runs(painter.glyphs, self.names), x: row.x + 1, y: row.y,
                columns: row.width - 2)
            if self.cursor.marks(index) { painter.select(row) }
        }
    }
}

extension FactRow {
    fileprivate func runs(_ glyphs: Glyphs, _ names: NodeNames?) -> [Run] {
        var runs: [Run] = [Run(Format.clock(self.at) + " ", .muted)]
        if let names, let node = self.node { runs.append(Run(names[node].padded(names.columns) + " ", .muted)) }
        runs += [
            Run("\(glyphs[self.kind.glyph]) \(self.kind.word.padded(8)) ", self.kind.role)
        ]
        if let message = self.message { runs.append(Run(message.padded(10) + " ", .title)) }
        if let from = self.from { runs += [Run(address: from, .muted), Run(" ")] }
        if let to = self.to { runs += [Run("\(glyphs.arrow) ", .muted), Run(address: to), Run(" ")] }
        if let hop = self.nextHop { runs.append(Run(" \(hop) ", .muted)) }
        if let text = self.text {
            runs += [Run(" "), Run(reply: Words.inBrief(text, to: self.to, host: self.nextHop))]
        }
        if let actor = self.actor { runs.append(Run(" by \(actor)", .muted)) }
        if let octets = self.contentOctets { runs.append(Run(" \(Format.octetsLong(octets))", .muted)) }
        if let took = self.milliseconds { runs.append(Run("  \(Format.took(milliseconds: took))", .muted)) }
        return runs
    }
}
