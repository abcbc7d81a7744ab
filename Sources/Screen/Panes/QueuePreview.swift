import Mail
import Monitor

/// What is known of the message that the queue's cursor is on: some lines below the rows, or boxes beside them.
struct QueuePreview {
    let row: QueueRow
    /// `nil`: it is still to be read.
    let detail: MessageDetail?
    /// Whose message it is.
    let node: Int
    /// The key for a transcript opens its own.
    let hasTranscript: Bool

    /// The message as its own pane shows it, as far as there is room.
    func paintBeside(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let detail = self.detail, area.height >= MessageBoxes.leastHeight else {
            return self.paintBelow(&painter, area, around)
        }
        var attempts = AttemptList()
        attempts.show(detail.attempts, of: detail.recipients)
        MessageBoxes(
            detail: detail, recipients: RecipientList(detail.recipients, at: self.row.to), attempts: attempts,
            node: self.node, hasTranscript: self.hasTranscript
        ).paint(&painter, area, around)
    }

    func paintBelow(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let inner = painter.box(
            area,
            title: [Run("\(self.row.ref.id)  ", .title), Run(address: self.row.from, .title)]
                + [Run(" \(painter.glyphs.arrow) ", .title), Run(address: self.row.to, .title)],
            right: around.sentence(.open, "opens")
                + (self.hasTranscript ? "  \(around.sentence(.transcript, "transcript"))" : ""))
        guard let detail else {
            painter.text("...", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        let room = inner.width - 11
        var lines = self.lines(detail, room, painter.glyphs, around)
        // Where room is left, the reason has it.
        if lines.count < inner.height, let place = lines.firstIndex(where: { $0.name == "Why" }),
            let why = lines[place].runs.first
        {
            let words = why.text.wrapped(room)
            // What is too long even so is cut at the end of the last of its lines.
            let rest = words.dropFirst(inner.height - lines.count)
            let last = rest.dropFirst().reduce(rest.first) { text, more in text.map { $0 + SafeText(" ") + more } }
            let texts = words.prefix(inner.height - lines.count) + [last].compactMap { $0 }
            let whole = texts.enumerated().map { ($0 == 0 ? "Why" : "", [Run($1, why.role)]) }
            lines.replaceSubrange(place...place, with: whole)
        }
        for (index, line) in lines.prefix(inner.height).enumerated() {
            painter.text(line.name, x: inner.x + 1, y: inner.y + index, columns: 8, role: .muted)
            painter.runs(line.runs, x: inner.x + 10, y: inner.y + index, columns: room)
        }
    }

    private func lines(
        _ detail: MessageDetail, _ columns: Int, _ glyphs: Glyphs, _ around: Surroundings
    ) -> [(name: String, runs: [Run])] {
        var lines: [(name: String, runs: [Run])] = []
        if let recipient = detail.recipients.first(where: { $0.forwardPath == self.row.to }) ?? detail.recipients.first
        {
            let way = Way(of: detail, recipient, at: self.node, joined: [:], around)
            lines.append(("Path", way.path(columns: columns, glyphs)))
            lines.append(("Why", [Run(recipient.whyWords(around.now))]))
            if let reply = recipient.lastReply { lines.append(("Reply", [Run(reply: reply)])) }
        }
        if let subject = detail.subject { lines.insert(("Subject", [Run(subject)]), at: min(2, lines.count)) }
        return lines
    }
}
