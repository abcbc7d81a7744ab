import Mail
import Monitor

/// A session's dialogue as a list: its lines, how they are shown, and where the cursor is.
struct DialogueList {
    private(set) var lines: [TranscriptLine] = []
    /// Lines that are no longer kept, in the middle of the dialogue.
    private(set) var elided = 0
    /// The number after the last line that was read.
    private(set) var end = 0
    private(set) var rows = DialogueRows([], .both, isExpanded: false)
    private(set) var side = DialogueRows.Side.both
    private(set) var isExpanded = false
    private(set) var cursor = 0
    private(set) var top = 0
    private(set) var height = 1
    /// The cursor stays on the newest line.
    var follows = false { didSet { if self.follows { self.cursor = max(0, self.rows.all.count - 1) } } }

    /// Lines kept at most.
    private static let limit = 10_000

    /// The line that the cursor is on.
    var selected: TranscriptLine? {
        self.rows.all.indices.contains(self.cursor) ? self.lines[self.rows.all[self.cursor].index] : nil
    }
    /// Where that line is among all of them.
    var selectedIndex: Int { self.rows.all.indices.contains(self.cursor) ? self.rows.all[self.cursor].index : 0 }

    // MARK: Lines

    /// - Returns: whether more is to be read.
    mutating func take(_ page: TranscriptPage) -> Bool {
        let known = self.lines.last?.number ?? -1
        let line = self.selectedIndex
        self.lines += page.lines.filter { $0.number > known }
        let surplus = max(0, self.lines.count - Self.limit)
        self.lines.removeFirst(surplus)
        self.elided = page.elided
        let before = self.end
        self.end = page.lines.last.map { $0.number + 1 } ?? page.end
        self.arrange(around: max(0, line - surplus))
        return self.end < page.end && self.end != before
    }

    mutating func forget() { self = DialogueList() }

    private mutating func arrange(around line: Int) {
        self.rows = DialogueRows(self.lines, self.side, isExpanded: self.isExpanded)
        self.cursor = self.follows ? max(0, self.rows.all.count - 1) : self.rows.row(ofLine: line)
    }

    // MARK: What is shown

    /// Shows one side only, or both again.
    mutating func show(_ side: DialogueRows.Side) {
        self.side = self.side == side ? .both : side
        self.arrange(around: self.selectedIndex)
    }
    mutating func expand() {
        self.isExpanded.toggle()
        self.arrange(around: self.selectedIndex)
    }

    /// - Parameter height: the rows that there are for lines.
    mutating func fit(_ height: Int) {
        self.height = max(1, height)
        self.cursor = max(0, min(self.cursor, self.rows.all.count - 1))
        if self.cursor < self.top { self.top = self.cursor }
        if self.cursor >= self.top + self.height { self.top = self.cursor - self.height + 1 }
        self.top = max(0, min(self.top, self.rows.all.count - self.height))
    }

    // MARK: Moving

    /// - Parameters:
    ///   - start: the line that is to be in sight.
    ///   - cursor: the line to look at.
    mutating func place(start: Int, cursor: Int) {
        self.cursor = self.rows.row(ofLine: cursor)
        self.top = max(self.rows.row(ofLine: start), self.cursor - self.height + 1)
    }
    mutating func move(_ motion: Motion) {
        self.cursor = max(0, motion.target(from: self.cursor, count: self.rows.all.count, height: self.height))
        if self.follows, self.cursor != self.rows.all.count - 1 { self.follows = false }
    }

    /// Goes to the next slow answer, or with a step of -1 to the one before.
    ///
    /// - Returns: whether there is any.
    mutating func goToSlow(_ step: Int) -> Bool { self.go(step) { row, _ in row.isSlow } }
    mutating func goToError(_ step: Int) -> Bool { self.go(step) { _, line in line.isError } }
    private mutating func go(_ step: Int, where wanted: (DialogueRows.Row, TranscriptLine) -> Bool) -> Bool {
        let lines = self.lines
        guard let row = self.rows.next(from: self.cursor, step, where: { wanted($0, lines[$0.index]) }) else {
            return false
        }
        self.follows = false
        self.cursor = row
        return true
    }

