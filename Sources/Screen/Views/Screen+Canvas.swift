import Mail
import Monitor

/// The frame that all views share: header, tabs, status, outcome, keys.
extension Screen {
    static let least = (columns: 40, rows: 10)

    /// Where the view goes.
    var body: Rect {
        let foot = self.rows >= 16 ? 3 : 2
        return Rect(x: 0, y: 2, width: self.columns, height: self.rows - 2 - foot)
    }
    private var hasStatus: Bool { self.rows >= 16 }

    /// What a driver paints, of one moment.
    public var picture: (canvas: Canvas, theme: Theme, repaints: Int) { (self.canvas, self.theme, self.repaints) }

    /// Everything as it is now.
    public var canvas: Canvas {
        var painter = Painter(
            canvas: Canvas(columns: self.columns, rows: self.rows), theme: self.theme, isASCII: self.options.isASCII)
        guard self.columns >= Self.least.columns, self.rows >= Self.least.rows else {
            painter.text("hoptop runs on; please enlarge", x: 0, y: 0, columns: self.columns, role: .flashWarn)
            if self.rows > 1 {
                painter.text(
                    "(at least \(Self.least.columns)x\(Self.least.rows))", x: 0, y: 1, columns: self.columns,
                    role: .muted)
            }
            return painter.canvas
        }
        self.paintHeader(&painter)
        self.paintTabs(&painter)
        let body = self.body
        switch self.layers.last {
        case .message(let state): self.paintMessage(state, &painter, body)
        case .transcript(let state): self.paintTranscript(state, &painter, body)
        case nil:
            switch self.view {
            case .overview: self.paintOverview(&painter, body)
            case .queue: self.paintQueue(&painter, body)
            case .connections: self.paintConnections(&painter, body)
            }
        }
        self.paintFoot(&painter)
        self.paintModal(&painter)
        return painter.canvas
    }

    private func paintHeader(_ painter: inout Painter) {
        let overview = self.node.overview
        let name = overview?.node ?? self.node.capabilities?.node ?? self.node.entry.name
        var right: [Run] = []
        if self.isFrozen { right += [Run("FROZEN", .unlocked), Run("  ")] }
        if self.isLocked {
            right += [Run(" LOCKED ", .locked), Run("  ")]
        } else if let until = self.unlockedUntil {
            right += [Run("UNLOCKED \(Format.age(milliseconds: until.since(self.now)))", .unlocked), Run("  ")]
        } else {
            right += [Run("unlocked", .unlocked), Run("  ")]
        }
        right.append(Run(Format.clock(self.now) + "Z ", .title))
        let width = right.reduce(0) { $0 + $1.text.columns }
        painter.runs(right, x: self.columns - width, y: 0, columns: width)

        var left = [Run(" HOPTOP ", .tabOn), Run(" "), Run(name, .title)]
        if !self.theme.badge.isEmpty { left += [Run(" "), Run(" \(self.theme.badge) ", .badge)] }
        if self.nodes.count > 1 {
            left.append(Run(" \(self.current + 1)/\(self.nodes.count)", .muted))
        }
        if let overview {
            left.append(Run("  up \(Format.age(milliseconds: overview.at.since(overview.started)))  ", .muted))
            left.append(
                overview.isAccepting
                    ? Run(painter.glyph(.ok) + " accepting", .ok) : Run(painter.glyph(.warn) + " refusing", .failed))
            left.append(Run("  \(Format.count(overview.queuedMessages)) queued", .base))
            if self.columns >= 90 { left.append(Run(", \(Format.octetsLong(overview.queuedOctets))", .muted)) }
        }
        painter.runs(left, x: 0, y: 0, columns: self.columns - width - 1)
    }

    private func paintTabs(_ painter: inout Painter) {
        var x = 1
        for view in View.allCases {
            let role: Role = view == self.view ? (self.layers.isEmpty ? .tabOn : .sorted) : .tab
            x = painter.text(" \(view.rawValue) \(view.title) ", x: x, y: 1, columns: self.columns - x, role: role) + 1
        }
        for layer in self.layers {
            let title =
                switch layer {
                case .message(let state): state.id
                case .transcript(let state): state.session.id
                }
            x = painter.text(
                "\(painter.sign("›", ">")) \(title) ", x: x, y: 1, columns: self.columns - x, role: .title)
        }
        let right = self.tabNote(painter)
        let safe = SafeText(right)
        if x + safe.columns + 1 < self.columns {
            painter.text(safe, x: self.columns - 1 - safe.columns, y: 1, columns: safe.columns, role: .muted)
        }
    }

    private func tabNote(_ painter: Painter) -> String {
        if let trouble = self.node.trouble { return trouble }
        switch self.place {
        case .overview: return self.isFrozen ? "frozen" : "live"
        case .queue, .connections, .message: return ""
        case .transcript:
            guard case .transcript(let state) = self.layers.last else { return "" }
            let lines = Format.plural(state.lines.count, "line")
            return lines + (state.elided > 0 ? ", \(Format.count(state.elided)) elided" : "")
        }
    }

