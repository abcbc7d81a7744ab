import Mail
import Monitor

/// What stands around a pane: header and tabs above it, outcome and keys below.
struct Frame {
    /// With less room nothing but a request for more is shown.
    static let least = (columns: 40, rows: 10)

    let around: Surroundings
    let theme: Theme
    let stack: PaneStack
    let lock: Lock
    let outcome: Outcome?
    let undo: UndoOffer?
    /// What has the keys instead of the pane.
    let overlay: (any Overlay)?
    /// What happens is being written down.
    let isRecording: Bool
    /// What the pane shows is how things were then; `nil`: how they were until now.
    let shownAsOf: Timestamp?
    let showsClock: Bool

    /// What `z` would take back, and where.
    struct UndoOffer {
        let words: String
        /// `nil`: of the node that is shown.
        let node: String?
        let left: Int64
    }

    static func paintTooSmall(_ painter: inout Painter) {
        let columns = painter.canvas.columns
        painter.text("hoptop runs on; please enlarge", x: 0, y: 0, columns: columns, role: .flashWarn)
        painter.text(
            "(at least \(self.least.columns)x\(self.least.rows))", x: 0, y: 1, columns: columns, role: .muted)
    }

    func paint(_ painter: inout Painter) {
        self.paintHeader(&painter)
        self.paintTabs(&painter)
        let pane = self.stack.top
        pane.paint(&painter, self.around.body, self.around)
        if self.around.node.blindness != nil { painter.canvas.dim(self.around.body) }
        if self.around.hasStatus {
            let status = self.blindness ?? pane.status(self.around)
            painter.runs(status, x: 1, y: self.around.rows - 3, columns: self.around.columns - 2)
        }
        self.paintOutcome(&painter, self.around.rows - 2)
        self.paintHints(&painter, self.around.rows - 1)
        self.overlay?.paint(&painter, self.around)
    }

    /// Since when nobody answers, and why.
    private var blindness: [Run]? {
        self.around.node.blindness.map { blindness in
            // What was not looked at when the last answer came is older than that.
            let old = self.shownAsOf.flatMap { blindness.since.since($0) >= 1000 ? $0 : nil }
            let shown = old.map { ", and this is of \(Format.clock($0))Z" } ?? ""
            return [
                Run(self.around.glyphs[.warn] + " ", .failed),
                Run("blind since \(Format.clock(blindness.since))Z\(shown): ", .failed), Run(blindness.words),
            ]
        }
    }

    // MARK: Above

    private func paintHeader(_ painter: inout Painter) {
        let node = self.around.node
        var right: [Run] = []
        if self.isRecording { right += [Run("REC", .unlocked), Run("  ")] }
        if self.around.isFrozen { right += [Run("FROZEN", .unlocked), Run("  ")] }
        if let playback = self.around.playback {
            right += [Run(" REPLAY \(playback.words) ", .locked), Run("  ")]
        } else if self.lock.isLocked {
            right += [Run(" LOCKED ", .locked), Run("  ")]
        } else if let until = self.lock.unlockedUntil {
            right += [Run("UNLOCKED \(Format.age(milliseconds: until.since(self.around.now)))", .unlocked), Run("  ")]
        } else {
            right += [Run("unlocked", .unlocked), Run("  ")]
        }
        right.append(self.clock)

        // In the order of what is missed most where there is not room for all of it.
        var parts: [(rank: Int, runs: [Run])] = [
            (6, [Run(" HOPTOP ", .tabOn), Run(" ")]), (1, [Run(node.name, .title)]),
        ]
        if !self.theme.badge.isEmpty { parts.append((2, [Run(" "), Run(" \(self.theme.badge) ", .badge)])) }
        let single = self.around.nodes.indices.filter { !self.around.nodes[$0].isJoined }
        if single.count > 1, let place = single.firstIndex(of: self.around.current) {
            parts.append((3, [Run(" \(place + 1)/\(single.count)", .muted)]))
        }
        if let blindness = node.blindness {
            let age = Format.age(milliseconds: self.around.now.since(blindness.since))
            parts.append((0, [Run("  " + painter.glyph(.warn) + " blind \(age)", .failed)]))
        } else if let overview = node.overview {
            let age = Format.age(milliseconds: overview.at.since(overview.started))
            if !node.isJoined { parts.append((7, [Run("  up \(age)", .muted)])) }
            if !overview.absent.isEmpty {
                parts.append((0, [Run("  \(painter.glyph(.failed)) \(overview.absent.count) away", .failed)]))
            }
            parts.append(
                overview.isAccepting
                    ? (5, [Run("  " + painter.glyph(.ok) + " accepting", .ok)])
                    : (0, [Run("  " + painter.glyph(.warn) + " refusing", .failed)]))
            parts.append((4, [Run("  \(Format.count(overview.queuedMessages)) queued", .base)]))
            if self.around.columns >= 90 {
                parts.append((8, [Run(", \(Format.octetsLong(overview.queuedOctets))", .muted)]))
            }
        }
        var room = self.around.columns - 1
        if self.around.playback == nil,
            right.columns + parts.reduce(0, { $0 + ($1.rank < 6 ? $1.runs.columns : 0) }) > room
        {
            // The clock goes before anything that is said of the queue.
            right.removeLast()
        }
        room -= right.columns
        var shown: Set<Int> = []
        for index in parts.indices.sorted(by: { parts[$0].rank < parts[$1].rank }) {
            let columns = parts[index].runs.columns
            guard columns <= room || shown.isEmpty else { continue }
            shown.insert(index)
            room -= columns
        }
        painter.runs(
            parts.indices.filter(shown.contains).flatMap { parts[$0].runs }, x: 0, y: 0,
            columns: self.around.columns - right.columns)
        painter.runs(right, x: self.around.columns - right.columns, y: 0, columns: right.columns)
    }

