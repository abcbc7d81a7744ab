import Monitor

/// A column of a table: fixed, or with a share of what is left.
struct TableColumn {
    var title: String
    var width: Int
    /// Above 0: `width` is the least, and a share of the rest is added.
    var share: Int
    var isRight: Bool
    var isSorted: Bool

    init(_ title: String, _ width: Int, share: Int = 0, isRight: Bool = false, isSorted: Bool = false) {
        self.title = title
        self.width = width
        self.share = share
        self.isRight = isRight
        self.isSorted = isSorted
    }

    /// Columns with one blank between them that fill `columns`.
    static func spread(_ table: [TableColumn], over columns: Int) -> [(column: TableColumn, x: Int, width: Int)] {
        let fixed = table.reduce(0) { $0 + $1.width } + max(0, table.count - 1)
        var rest = max(0, columns - fixed)
        var shares = table.reduce(0) { $0 + $1.share }
        var x = 0
        return table.map { column in
            var width = column.width
            if column.share > 0, shares > 0 {
                let extra = rest * column.share / shares
                width += extra
                rest -= extra
                shares -= column.share
            }
            defer { x += width + 1 }
            return (column, x, max(0, min(width, columns - x)))
        }
    }
}

extension Painter {
    mutating func header(_ table: [TableColumn], in area: Rect, descending: Bool) {
        for (column, x, width) in TableColumn.spread(table, over: area.width) {
            let arrow = column.isSorted ? (descending ? self.sign("▾", "v") : self.sign("▴", "^")) : ""
            let title = column.title + arrow
            let role: Role = column.isSorted ? .sorted : .header
            if column.isRight {
                self.textRight(title, x: area.x + x, y: area.y, columns: width, role: role)
            } else {
                self.text(title, x: area.x + x, y: area.y, columns: width, role: role)
            }
        }
    }

    /// One row; `cells` in the order of `table`.
    mutating func row(_ cells: [Run], of table: [TableColumn], in area: Rect, offset: Int = 0) {
        for ((column, x, width), cell) in zip(TableColumn.spread(table, over: area.width), cells) {
            let text = column.share > 0 && offset > 0 ? cell.text.window(from: offset, columns: 400) : cell.text
            let safe = text.fitted(width, mark: self.elision)
            let start = column.isRight ? width - safe.columns : 0
            self.text(safe, x: area.x + x + start, y: area.y, columns: width - start, role: cell.role)
        }
    }

    /// Marks the row that the cursor is on and parks the terminal's own there.
    mutating func select(_ area: Rect, isFocused: Bool = true) {
        self.canvas.ground(area, isFocused ? .selection : .selectionOff)
        if isFocused { self.canvas.cursor = Point(x: area.x, y: area.y) }
    }

    /// Lines of plain words in the middle of an area that has nothing to show.
    mutating func empty(_ lines: [String], in area: Rect) {
        let top = area.y + max(0, (area.height - lines.count) / 2)
        for (index, line) in lines.enumerated() where top + index < area.maxY {
            for (step, part) in SafeText(line).wrapped(max(2, area.width - 2)).enumerated()
            where top + index + step < area.maxY {
                let x = area.x + max(0, (area.width - part.columns) / 2)
                self.text(part, x: x, y: top + index + step, columns: area.maxX - x, role: index == 0 ? .title : .muted)
            }
        }
    }
}
