import Monitor

/// Asks before something is done. Cancel is chosen at first.
final class Dialog: Overlay {
    private let title: String
    private let lines: [Line]
    /// The word on the button that is not Cancel.
    private let verb: String
    /// What must be typed first: a number, or a name; `nil`: nothing.
    private let proof: Proof?
    enum Proof { case number(Int), name(String) }
    private let confirmed: [Effect]
    private var typed = ""
    private var isOnVerb = false

    init(title: String, lines: [Line], verb: String, proof: Proof?, confirmed: [Effect]) {
        self.title = title
        self.lines = lines
        self.verb = verb
        self.proof = proof
        self.confirmed = confirmed
    }
    convenience init(title: String, lines: [Line], verb: String, number: Int? = nil, confirmed: [Effect]) {
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
        let all = self.lines.flatMap { $0.wrapped(max(2, painter.canvas.columns - 6)) }
        let width = max(44, all.map(\.runs.columns).max() ?? 0)
        let inner = painter.popup(columns: width, rows: all.count + (self.proof == nil ? 2 : 4), title: self.title)
        // The buttons stand on the last row, and what is typed above them, if it can be behind a blank one.
        let isTight = self.proof != nil && all.count > inner.height - 3
        let room = max(0, inner.height - (self.proof == nil ? 1 : isTight ? 2 : 3))
        for (index, line) in Line.fitting(all, room).enumerated() {
            painter.runs(line.runs, x: inner.x + 1, y: inner.y + index, columns: inner.width - 2)
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
            y -= isTight ? 1 : 2
            let end = painter.runs(
                [Run("type \(wanted) to go on: ", .muted), Run(self.typed, self.isTyped ? .prompt : .promptBad)],
                x: inner.x + 1, y: y, columns: inner.width - 2)
            painter.canvas.cursor = Point(x: end, y: y)
            painter.canvas.isCursorVisible = true
        }
    }
}

extension Dialog {
    /// A line of what a dialog says.
    struct Line: ExpressibleByArrayLiteral {
        /// What goes first where there is little room: blank lines, then the last of the examples, then of the remarks.
        fileprivate enum Kind { case sentence, remark, example }
        let runs: [Run]
        fileprivate var kind = Kind.sentence

        init(_ runs: [Run]) { self.runs = runs }
        init(arrayLiteral runs: Run...) { self.runs = runs }
        private init(_ runs: [Run], _ kind: Kind) {
            self.runs = runs
            self.kind = kind
        }

        /// Mail that it is about, or how much more there is.
        static func example(_ words: String) -> Line { Line([Run(address: "  " + words, .muted)], .example) }
        /// Why somebody orders it.
        static func reason(_ words: String) -> Line { Line([Run("Reason: ", .muted), Run(words)], .remark) }
        static func remark(_ run: Run) -> Line { Line([run], .remark) }

        /// A sentence is read to its end; an example is cut.
        fileprivate func wrapped(_ columns: Int) -> [Line] {
            self.kind == .example ? [self] : self.runs.wrapped(columns).map { Line($0, self.kind) }
        }

        /// As many as there is room for, so that what follows is told as long as it can be.
        fileprivate static func fitting(_ lines: [Line], _ room: Int) -> ArraySlice<Line> {
            guard lines.count > room else { return lines[...] }
            var left = lines.filter { !$0.runs.isEmpty }
            for kind in [Kind.example, .remark] {
                while left.count > room, let last = left.lastIndex(where: { $0.kind == kind }) { left.remove(at: last) }
            }
            return left.prefix(room)
        }
    }
}
