import Mail
import Monitor
import SMTP

/// A message: its way, its recipients, what was tried.
extension Screen {
    func paintMessage(_ state: MessageState, _ painter: inout Painter, _ area: Rect) {
        guard let detail = state.detail else {
            painter.empty(
                state.isGone
                    ? ["nothing is known of \(state.id)", "it may have been settled long ago; Esc goes back"]
                    : ["reading \(state.id)"], in: area)
            return
        }
        if state.showsHeader {
            self.paintHeaderPane(state, detail, &painter, area)
            return
        }
        var rest = area
        let top = self.paintEnvelope(detail, &painter, rest)
        rest = rest.below(top)
        if detail.recipients.indices.contains(state.recipient) {
            rest = rest.below(self.paintHops(state, detail, &painter, rest))
        }
        let wanted = max(1, detail.attempts.count)
        let attempts = area.height >= 14 ? min(wanted + 2, max(3, rest.height / 3 + 1)) : 0
        let recipients = Rect(x: rest.x, y: rest.y, width: rest.width, height: rest.height - attempts)
        self.paintRecipients(state, detail, &painter, recipients)
        if attempts > 0 {
            self.paintAttempts(
                state, detail, &painter,
                Rect(x: rest.x, y: rest.maxY - attempts, width: rest.width, height: attempts))
        }
    }

