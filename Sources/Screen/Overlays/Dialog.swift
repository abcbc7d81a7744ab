import Monitor

/// Asks before something is done. Cancel is chosen at first.
final class Dialog: Overlay {
    private let title: String
    private let lines: [[Run]]
    /// The word on the button that is not Cancel.
    private let verb: String
    /// A number that must be typed first; `nil`: none.
    private let number: Int?
    private let confirmed: [Effect]
    private var typed = ""
    private var isOnVerb = false

    init(title: String, lines: [[Run]], verb: String, number: Int? = nil, confirmed: [Effect]) {
        self.title = title
        self.lines = lines
        self.verb = verb
        self.number = number
        self.confirmed = confirmed
    }

    var keepsRows: Bool { true }
    var hints: [Run] {
        (self.number == nil ? Run.hint("Tab", "choose") : Run.hint("0-9", "type the number"))
            + Run.hint("Enter", self.isOnVerb ? self.verb : "cancel") + Run.hint("Esc", "cancel")
    }

    /// Whatever must be typed first is typed.
    private var isTyped: Bool {
        guard let number = self.number else { return true }
        return Int(self.typed.filter { $0 != "," }) == number
    }

    func press(_ key: Key, _ around: Surroundings) -> [Effect] {
        let cancelled: [Effect] = [.close, .say("nothing was done", .plain)]
        switch key {
        case .escape, .control("c"), "q": return cancelled
        case .tab, .backTab, .left, .right, .up, .down: self.isOnVerb.toggle()
        case .character(let digit) where self.number != nil && (digit.isASCII && digit.isNumber || digit == ","):
            self.typed.append(digit)
            self.isOnVerb = self.isTyped
        case .backspace:
            if !self.typed.isEmpty { self.typed.removeLast() }
            self.isOnVerb = self.number != nil && self.isTyped
        case .enter:
            guard self.isOnVerb else { return cancelled }
            if self.isTyped { return [.close] + self.confirmed }
        default: break
        }
        return []
    }

    func paint(_ painter: inout Painter, _ around: Surroundings) {
        let width = max(44, self.lines.map(\.columns).max() ?? 0)
        let inner = painter.popup(
            columns: width, rows: self.lines.count + (self.number == nil ? 2 : 4), title: self.title)
        let room = max(0, inner.height - (self.number == nil ? 1 : 2))
        // Where there is little room, none goes to blank lines.
        let lines = self.lines.count <= room ? self.lines : self.lines.filter { !$0.isEmpty }
        for (index, line) in lines.prefix(room).enumerated() {
            painter.runs(line, x: inner.x + 1, y: inner.y + index, columns: inner.width - 2)
        }
        var y = inner.maxY - 1
        var x = inner.x + 1
        x = painter.text("[ Cancel ]", x: x, y: y, columns: inner.maxX - x, role: self.isOnVerb ? .tab : .tabOn) + 2
        let role: Role = self.isOnVerb ? .tabOn : .tab
        let verb = painter.text("[ \(self.verb) ]", x: x, y: y, columns: inner.maxX - x, role: role)
        painter.canvas.cursor = Point(x: self.isOnVerb ? min(verb, inner.maxX) - 1 : inner.x + 1, y: y)
        if let number = self.number {
            y -= inner.height > 4 ? 2 : 1
            let end = painter.runs(
                [Run("type \(number) to go on: ", .muted), Run(self.typed, self.isTyped ? .prompt : .promptBad)],
                x: inner.x + 1, y: y, columns: inner.width - 2)
            painter.canvas.cursor = Point(x: end, y: y)
            painter.canvas.isCursorVisible = true
        }
    }
}
