import Mail
import Monitor

/// A session's dialogue: who said what, when, how long the answer took.
extension Screen {
    /// An answer that took longer is marked.
    private static let slowMilliseconds: Int64 = 1000

    private var detailRows: Int { self.body.height >= 15 ? 4 : 0 }
    var transcriptHeight: Int { max(1, self.body.height - 2 - self.detailRows) }

    func paintTranscript(_ state: TranscriptState, _ painter: inout Painter, _ area: Rect) {
        if state.isGone {
            painter.empty(["the dialogue of \(state.session.id) is no longer kept", "Esc goes back"], in: area)
            return
        }
        self.paintSessionLine(state, &painter, area.row(0))
        painter.text(
            "  TIME         DELTA   D  LINE", x: area.x, y: area.y + 1, columns: area.width, role: .header)
        let height = self.transcriptHeight
        let end = min(state.lines.count, state.top + height)
        for index in state.top..<max(state.top, end) {
            let y = area.y + 2 + index - state.top
            self.paintLine(state, index, &painter, Rect(x: area.x, y: y, width: area.width, height: 1))
            if index == state.cursor { painter.select(Rect(x: area.x, y: y, width: area.width, height: 1)) }
        }
        if state.lines.isEmpty { painter.empty(["nothing was said yet"], in: area.below(2)) }
        if self.detailRows > 0 {
            self.paintLineDetail(
                state, &painter,
                Rect(x: area.x, y: area.maxY - self.detailRows, width: area.width, height: self.detailRows))
        }
    }

    private func paintSessionLine(_ state: TranscriptState, _ painter: inout Painter, _ area: Rect) {
        guard let page = state.page else { return }
        let way =
            switch page.direction {
            case .inbound: "from"
            case .outbound: "to"
            }
        var runs: [Run] = [
            Run("\(way) ", .muted), Run(page.peerWords, .title),
        ]
        let flow = [page.flow.word, page.contentWords].compactMap { $0 }.joined(separator: " ")
        runs.append(
            page.ended.map { Run("   ended after \(Format.took(milliseconds: $0.since(page.started)))", .muted) }
                ?? Run("   live, \(flow)", .active))
        if let message = page.message { runs += [Run("   message ", .muted), Run(message)] }
        if let tls = page.tls { runs.append(Run("   \(tls)", .muted)) }
        if let remark = page.remark { runs.append(Run("   \(remark)", .muted)) }
        let follow = state.follows ? " FOLLOWS " : ""
        let end = area.maxX - 2 - follow.count
        painter.runs(runs, x: area.x + 2, y: area.y, columns: end - area.x - 3)
        painter.text(follow, x: end, y: area.y, columns: follow.count, role: .follow)
    }

    private func paintLine(_ state: TranscriptState, _ index: Int, _ painter: inout Painter, _ area: Rect) {
        let line = state.lines[index]
        let before = index > 0 ? state.lines[index - 1] : nil
        let delta = before.map { line.at.since($0.at) }
        let isSlow = line.speaker == .server && (delta ?? 0) > Self.slowMilliseconds
        let (sign, role): (String, Role) =
            switch line.speaker {
            case .client: ("C", .client)
            case .server: ("S", .server)
            case .relay: ("*", .meta)
            }
        var x = area.x + 2
        x = painter.text(Format.clockFine(line.at), x: x, y: area.y, columns: 12, role: .muted) + 1
        let words = delta.map { Format.delta(milliseconds: $0) } ?? "-"
        painter.textRight(words + (isSlow ? "!" : " "), x: x, y: area.y, columns: 7, role: isSlow ? .slow : .muted)
        x += 8
        painter.text(sign, x: x, y: area.y, columns: 1, role: role)
        // Lines that were dropped between this and the one before are told.
        if let before, line.number > before.number + 1 {
            painter.text(
                painter.sign("⋯", "..."), x: area.x, y: area.y, columns: 2, role: .limited)
        }
        let text = SafeText(line.text)
        let isMatch =
            !self.searchWord.isEmpty && line.text.lowercased().contains(self.searchWord.lowercased())
        painter.text(
            self.columnOffset > 0 ? text.window(from: self.columnOffset, columns: 1000) : text, x: x + 3, y: area.y,
            columns: area.maxX - x - 4, role: isMatch ? .match : role)
    }

    private func paintLineDetail(_ state: TranscriptState, _ painter: inout Painter, _ area: Rect) {
        guard state.lines.indices.contains(state.cursor) else {
            painter.box(area, title: "")
            return
        }
        let line = state.lines[state.cursor]
        let who =
            switch line.speaker {
            case .client: "client says"
            case .server: "server says"
            case .relay: "remark"
            }
        let inner = painter.box(area, title: "line \(line.number + 1)  \(who)")
        for (row, text) in SafeText(line.text).wrapped(inner.width - 2).prefix(inner.height).enumerated() {
            painter.text(text, x: inner.x + 1, y: inner.y + row, columns: inner.width - 2)
        }
    }
}
