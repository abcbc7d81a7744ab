import Mail
import Monitor

/// What the journal's table tells of each entry.
enum JournalColumns {
    /// - Parameter hasDays: entries of other days than today's are among the rows.
    static func all(hasDays: Bool) -> [Column<JournalEntry>] {
        [
            Column("TIME", .fixed(hasDays ? 11 : 8)) { row, look in
                TableCell(row.fact.at.isToday(look.now) ? Format.clock(row.fact.at) : row.fact.at.day, .muted)
            }
        ] + Self.fixed
    }

    private static let fixed: [Column<JournalEntry>] = [
        Column("WHAT", .fitting(10...13) { $0.fact.kind.word.count + 2 }) { row, look in
            TableCell("\(look.glyphs[row.fact.kind.glyph]) \(row.fact.kind.word)", row.fact.kind.role)
        },
        Column("ID", .fitting(4...13) { $0.fact.message?.count ?? 0 }) { row, _ in
            TableCell(row.fact.message ?? "", .title)
        },
        Column("FROM", .share(6, weight: 3), from: 70) { row, _ in
            TableCell(row.fact.from.map { Run(address: $0, .muted) } ?? Run(""))
        },
        Column("TO", .share(6, weight: 4)) { row, _ in TableCell(row.fact.to.map { Run(address: $0) } ?? Run("")) },
        Column("NEXT HOP", .share(8, weight: 3), from: 100) { row, look in
            TableCell(row.fact.nextHop.map { look.place($0, $0) } ?? "", .muted)
        },
        Column("REPLY", .share(10, weight: 5), from: 60) { TableCell($0.outcome($1)) },
    ]
}

extension JournalEntry {
    /// What was said, or who did it.
    fileprivate func outcome(_ look: RowLook) -> Run {
        if let actor = self.fact.actor {
            return Run("by \(actor)" + (self.fact.text.map { ": \($0)" } ?? ""), .title)
        }
        if self.fact.kind == .accepted {
            let size = self.fact.contentOctets.map { Format.octetsLong($0) + "  " } ?? ""
            return Run(size + (self.hello ?? self.peer ?? self.fact.text ?? ""), .muted)
        }
        return self.fact.text.map { look.reply($0, to: self.fact.to) } ?? Run("")
    }
}

extension Timestamp {
    func isToday(_ now: Timestamp) -> Bool {
        self.milliseconds / 86_400_000 == now.milliseconds / 86_400_000
    }
    /// `11-23 12:41`, UTC.
    fileprivate var day: String { String(Format.minute(self).dropFirst(5)) }
}
