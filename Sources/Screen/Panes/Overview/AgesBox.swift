import Mail
import Monitor

/// How much waits for each destination, and for how long (after Postfix's qshape).
struct AgesBox {
    let rows: [DestinationAges]
    /// Rows that there are beside these.
    let more: Int
    /// They are those of domains, and not of next hops.
    let isByDomain: Bool
    /// The key that shows the others; `nil`: there are none.
    let otherKey: String?
    let openKey: String
    let cursor: BoxCursor
    /// What is said where nothing waits.
    let emptyWords: [String]

    /// The rows that it takes with its box.
    var wantedHeight: Int {
        3 + max(1, self.rows.count + (self.more > 0 ? 1 : 0))
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ look: RowLook) {
        let other = self.otherKey.map { "  \($0) by \(self.isByDomain ? "destination" : "domain")" } ?? ""
        // The domains that wait the most are told of, and not how many there are.
        let all = self.isByDomain ? 0 : self.rows.count + self.more
        let inner = painter.box(
            area,
            title: "Queue by \(self.isByDomain ? "domain" : "destination") and age"
                + (all > 0 ? " (\(Format.count(all)))" : ""),
            right: area.width >= 70 ? "minutes; \(self.openKey) filters\(other)" : "", isFocused: self.cursor.isFocused)
        guard inner.height > 0 else { return }
        guard !self.rows.isEmpty else {
            painter.empty(self.emptyWords, in: inner)
            return
        }
        let table = Table(
            DestinationAges.columns(inner.width - 2, isByDomain: self.isByDomain), width: inner.width - 2,
            sort: "total", isDescending: true)
        table.paintHeader(&painter, inner.row(0).inset(1, 0))
        let height = inner.height - 1
        let count = self.rows.count
        for (line, index) in self.cursor.shown(of: count, height: height).enumerated() {
            let row = inner.row(1 + line)
            table.paint(self.rows[index], look, &painter, row.inset(1, 0))
            if self.cursor.marks(index) { painter.select(row) }
        }
        if self.more > 0, count < height {
            painter.text(
                "and \(Format.plural(self.more, "more destination"))", x: inner.x + 1,
                y: inner.y + 1 + count, columns: inner.width - 2, role: .muted)
        }
    }
}

extension DestinationAges {
    private static let titles = ["<5", "<10", "<20", "<40", "<80", "<160", "<320", "<640", "<1280", "older"]

    /// Ages are told in all columns, or in every second of them.
    static func columns(_ width: Int, isByDomain: Bool) -> [Column<DestinationAges>] {
        let isWhole = width >= 105
        let ages = isWhole ? Array(Self.titles.indices) : [0, 2, 4, 6, 8, 9].suffix(max(0, min(6, (width - 40) / 6)))
        return (isByDomain ? [Self.domain] : [Self.nextHop]) + Self.fixed
            + ages.map { index in
                Column(Self.titles[index], .fixed(5), isRight: true) { row, look in
                    var value = row.ages.columns[index]
                    // Without all columns each takes the one before it along.
                    if !isWhole, index > 0, index < 9 { value += row.ages.columns[index - 1] }
                    if value == 0 { return TableCell(look.glyphs.sign("·", "."), .graphGrid) }
                    return TableCell(look.count(value, columns: 5), index >= 6 ? .graphHigh : .graphLow)
                }
            }
    }

    private static let nextHop = Column<DestinationAges>("DESTINATION", .share(12, weight: 1)) { row, look in
        let reason = row.reason.map { look.isBounded ? Words.inBrief($0, host: row.destination) : $0 } ?? ""
        let words = [row.destination, reason].joined(separator: "  ")
        return TableCell(look.place(row.destination, words))
    }
    private static let domain = Column<DestinationAges>("DOMAIN", .share(12, weight: 1)) { row, _ in
        let via = row.via.flatMap { $0 == row.destination ? nil : "  by \($0)" } ?? ""
        return TableCell(DomainName.disclosing(row.destination) + via)
    }

    private static let fixed: [Column<DestinationAges>] = [
        Column("STATE", .fixed(13)) { row, look in
            TableCell("\(look.glyphs[row.condition.glyph]) \(row.words(look.now))", row.condition.role)
        },
        Column("TOTAL", .fixed(6), isRight: true) { row, look in
            TableCell(look.count(row.total, columns: 6), .title)
        },
    ]
}
