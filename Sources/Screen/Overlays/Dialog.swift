import Monitor

/// Asks before something is done. Cancel is chosen at first.
final class Dialog: Overlay {
    private let title: String
    private let lines: [[Run]]
    /// The word on the button that is not Cancel.
    private let verb: String
    /// What must be typed first: a number, or a name; `nil`: nothing.
    private let proof: Proof?
    enum Proof { case number(Int), name(String) }
    private let confirmed: [Effect]
    private var typed = ""
    private var isOnVerb = false

    init(title: String, lines: [[Run]], verb: String, proof: Proof?, confirmed: [Effect]) {
        self.title = title
        self.lines = lines
        self.verb = verb
        self.proof = proof
        self.confirmed = confirmed
    }
    convenience init(title: String, lines: [[Run]], verb: String, number: Int? = nil, confirmed: [Effect]) {
        self.init(title: title, lines: lines, verb: verb, proof: number.map { .number($0) }, confirmed: confirmed)
    }

    var keepsRows: Bool { true }
    var hints: [Run] {
        let first =
            switch self.proof {
            case .number: Run.hint("0-9", "type the number")
            case .name: Run.hint("a-z", "type the name")
            case nil: Run.hint("Tab", "choose")
            }
        return first
            + Run.hint("Enter", self.isOnVerb ? self.verb : "cancel") + Run.hint("Esc", "cancel")
    }

    /// Whatever must be typed first is typed.
    private var isTyped: Bool {
        switch self.proof {
        case .number(let number): Int(self.typed.filter { $0 != "," }) == number
        case .name(let name): self.typed == name
        case nil: true
        }
    }
    private func takes(_ character: Character) -> Bool {
        switch self.proof {
        case .number: character.isASCII && character.isNumber || character == ","
        case .name: true
        case nil: false
        }
    }

    func press(_ key: Key, _ around: Surroundings) -> [Effect] {
        let cancelled: [Effect] = [.close, .say("nothing was done", .plain)]
        switch key {
        case .escape, .control("c"): return cancelled
        case .character(let character) where self.takes(character):
            self.typed.append(character)
            self.isOnVerb = self.isTyped
        case "q": return cancelled
        case .tab, .backTab, .left, .right, .up, .down: self.isOnVerb.toggle()
        case .backspace:
            if !self.typed.isEmpty { self.typed.removeLast() }
            self.isOnVerb = self.proof != nil && self.isTyped
        case .enter:
            guard self.isOnVerb else { return cancelled }
            if self.isTyped { return [.close] + self.confirmed }
        default: break
        }
        return []
    }

    func paint(_ painter: inout Painter, _ around: Surroundings) {
        // A sentence is read to its end; mail that is shown as an example is cut.
        let widest = max(2, painter.canvas.columns - 6)
        let all = self.lines.flatMap { $0.last?.role == .muted ? [$0] : $0.wrapped(widest) }
        let width = max(44, all.map(\.columns).max() ?? 0)
        let inner = painter.popup(columns: width, rows: all.count + (self.proof == nil ? 2 : 4), title: self.title)
        let room = max(0, inner.height - (self.proof == nil ? 1 : 2))
        // Where there is little room, none goes to blank lines.
        let lines = all.count <= room ? all : all.filter { !$0.isEmpty }
        for (index, line) in lines.prefix(room).enumerated() {
            painter.runs(line, x: inner.x + 1, y: inner.y + index, columns: inner.width - 2)
        }
        var y = inner.maxY - 1
        var x = inner.x + 1
        x = painter.text("[ Cancel ]", x: x, y: y, columns: inner.maxX - x, role: self.isOnVerb ? .tab : .tabOn) + 2
        let role: Role = self.isOnVerb ? .tabOn : .tab
        let verb = painter.text("[ \(self.verb) ]", x: x, y: y, columns: inner.maxX - x, role: role)
        painter.canvas.cursor = Point(x: self.isOnVerb ? min(verb, inner.maxX) - 1 : inner.x + 1, y: y)
        if let proof {
            let wanted =
                switch proof {
                case .number(let number): "\(number)"
                case .name(let name): name
                }
            y -= inner.height > 4 ? 2 : 1
            let end = painter.runs(
                [Run("type \(wanted) to go on: ", .muted), Run(self.typed, self.isTyped ? .prompt : .promptBad)],
                x: inner.x + 1, y: y, columns: inner.width - 2)
            painter.canvas.cursor = Point(x: end, y: y)
            painter.canvas.isCursorVisible = true
        }
    }
}
