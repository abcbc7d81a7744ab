import Monitor

/// The keys of one place, and what they do; `/` leaves only what has a word.
final class Help: Overlay {
    private let title: String
    private let all: [[Run]]
    /// The lines that have the word.
    private var lines: [[Run]]
    private let columns: Int
    private var top = 0
    private var word = ""
    private var isTyping = false

    init(_ place: String, _ table: CommandTable) {
        self.title = "Keys of \(place)"
        let commands = table.all
        self.all = (commands.filter { !$0.keys.isEmpty } + commands.filter(\.keys.isEmpty)).map { command in
            let argument = command.keys.isEmpty ? command.argument.map { " \($0.uppercased())" } ?? "" : ""
            return [
                Run(command.keyLabels.padded(14), .hintKey), Run(":\(command.name)\(argument) ".padded(17), .muted),
                Run(command.summary),
            ]
        }
        self.lines = self.all
        self.columns = self.all.map(\.columns).max() ?? 60
    }

    var hints: [Run] {
        self.isTyping
            ? Run.hint("Enter", "look") + Run.hint("Esc", "all keys")
            : Run.hint("j k PgDn", "scroll") + Run.hint("/", "search") + Run.hint("Esc", "close")
    }

    private func room(_ around: Surroundings) -> Int { min(self.columns, around.columns - 6) }
    private func height(_ around: Surroundings) -> Int {
        max(1, min(self.fitted(self.all, around).count, around.rows - 6))
    }
    private func last(_ around: Surroundings) -> Int {
        max(0, self.fitted(self.lines, around).count - self.height(around))
    }

    /// What is said of a key goes on below itself where it has no room.
    private func fitted(_ lines: [[Run]], _ around: Surroundings) -> [[Run]] {
        let room = self.room(around)
        return lines.flatMap { line in
            // Where there is little room, what a key does is told rather than its command's name.
            let head = around.columns < 60 ? [line[0]] : Array(line[..<2])
            return line[2].text.wrapped(max(10, room - head.columns)).enumerated().map { number, words in
                (number == 0 ? head : [Run(SafeText(blanks: head.columns), .base)]) + [Run(words, .base)]
            }
        }
    }

    func press(_ key: Key, _ around: Surroundings) -> [Effect] {
        let page = self.height(around)
        switch key {
        case .escape, .control("c"):
            guard self.isTyping || !self.word.isEmpty else { return [.close] }
            self.isTyping = false
            self.search("")
        case .enter where self.isTyping: self.isTyping = false
        case .backspace where self.isTyping: self.search(String(self.word.dropLast()))
        case .character(let character) where self.isTyping: self.search(self.word + String(character))
        case "/", .function(3):
            self.isTyping = true
            self.search("")
        case .down, "j": self.top += 1
        case .up, "k": self.top -= 1
        case .pageDown, " ": self.top += page
        case .pageUp: self.top -= page
        case .home, "g": self.top = 0
        case .end, "G": self.top = self.last(around)
        case .enter, "q", "?", .function(1), .backspace: return [.close]
        default: break
        }
        self.top = max(0, min(self.top, self.last(around)))
        return []
    }

    private func search(_ word: String) {
        self.word = word
        self.top = 0
        let wanted = word.lowercased()
        self.lines =
            wanted.isEmpty
            ? self.all
            : self.all.filter { line in line.contains { $0.text.description.lowercased().contains(wanted) } }
    }

    func paint(_ painter: inout Painter, _ around: Surroundings) {
        let isSearched = self.isTyping || !self.word.isEmpty
        let inner = painter.popup(
            columns: self.room(around), rows: self.height(around), title: self.title,
            right: isSearched ? "/\(self.word)  \(self.lines.count) of \(self.all.count)" : "Esc closes")
        let lines = self.fitted(self.lines, around)
        let top = max(0, min(self.top, lines.count - inner.height))
        for (row, line) in lines.dropFirst(top).prefix(inner.height).enumerated() {
            painter.runs(line, x: inner.x + 1, y: inner.y + row, columns: inner.width - 2)
        }
        painter.canvas.cursor = Point(x: inner.x, y: inner.y)
    }
}