    /// - Returns: whether some line has the word.
    mutating func search(_ search: Search) -> Bool {
        let texts = self.rows.all.map { self.lines[$0.index].text }
        guard let found = search.find(in: texts, from: self.cursor) else { return false }
        self.follows = false
        self.cursor = found
        return true
    }

    // MARK: Painting

    private static let columnsForClock = 70

    static func header(_ columns: Int) -> String {
        columns >= Self.columnsForClock ? "  TIME         DELTA   D  LINE" : "    DELTA   D  LINE"
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        for number in self.top..<max(self.top, min(self.rows.all.count, self.top + area.height)) {
            let place = area.row(number - self.top)
            self.paint(self.rows.all[number], canExpand: true, &painter, place, around)
            if number == self.cursor { painter.select(place) }
        }
    }

    /// The newest of those lines, without a cursor.
    ///
    /// - Parameter isOver: nothing more is said. Where there is not room for all of it, it is shown up to the last error;
    ///   and if there was none, without what took leave.
    func paint(
        _ lines: Range<Int>, isOver: Bool, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        var shown = self.rows.all.filter { lines.contains($0.index) }[...]
        if isOver, shown.count > area.height {
            let error = shown.lastIndex { self.lines[$0.index].isError }
            let leave = shown.firstIndex { self.lines[$0.index].isLeave } ?? shown.endIndex
            shown = shown[..<(error.map { $0 + 1 } ?? leave)]
        }
        for (place, row) in shown.suffix(max(0, area.height)).enumerated() {
            self.paint(row, canExpand: false, &painter, area.row(place), around)
        }
    }

    /// - Parameter canExpand: there is a key for the lines that are folded.
    private func paint(
        _ row: DialogueRows.Row, canExpand: Bool, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let line = self.lines[row.index]
        var x = area.x + 2
        // Where there is little room, what was said goes before when.
        if area.width >= Self.columnsForClock {
            x = painter.text(Format.clockFine(line.at), x: x, y: area.y, columns: 12, role: .muted) + 1
        }
        let words = row.delta.map { Format.delta(milliseconds: $0) } ?? "-"
        painter.textRight(
            words + (row.isSlow ? "!" : " "), x: x, y: area.y, columns: 7, role: row.isSlow ? .slow : .muted)
        x += 8
        painter.text(line.speaker.sign, x: x, y: area.y, columns: 1, role: line.role)
        // Lines that were dropped between this and the one before are told.
        if row.isBehindGap {
            painter.text(painter.sign("⋯", "..."), x: area.x, y: area.y, columns: 2, role: .limited)
        }
        let text = SafeText(line.text)
        let word = around.searchWord
        let isMatch = !word.isEmpty && line.text.lowercased().contains(word.lowercased())
        let way = canExpand ? " (\(around.label(of: .expand)))" : ""
        let more = row.folded > 0 ? "  \(painter.sign("…", "...")) \(row.folded) more lines\(way)" : ""
        let end = painter.text(
            around.columnOffset > 0 ? text.window(from: around.columnOffset, columns: 1000) : text, x: x + 3,
            y: area.y, columns: area.maxX - x - 4 - SafeText(more).columns, role: isMatch ? .match : line.role)
        painter.text(more, x: end, y: area.y, columns: area.maxX - end - 1, role: .muted)
    }
}

extension TranscriptLine {
    /// A refusal has a colour of its own, whoever says it.
    var role: Role {
        switch self.severity {
        case "4": return .deferred
        case "5": return .failed
        default: break
        }
        return switch self.speaker {
        case .client: .client
        case .server: .server
        case .relay: .meta
        }
    }
}

extension TranscriptLine.Speaker {
    var sign: String {
        switch self {
        case .client: "C"
        case .server: "S"
        case .relay: "*"
        }
    }
    var words: String {
        switch self {
        case .client: "client says"
        case .server: "server says"
        case .relay: "remark"
        }
    }
}
