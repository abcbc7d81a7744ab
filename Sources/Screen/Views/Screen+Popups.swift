import Mail
import Monitor

/// Help, dialogs, menus and the palette's list, over the view.
extension Screen {
    func paintModal(_ painter: inout Painter) {
        switch self.modal {
        case .help(let top): self.paintHelp(top, &painter)
        case .dialog(let dialog): self.paintDialog(dialog, &painter)
        case .menu(let menu): self.paintMenu(menu, &painter)
        case .prompt(let prompt): self.paintCompletions(prompt, &painter)
        case nil: break
        }
    }

    func modalHints(_ modal: Modal) -> [Run] {
        func hint(_ key: String, _ word: String) -> [Run] { [Run(key, .hintKey), Run(" \(word)  ", .hintText)] }
        switch modal {
        case .help: return hint("j k PgDn", "scroll") + hint("Esc", "close")
        case .dialog(let dialog):
            let confirm = dialog.number == nil ? hint("Tab", "choose") : hint("0-9", "type the number")
            return confirm + hint("Enter", dialog.isOnVerb ? dialog.verb : "cancel") + hint("Esc", "cancel")
        case .menu: return hint("j k", "choose") + hint("Enter", "take") + hint("Esc", "close")
        case .prompt(let prompt):
            switch prompt.kind {
            case .palette: return hint("Tab", "complete") + hint("Enter", "run") + hint("Esc", "cancel")
            case .search: return hint("Enter", "jump") + hint("Esc", "cancel")
            case .filter: return hint("!word", "hides") + hint("Enter", "keep") + hint("Esc", "as before")
            }
        }
    }

    /// A cleared box in the middle of the body; returns the room inside.
    private func popup(_ painter: inout Painter, columns: Int, rows: Int, title: String, right: String = "") -> Rect {
        let width = min(columns + 4, self.columns - 2)
        let height = min(rows + 2, self.rows - 3)
        let area = Rect(
            x: (self.columns - width) / 2, y: max(1, (self.rows - height) / 2 - 1), width: width, height: height)
        painter.canvas.fill(area, role: .popup)
        return painter.box(area, title: title, right: right, isFocused: true)
    }

    private func paintDialog(_ dialog: Dialog, _ painter: inout Painter) {
        let widest = dialog.lines.map { $0.reduce(0) { $0 + $1.text.columns } }.max() ?? 20
        let rows = dialog.lines.count + (dialog.number == nil ? 2 : 4)
        let inner = self.popup(&painter, columns: max(44, widest), rows: rows, title: dialog.title)
        for (index, line) in dialog.lines.enumerated() where index < inner.height {
            painter.runs(line, x: inner.x + 1, y: inner.y + index, columns: inner.width - 2)
        }
        var y = inner.maxY - 1
        var x = inner.x + 1
        x = painter.text("[ Cancel ]", x: x, y: y, columns: inner.maxX - x, role: dialog.isOnVerb ? .tab : .tabOn) + 2
        let role: Role = dialog.isOnVerb ? .tabOn : .tab
        let verb = painter.text("[ \(dialog.verb) ]", x: x, y: y, columns: inner.maxX - x, role: role)
        painter.canvas.cursor = Point(x: dialog.isOnVerb ? min(verb, inner.maxX) - 1 : inner.x + 1, y: y)
        if let number = dialog.number, inner.height > 4 {
            y -= 2
            let end = painter.runs(
                [Run("type \(number) to go on: ", .muted), Run(dialog.typed, dialog.isTyped ? .prompt : .promptBad)],
                x: inner.x + 1, y: y, columns: inner.width - 2)
            painter.canvas.cursor = Point(x: end, y: y)
            painter.canvas.isCursorVisible = true
        }
    }

    private func paintMenu(_ menu: Menu, _ painter: inout Painter) {
        let widest = menu.items.map(\.count).max() ?? 10
        let inner = self.popup(&painter, columns: max(24, widest + 2), rows: menu.items.count, title: menu.title)
        let top = max(0, min(menu.index - inner.height + 1, menu.items.count - inner.height))
        for (line, index) in (top..<min(menu.items.count, top + inner.height)).enumerated() {
            painter.text(menu.items[index], x: inner.x + 2, y: inner.y + line, columns: inner.width - 3)
            if index == menu.index { painter.select(inner.row(line)) }
        }
    }

    private func paintHelp(_ top: Int, _ painter: inout Painter) {
        var lines: [[Run]] = []
        for command in Command.table where command.places.contains(self.place) && !command.keys.isEmpty {
            lines.append([
                Run(command.keyLabels.padded(14), .hintKey), Run(":\(command.verb.rawValue)".padded(17), .muted),
                Run(command.summary),
            ])
        }
        let typed = Command.table.filter { $0.keys.isEmpty && $0.places.contains(self.place) }
        for command in typed {
            let argument = command.argument.map { " \($0.uppercased())" } ?? ""
            lines.append([
                Run("".padded(14)), Run(":\(command.verb.rawValue)\(argument)".padded(17), .muted),
                Run(command.summary),
            ])
        }
        let words = lines.map { $0.reduce(0) { $0 + $1.text.columns } }.max() ?? 60
        let inner = self.popup(
            &painter, columns: min(words, self.columns - 6), rows: min(lines.count, self.rows - 6),
            title: "Keys of \(self.place.rawValue)", right: "Esc closes")
        let first = max(0, min(top, lines.count - inner.height))
        for (row, line) in lines.dropFirst(first).prefix(inner.height).enumerated() {
            painter.runs(line, x: inner.x + 1, y: inner.y + row, columns: inner.width - 2)
        }
        painter.canvas.cursor = Point(x: inner.x, y: inner.y)
    }

    /// What could be typed, above the prompt.
    private func paintCompletions(_ prompt: Prompt, _ painter: inout Painter) {
        guard prompt.kind == .palette else { return }
        let found = prompt.completion == nil ? self.completions(for: prompt.text) : prompt.completions
        let first = max(0, (prompt.completion ?? 0) - 7)
        let shown = Array(found.dropFirst(first).prefix(8))
        guard !shown.isEmpty else { return }
        let area = Rect(
            x: 0, y: max(2, self.rows - 4 - shown.count), width: min(self.columns, 64), height: shown.count + 2)
        painter.canvas.fill(area, role: .popup)
        let inner = painter.box(area, title: "Commands", right: Format.count(found.count), isFocused: true)
        for (row, text) in shown.enumerated() {
            let command = Command.named(String(text.prefix { $0 != " " }))
            painter.runs(
                [
                    Run(text.padded(20), .hintKey), Run(command?.summary ?? "", .muted),
                ], x: inner.x + 1, y: inner.y + row, columns: inner.width - 2)
            if prompt.completion == first + row {
                painter.canvas.ground(inner.row(row), .selection)
            }
        }
    }
}