    private func paintFoot(_ painter: inout Painter) {
        let keysRow = self.rows - 1
        if self.hasStatus {
            painter.runs(self.status(painter), x: 1, y: self.rows - 3, columns: self.columns - 2)
        }
        self.paintOutcome(&painter, y: self.rows - 2)
        self.paintHints(&painter, y: keysRow)
    }

    /// What an action would touch, and where the cursor is among how many.
    private func status(_ painter: Painter) -> [Run] {
        switch self.place {
        case .overview:
            if let note = self.node.capabilities?.notes.first {
                return [Run(painter.glyph(.warn) + " ", .limited), Run(note.words, .limited)]
            }
            let alerts = self.node.overview?.attention.count ?? 0
            // What keeps mail out is told where there is room for all its words.
            if let failure = self.node.overview?.attention.first(where: { $0.severity == .failure }) {
                return [
                    Run(painter.glyph(failure.severity.glyph) + " ", failure.severity.role),
                    Run("\(failure.subject): ", .title), Run(failure.words, failure.severity.role),
                ]
            }
            return alerts == 0 ? [] : [Run(Format.plural(alerts, "thing") + " to look at", .muted)]
        case .queue:
            let list = self.node.queue
            guard list.matched > 0, let chosen = self.chosen else { return [] }
            return [
                Run("acts on: ", .muted), Run(chosen.words, self.node.tags.isEmpty ? .base : .tagged),
                Run("   row \(Format.count(list.cursor + 1)) of \(Format.count(list.matched))", .muted),
            ]
        case .connections:
            let list = self.node.connections
            guard list.matched > 0 else { return [] }
            return [Run("row \(Format.count(list.cursor + 1)) of \(Format.count(list.matched))", .muted)]
        case .message:
            guard let chosen = self.chosen else { return [] }
            return [Run("acts on: ", .muted), Run(chosen.words)]
        case .transcript: return []
        }
    }

    private func paintOutcome(_ painter: inout Painter, y: Int) {
        if case .prompt(let prompt) = self.modal {
            let sign =
                switch prompt.kind {
                case .palette: ":"
                case .search: "/"
                case .filter: "filter: "
                }
            let isBad = prompt.kind == .palette && !prompt.text.isEmpty && self.completions(for: prompt.text).isEmpty
            let end = painter.runs(
                [Run(sign, .hintKey), Run(prompt.text, isBad ? .promptBad : .prompt)], x: 1, y: y,
                columns: self.columns - 3)
            painter.canvas.cursor = Point(x: min(end, self.columns - 1), y: y)
            painter.canvas.isCursorVisible = true
            return
        }
        guard let outcome = self.outcome else { return }
        var runs: [Run] = []
        switch outcome.kind {
        case .ok: runs.append(Run(painter.glyph(.check) + " ", .flashOK))
        case .warning: runs.append(Run(painter.glyph(.warn) + " ", .flashWarn))
        case .failure: runs.append(Run(painter.glyph(.failed) + " ", .flashBad))
        case .plain: break
        }
        let role: Role =
            switch outcome.kind {
            case .ok, .plain: .base
            case .warning: .flashWarn
            case .failure: .flashBad
            }
        runs.append(Run(outcome.text, role))
        if let until = outcome.undoUntil, outcome.undo != nil, until > self.now {
            runs += [
                Run("   "), Run("z", .hintKey),
                Run(" undo (\(Format.span(milliseconds: until.since(self.now))))", .hintText),
            ]
        }
        painter.runs(runs, x: 1, y: y, columns: self.columns - 2)
    }

    private func paintHints(_ painter: inout Painter, y: Int) {
        if let modal = self.modal {
            painter.runs(self.modalHints(modal), x: 1, y: y, columns: self.columns - 2)
            return
        }
        // Help and the way out are always there; the rest as far as it fits.
        let tail: [Command] = [.of(.palette), .of(.help), .of(.quit)]
        let tailRuns = tail.flatMap { self.hint($0) }
        let tailWidth = tailRuns.reduce(0) { $0 + $1.text.columns }
        var room = self.columns - 2 - tailWidth
        var runs: [Run] = []
        if self.layers.isEmpty { runs = [Run("1-3", .hintKey), Run(" view  ", .hintText)] }
        room -= runs.reduce(0) { $0 + $1.text.columns }
        for command in Command.table where command.hint != nil && command.places.contains(self.place) {
            if [.palette, .help, .quit].contains(command.verb) { continue }
            if command.verb == .nextNode, self.nodes.count < 2 { continue }
            if command.acts, self.isLocked { continue }
            let hint = self.hint(command)
            let width = hint.reduce(0) { $0 + $1.text.columns }
            guard width <= room else { continue }
            room -= width
            runs += hint
        }
        if self.isLocked, room > 10 { runs += [Run("L", .hintKey), Run(" unlock  ", .hintText)] }
        painter.runs(runs + tailRuns, x: 1, y: y, columns: self.columns - 2)
    }

    private func hint(_ command: Command) -> [Run] {
        let word = command.verb == .quit && !self.layers.isEmpty ? "back" : command.hint ?? ""
        let key = command.verb == .open ? Key.enter : command.keys.first ?? .enter
        return [Run(key.label, .hintKey), Run(" \(word)  ", .hintText)]
    }
}