    private func paintEnvelope(_ detail: MessageDetail, _ painter: inout Painter, _ area: Rect) -> Int {
        let expires = detail.expires.map { "expires in \(Format.span(milliseconds: $0.since(self.now)))" }
        let size = detail.contentOctets.map(Format.octetsLong) ?? ""
        let right = [size, detail.isSettled ? "settled" : expires ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
        let height = min(area.height, area.height >= 17 ? 4 : 3)
        let end = detail.isSettled ? detail.recipients.compactMap(\.settledAt).max() ?? self.now : self.now
        let age = Format.age(milliseconds: end.since(detail.arrived))
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height),
            title: "\(detail.ref.id)  \(detail.isSettled ? "was here" : "here") for \(age)", right: right)
        var from: [Run] = [Run("From     ", .muted), Run(detail.from)]
        let how = [detail.with, detail.hello, detail.peer.map { "[\($0)]" }].compactMap { $0 }.joined(separator: " ")
        from.append(Run(how.isEmpty ? "   made here" : "   by \(how)", .muted))
        if !detail.parameters.isEmpty { from.append(Run("   " + detail.parameters.joined(separator: " "), .muted)) }
        painter.runs(from, x: inner.x + 1, y: inner.y, columns: inner.width - 2)
        if inner.height > 1 {
            painter.runs(
                [Run("Subject  ", .muted), Run(detail.subject ?? "-", .title)], x: inner.x + 1, y: inner.y + 1,
                columns: inner.width - 2)
        }
        return height
    }

    private func paintHops(
        _ state: MessageState, _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect
    ) -> Int {
        let recipient = detail.recipients[state.recipient]
        let lines = Self.lines(self.hops(detail, recipient, state.joined), columns: area.width - 4, painter)
        let phases = recipient.progress.map { self.phases($0, painter) }
        let count = min(lines.count, max(1, (area.height - 6) / 3))
        let height = min(area.height, 2 + 2 * count + (phases == nil ? 0 : 1))
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height), title: "Hops",
            right: area.width >= 70 ? "c = claimed by a header" : "")
        for (index, line) in lines.prefix(count).enumerated() {
            painter.runs(line.path, x: inner.x + 1, y: inner.y + 2 * index, columns: inner.width - 2)
            painter.runs(line.notes, x: inner.x + 1, y: inner.y + 2 * index + 1, columns: inner.width - 2)
        }
        if let phases, let progress = recipient.progress {
            let y = inner.y + 2 * count
            let end = painter.runs(phases, x: inner.x + 1, y: y, columns: inner.width - 2)
            if let share = progress.share, progress.flow == .content {
                let room = min(30, inner.maxX - end - 2)
                painter.bar(share, x: end, y: y, columns: room, role: .active)
            }
        }
        return height
    }

    /// `connect ✔ EHLO ✔ MAIL ✔ RCPT ✔ DATA 62%`
    private func phases(_ progress: DeliveryProgress, _ painter: Painter) -> [Run] {
        let way: [(SessionPhase, String)] = [
            (.connect, "connect"), (.hello, "EHLO"), (.mail, "MAIL"), (.rcpt, "RCPT"), (.content, "DATA"),
            (.finalReply, "reply"),
        ]
        let order: [SessionPhase] = [
            .connect, .greeting, .hello, .tls, .auth, .idle, .mail, .rcpt, .data, .content, .finalReply, .quit, .closed,
        ]
        let now = order.firstIndex(of: progress.flow) ?? 0
        var runs: [Run] = []
        for (phase, word) in way {
            let place = order.firstIndex(of: phase) ?? 0
            if place < now {
                runs += [Run(word + " ", .muted), Run(painter.glyph(.check) + "  ", .hopVerified)]
            } else if place == now || (phase == .content && progress.flow == .data) {
                let words = phase == .content ? progress.words : word
                runs += [Run(words + " ", .active), Run(painter.glyph(.active) + "  ", .active)]
            } else if progress.flow != .content {
                runs.append(Run(word + " " + painter.sign("·", ".") + "  ", .hopPending))
            }
        }
        return runs
    }

    private func paintRecipients(
        _ state: MessageState, _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect
    ) {
        let counts = RecipientState.allCases.compactMap { kind in
            let count = detail.recipients.count { $0.state == kind }
            return count == 0 ? nil : "\(count) \(kind.word)"
        }
        let inner = painter.box(
            area, title: "Recipients", right: counts.joined(separator: ", "), isFocused: state.focus == .recipients)
        guard inner.height > 0 else { return }
        let table = [
            TableColumn("", 1), TableColumn("STATE", 10), TableColumn("TO", 10, share: 4),
            TableColumn("TRY", 3, isRight: true), TableColumn("NEXT", 5, isRight: true),
            TableColumn("LAST REPLY", 10, share: 5),
        ]
        painter.header(table, in: inner.row(0), descending: false)
        let whyLines = inner.height >= 5 ? 1 + (inner.height >= 8 ? 1 : 0) : 0
        let height = max(1, inner.height - 1 - whyLines)
        let top = max(0, min(state.recipient - height / 2, detail.recipients.count - height))
        for (line, index) in (top..<min(detail.recipients.count, top + height)).enumerated() {
            let recipient = detail.recipients[index]
            let isTagged = state.tagged.contains(index)
            let next = recipient.nextAttempt.map { Format.span(milliseconds: $0.since(self.now)) } ?? "-"
            let reply =
                recipient.progress?.words ?? recipient.lastReply
                ?? (recipient.relayedTo.map { "taken by \($0)" } ?? "")
            painter.row(
                [
                    Run(isTagged ? painter.glyph(.tag) : " ", .tagged),
                    Run("\(painter.glyph(recipient.state.glyph)) \(recipient.state.word)", recipient.state.role),
                    Run(Self.address(recipient.forwardPath)), Run("\(recipient.tries)"), Run(next),
                    Run(reply, recipient.progress == nil ? .muted : .active),
                ], of: table, in: inner.row(1 + line), offset: self.columnOffset)
            if index == state.recipient {
                painter.select(inner.row(1 + line), isFocused: state.focus == .recipients)
            }
        }
        guard whyLines > 0, detail.recipients.indices.contains(state.recipient) else { return }
        let why = SafeText("Why: " + detail.recipients[state.recipient].whyWords).wrapped(inner.width - 2)
        for (line, text) in why.prefix(whyLines).enumerated() {
            painter.text(text, x: inner.x + 1, y: inner.maxY - whyLines + line, columns: inner.width - 2, role: .title)
        }
    }

    private func paintAttempts(
        _ state: MessageState, _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect
    ) {
        let inner = painter.box(
            area, title: "Attempts", right: "t transcript", isFocused: state.focus == .attempts)
        guard inner.height > 0 else { return }
        guard !detail.attempts.isEmpty else {
            painter.text("none yet", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        let height = inner.height
        let cursor = state.focus == .attempts ? state.attempt : detail.attempts.count - 1
        let top = max(0, min(cursor - height / 2, detail.attempts.count - height))
        let table = [
            TableColumn("", 8), TableColumn("", 10), TableColumn("", 5, isRight: true),
            TableColumn("", 12, share: 2), TableColumn("", 12, share: 5), TableColumn("", 8),
        ]
        for (line, index) in (top..<min(detail.attempts.count, top + height)).enumerated() {
            let attempt = detail.attempts[index]
            painter.row(
                [
                    Run(Format.clock(attempt.at), .muted),
                    Run("\(painter.glyph(attempt.outcome.glyph)) \(attempt.outcome.word)", attempt.outcome.role),
                    Run(attempt.milliseconds.map(Format.took) ?? "-"), Run(attempt.nextHop ?? "-", .muted),
                    Run(attempt.reply ?? ""), Run(attempt.session?.id ?? "", .muted),
                ], of: table, in: inner.row(line).inset(1, 0))
            if state.focus == .attempts, index == state.attempt { painter.select(inner.row(line)) }
        }
    }

    // MARK: Header and text

    static func headerLines(_ detail: MessageDetail, columns: Int) -> [(text: SafeText, isHeader: Bool)] {
        var lines: [(SafeText, Bool)] = []
        func add(_ text: String?, isHeader: Bool) {
            for line in (text ?? "").split(separator: "\n", omittingEmptySubsequences: false) {
                let safe = SafeText(line)
                for part in safe.isEmpty ? [safe] : safe.wrapped(columns) { lines.append((part, isHeader)) }
            }
        }
        add(detail.header, isHeader: true)
        add(detail.text, isHeader: false)
        return lines
    }

    private func paintHeaderPane(
        _ state: MessageState, _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect
    ) {
        let lines = Self.headerLines(detail, columns: area.width - 4)
        let inner = painter.box(area, title: "\(detail.ref.id)  header and text", right: "i back", isFocused: true)
        guard !lines.isEmpty, detail.header != nil || detail.text != nil else {
            painter.empty(["the text is no longer kept"], in: inner)
            return
        }
        let top = max(0, min(state.headerTop, lines.count - inner.height))
        for (row, line) in lines.dropFirst(top).prefix(inner.height).enumerated() {
            let isField = line.isHeader && line.text.cells.first?.text != " "
            let colon = isField ? line.text.cells.firstIndex { $0.text == ":" } : nil
            let y = inner.y + row
            if let colon {
                let name = line.text.window(columns: colon + 1)
                painter.text(name, x: inner.x + 1, y: y, columns: inner.width - 2, role: .title)
                painter.text(
                    line.text.window(from: colon + 1, columns: inner.width), x: inner.x + 2 + colon, y: y,
                    columns: inner.width - 3 - colon, role: .base)
            } else {
                painter.text(line.text, x: inner.x + 1, y: y, columns: inner.width - 2, role: .base)
            }
        }
        painter.canvas.cursor = Point(x: inner.x, y: inner.y)
    }
}
