import Monitor

/// The keys of one place, and what they do.
final class Help: Overlay {
    private let title: String
    private let lines: [[Run]]
    private let columns: Int
    private var top = 0

    init(_ pane: any Pane, _ around: Surroundings) {
        self.title = "Keys of \(pane.name)"
        let commands = around.commands(of: pane).all
        self.lines = (commands.filter { !$0.keys.isEmpty } + commands.filter(\.keys.isEmpty)).map { command in
            let argument = command.keys.isEmpty ? command.argument.map { " \($0.uppercased())" } ?? "" : ""
            return [
                Run(command.keyLabels.padded(14), .hintKey), Run(":\(command.name)\(argument)".padded(17), .muted),
                Run(command.summary),
            ]
        }
        self.columns = self.lines.map(\.columns).max() ?? 60
    }

    var hints: [Run] { Run.hint("j k PgDn", "scroll") + Run.hint("Esc", "close") }

    private func height(_ around: Surroundings) -> Int { max(1, min(self.lines.count, around.rows - 6)) }
    private func last(_ around: Surroundings) -> Int { self.lines.count - self.height(around) }

    func press(_ key: Key, _ around: Surroundings) -> [Effect] {
        let page = self.height(around)
        switch key {
        case .down, "j": self.top += 1
        case .up, "k": self.top -= 1
        case .pageDown, " ": self.top += page
        case .pageUp: self.top -= page
        case .home, "g": self.top = 0
        case .end, "G": self.top = self.last(around)
        case .escape, .enter, "q", "?", .function(1), .backspace: return [.close]
        default: break
        }
        self.top = max(0, min(self.top, self.last(around)))
        return []
    }

    func paint(_ painter: inout Painter, _ around: Surroundings) {
        let inner = painter.popup(
            columns: min(self.columns, around.columns - 6), rows: self.height(around), title: self.title,
            right: "Esc closes")
        let top = max(0, min(self.top, self.lines.count - inner.height))
        for (row, line) in self.lines.dropFirst(top).prefix(inner.height).enumerated() {
            // Where there is little room, what a key does is told rather than its command's name.
            let shown = around.columns < 60 ? [line[0], line[2]] : line
            painter.runs(shown, x: inner.x + 1, y: inner.y + row, columns: inner.width - 2)
        }
        painter.canvas.cursor = Point(x: inner.x, y: inner.y)
    }
}
