import Mail
import Monitor

/// The recipients of a message: which one the cursor is on, which are tagged, and how they are shown.
struct RecipientList {
    private(set) var all: [RecipientDetail] = []
    private(set) var cursor = 0
    /// Indexes of tagged recipients.
    private var tagged: Set<Int> = []
    /// The operator has not moved, so the cursor goes to the one that was asked about, or else where the trouble is.
    private var isUntouched = true
    /// The forward-path that was asked about.
    private let wanted: String?

    /// The one that the cursor is on.
    var selected: RecipientDetail? { self.all.indices.contains(self.cursor) ? self.all[self.cursor] : nil }

    init(at path: String? = nil) { self.wanted = path }
    /// A look at them.
    init(_ recipients: [RecipientDetail], at path: String) {
        self.init(at: path)
        self.show(recipients)
    }

    mutating func show(_ recipients: [RecipientDetail]) {
        self.all = recipients
        if self.isUntouched {
            let worst = recipients.map(\.state.unhappiness).max()
            self.cursor =
                recipients.firstIndex { $0.forwardPath == self.wanted }
                ?? recipients.firstIndex { $0.state.unhappiness == worst } ?? 0
        }
        self.cursor = max(0, min(self.cursor, recipients.count - 1))
    }

    // MARK: Keys

    mutating func move(_ motion: Motion) {
        guard !self.all.isEmpty else { return }
        self.isUntouched = false
        self.cursor = max(0, motion.target(from: self.cursor, count: self.all.count, height: 5))
    }

    mutating func move(to row: Int) {
        self.isUntouched = false
        self.cursor = max(0, min(row, self.all.count - 1))
    }

    /// Tags the recipient at the cursor, or takes its tag off, and goes on to the next one.
    mutating func tag() {
        self.isUntouched = false
        if self.tagged.remove(self.cursor) == nil { self.tagged.insert(self.cursor) }
        self.cursor = min(self.cursor + 1, max(0, self.all.count - 1))
    }
    mutating func untag() { self.tagged.remove(self.cursor) }
    mutating func untagAll() { self.tagged = [] }

    /// - Returns: whether some recipient has the word.
    mutating func search(_ search: Search) -> Bool {
        let texts = self.all.map { "\($0.forwardPath) \($0.lastReply ?? "") \($0.state.word)" }
        guard let found = search.find(in: texts, from: self.cursor) else { return false }
        self.cursor = found
        self.isUntouched = false
        return true
    }

    /// The tagged, else the one at the cursor.
    private var named: [RecipientDetail] {
        let indexes = self.tagged.isEmpty ? [self.cursor] : self.tagged.sorted()
        return indexes.filter(self.all.indices.contains).map { self.all[$0] }
    }
    /// The one that an action would be for; `nil`: none, or several.
    var onlyTarget: RecipientDetail? {
        let open = self.named.filter { !$0.state.isSettled }
        return open.count == 1 ? open[0] : nil
    }

    /// What an action would be for.
    func chosen(done: @escaping () -> Void) -> Chosen? {
        guard !self.all.isEmpty else { return nil }
        let named = self.named
        // What has ended is no target of anything.
        let open = named.filter { !$0.state.isSettled }
        let one = named.first.map { "\($0.forwardPath) is \($0.state.word) already" }
        return Chosen(
            targets: [.recipients(references: open.map(\.ref))], recipients: open.count, messages: 1,
            words: self.tagged.isEmpty ? open.first?.forwardPath ?? "" : "\(open.count) tagged recipients",
            sample: open.prefix(5).map { "\($0.ref.message)  to \($0.forwardPath)" },
            isHeld: open.allSatisfy { $0.state == .hold },
            refusal: open.isEmpty ? (named.count > 1 ? "all of them are settled already" : one ?? "") : nil,
            done: done)
    }

    // MARK: Painting

    static let columns: [Column<RecipientDetail>] = [
        Column("", .fixed(1)) { TableCell($1.isTagged ? $1.glyphs[.tag] : " ", .tagged) },
        Column("STATE", .fixed(10)) { TableCell(Run(state: $0.state, $1.glyphs)) },
        Column("TO", .share(10, weight: 4)) { row, _ in TableCell(Run(address: row.forwardPath)) },
        Column("TRY", .fixed(3), isRight: true) { row, _ in TableCell("\(row.tries)") },
        Column("NEXT", .fixed(5), isRight: true) { row, look in
            TableCell(row.nextAttempt.map { Format.roughSpan(milliseconds: $0.since(look.now)) } ?? "-")
        },
        Column("LAST REPLY", .share(10, weight: 5), from: 50) { row, look in
            if let progress = row.progress { return TableCell(progress.words, .active) }
            let taken = row.relayedTo.map { "taken by \($0)" }
            return TableCell(look.reply(row.lastReply ?? taken ?? "", to: row.forwardPath))
        },
    ]

    /// In a box, with what the last reply means and why the one at the cursor is where it is.
    @discardableResult
    func paint(
        _ painter: inout Painter, _ area: Rect, isFocused: Bool, _ around: Surroundings
    ) -> PaintedRows {
        let counts = RecipientState.allCases.compactMap { kind in
            let count = self.all.count { $0.state == kind }
            return count == 0 ? nil : "\(count) \(kind.word)"
        }
        let inner = painter.box(
            area, title: "Recipients", right: counts.joined(separator: ", "), isFocused: isFocused)
        guard inner.height > 0 else { return PaintedRows() }
        let words = [
            self.selected?.explanation(around.now), "Why: " + (self.selected?.whyWords(around.now) ?? ""),
        ]
        let told = words.compactMap { $0 }.map { SafeText($0).wrapped(inner.width - 2) }
        var why = told.flatMap { $0 }
        // Above it at least the header and two recipients.
        let spare = inner.height - 1 - self.all.count
        let whyLines = inner.height >= 4 ? min(why.count, max(inner.height >= 5 ? 2 : 1, spare)) : 0
        // Where there is not room for both, why it waits goes before what the reply means.
        if whyLines < why.count { why = told.reversed().flatMap { $0 } }
        let rows = inner.top(inner.height - whyLines)
        Table(Self.columns, width: inner.width).paintHeader(&painter, rows.row(0))
        let painted = self.paintRows(&painter, rows.below(1), isFocused: isFocused, around)
        for line in 0..<whyLines {
            // What has no room is cut where it shows.
            let text = line == whyLines - 1 ? SafeText.joined(why[line...]) : why[line]
            painter.text(text, x: inner.x + 1, y: rows.maxY + line, columns: inner.width - 2, role: .title)
        }
        return painted
    }

    func paintRows(
        _ painter: inout Painter, _ area: Rect, isFocused: Bool, _ around: Surroundings
    ) -> PaintedRows {
        let table = Table(Self.columns, width: area.width)
        let top = max(0, min(self.cursor - area.height / 2, self.all.count - area.height))
        let painted = PaintedRows(area: area, numbers: top..<max(top, min(self.all.count, top + area.height)))
        var look = RowLook(around)
        for (line, index) in painted.numbers.enumerated() {
            look.isTagged = self.tagged.contains(index)
            table.paint(self.all[index], look, &painter, area.row(line), offset: around.columnOffset)
            if index == self.cursor { painter.select(area.row(line), isFocused: isFocused) }
        }
        return painted
    }
}
