import Mail
import Monitor

/// How much waits for each destination, and for how long (after Postfix's qshape).
struct AgesBox {
    let overview: Overview
    let cursor: BoxCursor
    /// What is said where nothing waits.
    let emptyWords: [String]

    /// The rows that it takes with its box.
    var wantedHeight: Int {
        3 + max(1, self.overview.destinations.count + (self.overview.moreDestinations > 0 ? 1 : 0))
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ look: RowLook) {
        let overview = self.overview
        let inner = painter.box(
            area, title: "Queue by destination and age", right: area.width >= 70 ? "minutes; Enter filters" : "",
            isFocused: self.cursor.isFocused)
        guard inner.height > 0 else { return }
        guard !overview.destinations.isEmpty else {
            painter.empty(self.emptyWords, in: inner)
            return
        }
        let table = Table(
            DestinationAges.columns(inner.width - 2), width: inner.width - 2, sort: "total", isDescending: true)
        table.paintHeader(&painter, inner.row(0).inset(1, 0))
        let height = inner.height - 1
        let count = overview.destinations.count
        for (line, index) in self.cursor.shown(of: count, height: height).enumerated() {
            let row = inner.row(1 + line)
            table.paint(overview.destinations[index], look, &painter, row.inset(1, 0))
            if self.cursor.marks(index) { painter.select(row) }
        }
        if overview.moreDestinations > 0, count < height {
            painter.text(
                "and \(Format.plural(overview.moreDestinations, "more destination"))", x: inner.x + 1,
                y: inner.y + 1 + count, columns: inner.width - 2, role: .muted)
        }
    }
}

extension DestinationAges {
    private static let titles = ["<5", "<10", "<20", "<40", "<80", "<160", "<320", "<640", "<1280", "older"]

    /// Ages are told in all columns, or in every second of them.
    static func columns(_ width: Int) -> [Column<DestinationAges>] {
        let isWhole = width >= 105
        let ages = isWhole ? Array(Self.titles.indices) : [0, 2, 4, 6, 8, 9].suffix(max(0, min(6, (width - 40) / 6)))
        return Self.fixed
            + ages.map { index in
                Column(Self.titles[index], .fixed(5), isRight: true) { row, look in
                    var value = row.ages.columns[index]
                    // Without all columns each takes the one before it along.
                    if !isWhole, index > 0, index < 9 { value += row.ages.columns[index - 1] }
                    if value == 0 { return TableCell(look.glyphs.sign("·", "."), .graphGrid) }
                    return TableCell("\(value)", index >= 6 ? .graphHigh : .graphLow)
                }
            }
    }

    private static let fixed: [Column<DestinationAges>] = [
        Column("DESTINATION", .share(12, weight: 1)) { row, look in
            TableCell(look.place(row.destination, [row.destination, row.reason ?? ""].joined(separator: "  ")))
        },
        Column("STATE", .fixed(13)) { row, look in
            TableCell("\(look.glyphs[row.condition.glyph]) \(row.words(look.now))", row.condition.role)
        },
        Column("TOTAL", .fixed(6), isRight: true) { row, _ in TableCell(Format.count(row.total), .title) },
    ]
}
