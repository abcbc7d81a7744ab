import Mail
import Monitor

/// What was tried of a message, the oldest first: which attempt the cursor is on, and how they are shown.
struct AttemptList {
    private(set) var all: [AttemptRow] = []
    private var cursor = 0
    /// The forward-paths of the message's recipients by their index; none where there is only one, whose attempts they all are.
    private var recipients: [Int: String] = [:]

    /// The one that the cursor is on.
    var selected: AttemptRow? { self.all.indices.contains(self.cursor) ? self.all[self.cursor] : nil }

    mutating func show(_ attempts: [AttemptRow], of recipients: [RecipientDetail]) {
        self.all = attempts
        self.recipients =
            recipients.count > 1
            ? Dictionary(recipients.map { ($0.ref.index, $0.forwardPath) }, uniquingKeysWith: { $1 }) : [:]
        self.cursor = max(0, min(self.cursor, attempts.count - 1))
    }

    mutating func move(_ motion: Motion) {
        self.cursor = max(0, motion.target(from: self.cursor, count: self.all.count, height: 5))
    }

    mutating func move(to row: Int) { self.cursor = max(0, min(row, self.all.count - 1)) }

    // MARK: Painting

    static let columns: [Column<AttemptRow>] = [
        Column("", .fixed(8)) { row, _ in TableCell(Format.clock(row.at), .muted) },
        Column("", .fixed(10)) { TableCell(Run(state: $0.outcome, $1.glyphs)) },
        Column("", .fixed(5), isRight: true) { row, _ in TableCell(row.milliseconds.map(Format.took) ?? "-") },
        Column("", .share(12, weight: 2)) { row, _ in
            TableCell([row.nextHop ?? "-", row.security?.protection].compactMap { $0 }.joined(separator: " "), .muted)
        },
        Column("", .share(12, weight: 5)) { TableCell($1.reply($0.reply ?? "", host: $0.nextHop)) },
        Column("", .fixed(8)) { row, _ in TableCell(row.session?.id ?? "", .muted) },
    ]

    /// With how long each took as a bar, which is nothing to be printed; and for whom each was.
    private var drawn: [Column<AttemptRow>] {
        var columns = Self.columns
        let bar = Column<AttemptRow>("", .fixed(10), from: self.recipients.isEmpty ? 96 : 130) { row, _ in
            TableCell("", bar: row.milliseconds.map(AttemptChart.share(ofMilliseconds:)))
        }
        columns.insert(bar, at: 3)
        guard !self.recipients.isEmpty else { return columns }
        let whose = Column<AttemptRow>("", .share(10, weight: 3), from: 72) { [recipients] row, _ in
            TableCell(Run(address: recipients[row.recipientIndex] ?? ""))
        }
        columns.insert(whose, at: 2)
        return columns
    }

    /// The rows that it takes with its box.
    var wantedHeight: Int {
        max(1, self.all.count) + (self.all.isEmpty ? 0 : 1) + (self.all.contains { $0.security?.policy != nil } ? 1 : 0)
            + 2
    }

    /// - Parameters:
    ///   - chart: when they were, and when the next one is due.
    ///   - hasTranscript: the key for a transcript opens that of one of them.
    func paint(
        _ painter: inout Painter, _ area: Rect, chart: AttemptChart, hasTranscript: Bool, isFocused: Bool,
        _ around: Surroundings
    ) -> PaintedRows {
        let inner = painter.box(
            area, title: "Attempts", right: hasTranscript ? around.sentence(.transcript, "transcript") : "",
            isFocused: isFocused)
        guard inner.height > 0 else { return PaintedRows() }
        guard !self.all.isEmpty else {
            painter.text("none yet", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return PaintedRows()
        }
        let cursor = isFocused ? self.cursor : self.all.count - 1
        var height = inner.height
        let policy = self.all[cursor].security.flatMap { $0.policy == nil ? nil : "\($0)" }
        let hasChart = height > 1 && !(isFocused && policy != nil && height == 2)
        if hasChart {
            height -= 1
            painter.runs(
                chart.runs(columns: inner.width - 2, painter.glyphs), x: inner.x + 1, y: inner.y + height,
                columns: inner.width - 2)
        }
        if let policy, height > 1 {
            height -= 1
            painter.text(policy, x: inner.x + 1, y: inner.y + height, columns: inner.width - 2, role: .muted)
        }
        let top = max(0, min(cursor - height / 2, self.all.count - height))
        let table = Table(self.drawn, width: inner.width - 2)
        let look = RowLook(around)
        let painted = PaintedRows(area: inner.top(height), numbers: top..<min(self.all.count, top + height))
        for (line, index) in painted.numbers.enumerated() {
            table.paint(self.all[index], look, &painter, inner.row(line).inset(1, 0))
            if isFocused, index == self.cursor { painter.select(inner.row(line)) }
        }
        return painted
    }
}
