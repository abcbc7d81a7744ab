import Mail
import Monitor
import SMTP

/// View 2: every message that is still here.
extension Screen {
    var hasPreview: Bool { self.rows >= 24 && self.columns >= 70 }
    private static let previewRows = 6

    /// Gives the lists the rows that they have on the screen.
    func layout() {
        let body = self.body
        self.node.queue.height = max(1, body.height - 2 - (self.hasPreview ? Self.previewRows : 0))
        self.node.connections.height = max(1, body.height - 2)
        let height = self.transcriptHeight
        self.withTranscript { state in
            state.cursor = max(0, min(state.cursor, state.lines.count - 1))
            if state.cursor < state.top { state.top = state.cursor }
            if state.cursor >= state.top + height { state.top = state.cursor - height + 1 }
            state.top = max(0, min(state.top, state.lines.count - height))
        }
    }

    private func queueColumns(_ width: Int) -> [TableColumn] {
        let sort = self.node.queueQuery.sort
        let ids = self.node.queue.rows.map { $0.ref.id.count }.max() ?? 4
        var table = [TableColumn("", 1), TableColumn("ID", min(13, max(4, ids)))]
        table.append(TableColumn("AGE", 5, isRight: true, isSorted: sort == .age))
        if width >= 90 || sort == .size { table.append(TableColumn("SIZE", 5, isRight: true, isSorted: sort == .size)) }
        if width >= 60 { table.append(TableColumn("TRY", 4, isRight: true, isSorted: sort == .tries)) }
        if width >= 50 { table.append(TableColumn("NEXT", 5, isRight: true, isSorted: sort == .next)) }
        table.append(TableColumn("STATE", 10, isSorted: sort == .state))
        if width >= 70 { table.append(TableColumn("FROM", 6, share: 3, isSorted: sort == .from)) }
        table.append(TableColumn("TO", 6, share: 4, isSorted: sort == .to))
        if width >= 60 { table.append(TableColumn("LAST REPLY", 10, share: 4)) }
        return table
    }

    func paintQueue(_ painter: inout Painter, _ area: Rect) {
        let list = self.node.queue
        self.paintFilterLine(&painter, area.row(0), matched: list.matched, total: list.total, isLoaded: list.isLoaded)
        let table = self.queueColumns(area.width - 2)
        let inner = area.inset(1, 0)
        painter.header(table, in: inner.row(1), descending: self.node.queueQuery.descending)
        let rows = Rect(x: 0, y: area.y + 2, width: area.width, height: list.height)
        if list.matched == 0 {
            painter.empty(self.emptyQueue(isLoaded: list.isLoaded), in: rows)
        }
        for line in 0..<min(rows.height, max(0, list.matched - list.top)) {
            let number = list.top + line
            let place = inner.row(2 + line)
            guard let row = list.row(number) else {
                painter.text(painter.sign("⋯", "..."), x: place.x + 2, y: place.y, columns: 3, role: .muted)
                continue
            }
            self.paintQueueRow(row, table, &painter, place)
            if number == list.cursor {
                painter.select(rows.row(line))
            }
        }
        if self.hasPreview {
            self.paintPreview(
                &painter,
                Rect(x: 0, y: area.maxY - Self.previewRows, width: area.width, height: Self.previewRows))
        }
    }

