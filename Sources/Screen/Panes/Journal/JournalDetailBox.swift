import Mail
import Monitor

/// All that is known of one entry of the journal, as far as its row has no room for it.
struct JournalDetailBox {
    /// `nil`: the cursor is on none.
    let entry: JournalEntry?

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let entry = self.entry else {
            painter.box(area, title: "")
            return
        }
        let fact = entry.fact
        let title =
            [Run("\(painter.glyph(fact.kind.glyph)) \(fact.kind.word)  ", fact.kind.role)]
            + (fact.message.map { [Run($0, .title)] } ?? [])
        let inner = painter.box(
            area, title: title,
            right: around.sentence(.open, "opens")
                + (fact.session == nil ? "" : "  \(around.sentence(.transcript, "transcript"))"))
        for (index, line) in entry.details(painter.glyphs).prefix(inner.height).enumerated() {
            painter.text(line.label, x: inner.x + 1, y: inner.y + index, columns: 8, role: .muted)
            painter.runs(line.runs, x: inner.x + 10, y: inner.y + index, columns: inner.width - 11)
        }
    }
}

extension JournalEntry {
    fileprivate func details(_ glyphs: Glyphs) -> [(label: String, runs: [Run])] {
        var lines: [(label: String, runs: [Run])] = []
        var way: [Run] = []
        if let from = self.fact.from { way += [Run(address: from), Run(" ")] }
        if let to = self.fact.to { way += [Run("\(glyphs.arrow) ", .muted), Run(address: to)] }
        if let hop = self.fact.nextHop { way.append(Run("  by \(hop)", .muted)) }
        if !way.isEmpty { lines.append(("Way", way)) }
        if let text = self.fact.text {
            if self.fact.kind.hasReply {
                lines.append(("Reply", [Run(reply: text)]))
            } else if self.fact.kind.isAboutNode {
                lines.append(("Node", [Run(text)]))
            }
        }
        if let peer = self.peer {
            let name = self.hello.map { " (\($0))" } ?? ""
            let user = self.user.map { " as \($0)" } ?? ""
            lines.append(("Client", [Run(peer), Run("\(name)\(user)\(self.with.map { "  \($0)" } ?? "")", .muted)]))
        }
        var facts: [String] = []
        if let remoteID = self.fact.remoteID { facts.append("queued there as \(remoteID)") }
        if let took = self.fact.milliseconds { facts.append("took \(Format.took(milliseconds: took))") }
        if let octets = self.fact.contentOctets { facts.append(Format.octetsLong(octets)) }
        if let protection = self.security?.protection { facts.append(protection) }
        if let session = self.fact.session { facts.append("session \(session.id)") }
        if let actor = self.fact.actor { facts.append("by \(actor)") }
        if !facts.isEmpty { lines.append(("Facts", [Run(facts.joined(separator: ", "))])) }
        if let subject = self.subject { lines.append(("Subject", [Run(subject)])) }
        if let messageID = self.messageID { lines.append(("Msg-ID", [Run(messageID, .muted)])) }
        return lines
    }
}