    /// In a recording it says what is shown, so that it is always there, with its day where there is room.
    private var clock: Run {
        guard self.around.playback != nil else {
            return self.showsClock ? Run(Format.clock(self.around.now) + "Z ") : Run(" ")
        }
        let day = self.around.columns >= 100 ? "\(self.around.now.rfc3339.prefix(10)) " : ""
        return Run(day + Format.clock(self.around.now) + "Z ", .title)
    }

    private var layerTitles: [String] {
        let sign = self.around.glyphs.sign("›", ">")
        return self.stack.layers.map { "\(sign) \($0.title) " }
    }

    /// The views' tabs, one behind the other with a column between them.
    private var tabs: [(view: View, text: String)] {
        let views = self.around.node.views
        let whole = views.map { " \(self.around.label(of: $0.command)) \($0.title) " }
        let layers = self.layerTitles
        // Where there is little room the other views are digits, so that it shows what was opened.
        let room = self.around.columns - (layers.isEmpty ? 0 : self.note.columns + 1)
        let isTight = (whole + layers).reduce(1) { $0 + SafeText($1).columns + 1 } > room
        return views.enumerated().map { index, view in
            let isOn = view.command == View.all[self.stack.view].command
            return (view, isTight && !isOn ? " \(self.around.label(of: view.command)) " : whole[index])
        }
    }

    /// What stands at the right of the tabs, where there is room for it.
    private var note: SafeText {
        let trouble = self.around.node.blindness == nil ? self.around.node.trouble : nil
        return SafeText(trouble ?? self.stack.top.note(self.around))
    }

    /// The view whose tab is in a column; `nil`: none is.
    func view(at column: Int) -> View? {
        var x = 1
        for tab in self.tabs {
            let end = x + SafeText(tab.text).columns
            if (x..<end).contains(column) { return tab.view }
            x = end + 1
        }
        return nil
    }

    private func paintTabs(_ painter: inout Painter) {
        var x = 1
        let columns = self.around.columns
        let layers = self.layerTitles
        for tab in self.tabs {
            let isOn = tab.view.command == View.all[self.stack.view].command
            let role: Role = isOn ? (layers.isEmpty ? .tabOn : .sorted) : .tab
            x = painter.text(tab.text, x: x, y: 1, columns: columns - x, role: role) + 1
        }
        for layer in layers { x = painter.text(layer, x: x, y: 1, columns: columns - x, role: .title) }
        let right = self.note
        if x + right.columns + 1 < columns {
            painter.text(right, x: columns - 1 - right.columns, y: 1, columns: right.columns, role: .muted)
        }
    }

    // MARK: Below

    private func paintOutcome(_ painter: inout Painter, _ y: Int) {
        var offer: [Run] = []
        if let undo = self.undo {
            let place = undo.node.map { " at \($0)" } ?? ""
            offer = [
                Run(self.around.label(of: .undo), .hintKey),
                Run(" undo \(undo.words)\(place) (\(Format.span(milliseconds: undo.left)))", .hintText),
            ]
        }
        var runs: [Run] = []
        if self.outcome == nil, !self.around.hasStatus, let blindness { runs = blindness }
        if let outcome = self.outcome {
            let (glyph, role): (Glyph?, Role) =
                switch outcome.kind {
                case .ok: (.check, .flashOK)
                case .warning: (.warn, .flashWarn)
                case .failure: (.failed, .flashBad)
                case .plain: (nil, .base)
                }
            if let glyph { runs.append(Run(painter.glyph(glyph) + " ", role)) }
            runs.append(Run(outcome.text, outcome.kind == .ok ? .base : role))
        }
        // The offer is there whatever else was said; words are cut before it is.
        let gap = runs.isEmpty || offer.isEmpty ? 0 : 3
        let room = self.around.columns - 2 - offer.columns - gap
        let end = painter.runs(runs, x: 1, y: y, columns: room)
        painter.runs(offer, x: min(end, 1 + room) + gap, y: y, columns: offer.columns)
    }

    private func paintHints(_ painter: inout Painter, _ y: Int) {
        let columns = self.around.columns - 2
        if let overlay = self.overlay {
            painter.runs(overlay.hints, x: 1, y: y, columns: columns)
            return
        }
        // Help and the way out are always there; the rest as far as it fits.
        let table = self.around.commands(of: self.stack.top)
        let tail = [Command.palette, .help, .quit].compactMap { table.named($0.name) }
        let tailRuns = tail.flatMap(self.hint)
        var runs: [Run] = self.stack.layers.isEmpty ? Run.hint(self.around.viewLabels, "view") : []
        // Whoever wants to act has to find the way.
        let isLocked = self.lock.isLocked && !self.around.node.isOnlyShown
        let unlock = isLocked ? Run.hint(self.around.label(of: .lock), "unlock") : []
        var room = columns - tailRuns.columns - runs.columns - unlock.columns
        if room < 0 {
            // The tabs have the views' keys, too.
            room += runs.columns
            runs = []
        }
        for command in table.all where command.hint != nil {
            if tail.contains(command) || command == .nextNode && self.around.nodes.count < 2 { continue }
            if command.acts, self.lock.isLocked || self.around.node.isOnlyShown { continue }
            let hint = self.hint(command)
            guard hint.columns <= room else { continue }
            room -= hint.columns
            runs += hint
        }
        painter.runs(runs + unlock + tailRuns, x: 1, y: y, columns: columns)
    }

    private func hint(_ command: Command) -> [Run] {
        let word = command == .quit && !self.stack.layers.isEmpty ? "back" : command.hint ?? ""
        guard let key = command.keys.first else { return [] }
        return Run.hint(key.label, word)
    }
}
