import Monitor

/// A line of text that is being typed where the outcome stands.
final class Prompt: Overlay {
    private let sign: String
    private var text: String
    private let plainHints: [Run]
    /// What was typed before, newest last.
    private let history: [String]
    /// The place in the history that is shown, and what was being typed before that.
    private var recalled: (place: Int, draft: String)?
    /// Why the text cannot be taken as it is; `nil`: it can.
    private let problem: (String) -> String?
    private let typed: (String, Surroundings) -> [Effect]
    private let accepted: (String) -> [Effect]
    private let cancelled: (Surroundings) -> [Effect]
    /// What may be meant, with what each of it does; `nil`: nothing is offered.
    private let offers: ((String) -> [Offer])?
    private let offersTitle: String
    /// The line that is meant, where what was typed does not name one; `nil`: it does.
    private let meant: (String) -> String?
    struct Offer {
        var text: String
        var summary: String
        /// Keys that do the same.
        var keys = ""
    }
    /// What Tab goes through, and where it is.
    private var completions: [Offer] = []
    private var completion: Int?

    init(
        sign: String, text: String = "", hints: [Run], history: [String] = [],
        problem: @escaping (String) -> String? = { _ in nil },
        typed: @escaping (String, Surroundings) -> [Effect] = { _, _ in [] },
        accepted: @escaping (String) -> [Effect] = { _ in [] },
        cancelled: @escaping (Surroundings) -> [Effect] = { _ in [] }, offersTitle: String = "Commands",
        offers: ((String) -> [Offer])? = nil, meant: @escaping (String) -> String? = { _ in nil }
    ) {
        self.sign = sign
        self.text = text
        self.plainHints = hints
        self.history = history
        self.problem = problem
        self.typed = typed
        self.accepted = accepted
        self.cancelled = cancelled
        self.offers = offers
        self.offersTitle = offersTitle
        self.meant = meant
    }

    var hints: [Run] { self.plainHints }

    func press(_ key: Key, _ around: Surroundings) -> [Effect] {
        switch key {
        case .escape, .control("c"): return [.close] + self.cancelled(around)
        case .enter where self.meant(self.text) != nil:
            // A second Enter takes it, now that it can be read.
            self.text = self.meant(self.text) ?? self.text
            self.completion = nil
        case .enter:
            // What cannot be taken stays to be mended.
            return self.problem(self.text) == nil ? [.close] + self.accepted(self.text) : []
        case .backspace, .control("h"):
            guard !self.text.isEmpty else { return [.close] }
            self.text.removeLast()
            self.completion = nil
        case .control("u"):
            self.text = ""
            self.completion = nil
        case .up: self.recall(-1)
        case .down: self.recall(1)
        case .tab: self.complete(1)
        case .backTab: self.complete(-1)
        case .character(let character):
            self.text.append(character)
            self.completion = nil
        case .paste(let text):
            // One line of it, as it will be shown.
            let line = text.split(whereSeparator: \.isNewline).first ?? ""
            self.text += SafeText(line).description
            self.completion = nil
        default: return []
        }
        return self.typed(self.text, around)
    }

    /// Goes through what was typed before, and back to what is being typed.
    private func recall(_ step: Int) {
        let draft = self.recalled?.draft ?? self.text
        let place = min(max((self.recalled?.place ?? self.history.count) + step, 0), self.history.count)
        let isDraft = place == self.history.count
        self.recalled = isDraft ? nil : (place, draft)
        self.text = isDraft ? draft : self.history[place]
        self.completion = nil
    }

    private func complete(_ step: Int) {
        guard let offers = self.offers else { return }
        if self.completion == nil { self.completions = offers(self.text) }
        let all = self.completions
        guard !all.isEmpty else { return }
        let next = self.completion.map { ($0 + step + all.count) % all.count } ?? 0
        self.completion = next
        self.text = all[next].text
    }

    func paint(_ painter: inout Painter, _ around: Surroundings) {
        self.paintOffers(&painter, around)
        let line = Rect(x: 0, y: around.rows - 2, width: around.columns, height: 1)
        painter.canvas.fill(line, role: .base)
        let problem = self.text.isEmpty ? nil : self.problem(self.text)
        let end = painter.runs(
            [Run(self.sign, .hintKey), Run(self.text, problem == nil ? .prompt : .promptBad)], x: 1, y: line.y,
            columns: line.width - 3)
        painter.canvas.cursor = Point(x: min(end, line.width - 1), y: line.y)
        painter.canvas.isCursorVisible = true
        guard let problem, !problem.isEmpty else { return }
        // Above the line where beside it there is no room for the words.
        let words = [Run(painter.glyph(.warn) + " ", .flashBad), Run(problem, .flashBad)]
        if end + 2 + words.columns < line.width {
            painter.runs(words, x: end + 2, y: line.y, columns: line.width - end - 3)
        } else {
            let above = Rect(x: 0, y: line.y - 1, width: line.width, height: 1)
            painter.canvas.fill(above, role: .base)
            painter.runs(words, x: 1, y: above.y, columns: above.width - 2)
        }
    }

    /// With fewer columns a summary says nothing.
    private static let leastSummary = 12

    /// What could be typed, above the prompt.
    private func paintOffers(_ painter: inout Painter, _ around: Surroundings) {
        guard let offers = self.offers else { return }
        let found = self.completion == nil ? offers(self.text) : self.completions
        let first = max(0, (self.completion ?? 0) - 7)
        let room = max(0, around.rows - 6)
        let shown = Array(found.dropFirst(first).prefix(min(8, room)))
        guard !shown.isEmpty else { return }
        let keys = shown.map(\.keys.count).max().map { $0 == 0 ? 0 : $0 + 1 } ?? 0
        let texts = max(20, (shown.map { SafeText($0.text).columns }.max() ?? 0) + 2)
        let area = Rect(
            x: 0, y: max(2, around.rows - 4 - shown.count), width: min(around.columns, 76), height: shown.count + 2)
        painter.canvas.fill(area, role: .popup)
        let inner = painter.box(area, title: self.offersTitle, right: Format.count(found.count), isFocused: true)
        for (row, offer) in shown.enumerated() {
            // What is typed is shown whole; what it does goes first.
            let summary = texts + keys + Self.leastSummary > inner.width - 2 ? "" : offer.summary
            painter.runs(
                [
                    Run(offer.text.padded(texts), .hintKey), Run(offer.keys.padded(keys), .hintText),
                    Run(summary, .muted),
                ], x: inner.x + 1, y: inner.y + row, columns: inner.width - 2)
            if self.completion == first + row { painter.canvas.ground(inner.row(row), .selection) }
        }
    }
}