    private func paintQueueRow(_ row: QueueRow, _ table: [TableColumn], _ painter: inout Painter, _ place: Rect) {
        let isTagged = self.node.tags.contains(row.identity)
        let next: String
        switch row.state {
        case .active: next = "now"
        case .queued where row.destination != nil && row.nextAttempt == nil: next = "now"
        case .queued, .deferred:
            next = row.nextAttempt.map { $0 <= self.now ? "now" : Format.span(milliseconds: $0.since(self.now)) } ?? "-"
        case .hold, .relayed, .bounced, .expired, .dropped: next = "-"
        }
        let cells: [Run] = table.map { column in
            switch column.title {
            case "": return Run(isTagged ? painter.glyph(.tag) : " ", .tagged)
            case "ID": return Run(row.ref.id, isTagged ? .tagged : .title)
            case "AGE": return Run(Format.age(milliseconds: self.now.since(row.arrived)))
            case "SIZE": return Run(row.contentOctets.map(Format.octets) ?? "-", .muted)
            case "TRY": return Run("\(row.tries)", row.tries == 0 ? .muted : .base)
            case "NEXT": return Run(next, row.state == .deferred ? .base : .muted)
            case "STATE":
                return Run(
                    "\(painter.glyph(row.state.glyph)) \(row.progress == nil ? row.state.word : "sending")",
                    row.state.role)
            case "FROM": return Run(Self.address(row.from), .muted)
            case "TO":
                let others = row.recipients.total - 1
                return Run((others > 0 ? "(+\(others)) " : "") + Self.address(row.to))
            default:
                if let progress = row.progress { return Run(progress.words, .active) }
                return Run(row.lastReply ?? (row.destination == nil ? "no route" : ""), .muted)
            }
        }
        painter.row(cells, of: table, in: place, offset: self.columnOffset)
        // A bar behind the words where there is room.
        if let progress = row.progress, progress.flow == .content, let share = progress.share,
            let last = TableColumn.spread(table, over: place.width).last, last.column.title == "LAST REPLY",
            last.width >= progress.words.count + 6
        {
            let start = progress.words.count + 1
            painter.bar(
                share, x: place.x + last.x + start, y: place.y, columns: last.width - start, role: .active)
        }
    }

    /// Without brackets; a source route behind the mailbox, `u@Z (@D,@P)`.
    static func address(_ path: String) -> String {
        guard path.hasPrefix("<"), path.hasSuffix(">"), path.count > 2 else { return path }
        let inner = path.dropFirst().dropLast()
        guard inner.hasPrefix("@"), let colon = inner.firstIndex(of: ":") else { return String(inner) }
        return "\(inner[inner.index(after: colon)...]) (\(inner[..<colon]))"
    }

    func paintFilterLine(_ painter: inout Painter, _ area: Rect, matched: Int, total: Int, isLoaded: Bool) {
        let text = self.filterText
        var runs: [Run] = []
        if text.isEmpty {
            runs = [Run("all ", .muted), Run(Format.count(total))]
        } else {
            runs = [
                Run("filter: ", .muted), Run(text, matched == 0 && isLoaded ? .promptBad : .prompt),
                Run("   \(Format.count(matched)) of \(Format.count(total))", .base),
            ]
        }
        if self.place == .queue, !self.node.tags.isEmpty {
            runs.append(Run("   \(Format.count(self.node.tags.messages)) tagged", .tagged))
        }
        if !isLoaded { runs.append(Run("   ...", .muted)) }
        painter.runs(runs, x: area.x + 3, y: area.y, columns: area.width - 4)
    }

    private func emptyQueue(isLoaded: Bool) -> [String] {
        guard isLoaded else { return ["reading the queue"] }
        if !self.node.queueQuery.filter.matchesAll {
            return ["nothing matches the filter", "f changes it; f, Ctrl-U, Enter shows all"]
        }
        var lines = ["the queue is empty"]
        if let listening = self.node.overview?.listening, !listening.isEmpty {
            lines.append("send mail to \(listening.joined(separator: " or "))")
        }
        lines += self.node.capabilities?.notes.map(\.words) ?? []
        return lines
    }

    private func paintPreview(_ painter: inout Painter, _ area: Rect) {
        guard let row = self.node.queue.selected else {
            painter.box(area, title: "")
            return
        }
        let inner = painter.box(
            area, title: "\(row.ref.id)  \(Self.address(row.from)) \(painter.sign("→", "->")) \(Self.address(row.to))",
            right: "Enter opens  t transcript")
        guard let detail = self.node.preview, detail.ref.id == row.ref.id else {
            painter.text("...", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        let recipient = detail.recipients.first { $0.forwardPath == row.to } ?? detail.recipients.first
        var lines: [(String, [Run])] = []
        if let recipient {
            lines.append(("Path", self.hopLine(detail, recipient, [:], painter).path))
            lines.append(("Why", [Run(recipient.whyWords)]))
        }
        if let subject = detail.subject { lines.append(("Subject", [Run(subject)])) }
        if let reply = recipient?.lastReply {
            lines.append(("Reply", [Run(reply, row.state == .deferred ? .deferred : .base)]))
        }
        for (index, line) in lines.prefix(inner.height).enumerated() {
            painter.text(line.0, x: inner.x + 1, y: inner.y + index, columns: 8, role: .muted)
            painter.runs(line.1, x: inner.x + 10, y: inner.y + index, columns: inner.width - 11)
        }
    }
}
