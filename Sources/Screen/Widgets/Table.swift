import Mail
import Monitor

/// What stands in one place of a table: words, and behind them a bar where there is room.
struct TableCell {
    var text: SafeText
    var role: Role
    /// 0...1
    var bar: Double?
    init(_ text: String, _ role: Role = .base, bar: Double? = nil) {
        self.text = SafeText(text)
        self.role = role
        self.bar = bar
    }
    init(_ run: Run) {
        self.text = run.text
        self.role = run.role
    }
}

/// What a cell may know beside its row.
struct RowLook {
    let now: Timestamp
    let glyphs: Glyphs
    let nodes: [Node]
    var isTagged = false
    /// It is about to be tagged.
    var isInRange = false
    /// The row left its place, and only its picture is still here.
    var isDeparted = false
    /// Columns have their widths; else each takes what stands in it, and nothing needs to be shortened.
    let isBounded: Bool

    /// Where there is no screen around.
    init(_ paper: Paper) {
        self.now = paper.now
        self.glyphs = paper.glyphs
        self.nodes = []
        self.isBounded = paper.columns != nil
    }
    init(_ around: Surroundings) {
        self.now = around.now
        self.glyphs = around.glyphs
        self.nodes = around.nodes
        self.isBounded = true
    }
    /// Words about an address, after the name of the node that listens on it.
    func place(_ address: String, _ words: String) -> String {
        self.nodes.first { $0.listens(on: address) }.map { "\($0.entry.name) \(words)" } ?? words
    }
    /// A count in a column that is so wide.
    func count(_ value: Int, columns: Int) -> String {
        self.isBounded ? Format.count(value, columns: columns) : Format.count(value)
    }
    /// A reply in a row, as far as the row does not tell the same: whom it is about, and which host was asked.
    func reply(_ text: String, to path: String? = nil, host: String? = nil) -> Run {
        Run(reply: self.isBounded ? Words.inBrief(text, to: path, host: host) : text)
    }
}

/// A column of a table: its title, how wide it is, which key sorts by it, and what stands in it.
struct Column<Row>: Sendable {
    enum Width: Sendable {
        case fixed(Int)
        /// A least width, and a share of what is left.
        case share(Int, weight: Int)
        /// What the widest of the rows takes, within limits.
        case fitting(ClosedRange<Int>, @Sendable (Row) -> Int)
        /// As a share, but no more than the widest of the rows takes: what is left is for others.
        case upTo(Int, weight: Int, @Sendable (Row) -> Int)
    }
    let title: String
    /// Its name where columns are chosen: the last word of its title.
    var name: String { String(self.title.lowercased().split(separator: " ").last ?? "") }
    let width: Width
    let isRight: Bool
    /// The raw value of the key that sorts by it.
    let sort: String?
    /// It is there only in tables that are so wide, or sorted by it.
    let from: Int
    let cell: @Sendable (Row, RowLook) -> TableCell

    init(
        _ title: String, _ width: Width, isRight: Bool = false, sort: String? = nil, from: Int = 0,
        cell: @escaping @Sendable (Row, RowLook) -> TableCell
    ) {
        self.title = title
        self.width = width
        self.isRight = isRight
        self.sort = sort
        self.from = from
        self.cell = cell
    }

    /// The same, in tables of any width.
    var always: Column {
        Column(self.title, self.width, isRight: self.isRight, sort: self.sort, cell: self.cell)
    }

    /// How wide it is in a row, where that has a say in how wide it is in all of them.
    fileprivate var measure: (@Sendable (Row) -> Int)? {
        switch self.width {
        case .fixed, .share: nil
        case .fitting(_, let measure), .upTo(_, _, let measure): measure
        }
    }
    fileprivate func least(_ widest: Int?) -> Int {
        switch self.width {
        case .fixed(let width), .share(let width, _), .upTo(let width, _, _): width
        case .fitting(let range, _): max(range.lowerBound, min(range.upperBound, widest ?? 0))
        }
    }
    fileprivate var weight: Int {
        switch self.width {
        case .fixed, .fitting: 0
        case .share(_, let weight), .upTo(_, let weight, _): weight
        }
    }
    /// What it takes at most; in steps, so that a row that comes or goes seldom moves the others.
    fileprivate func most(_ widest: Int?) -> Int {
        guard case .upTo(let least, _, _) = self.width, let widest else { return .max }
        return (max(least, self.title.count + 1, widest) + 3) / 4 * 4
    }
}

/// How wide the widest of some rows is in each column that asks for it. It is measured once, for as long as the rows are the
/// same.
struct Widest<Row> {
    private var rows: [Row]
    private var known: [String: Int] = [:]

    init(of rows: [Row] = []) { self.rows = rows }

    /// - Returns: `nil` where it does not matter, or there is no row.
    mutating func columns(_ column: Column<Row>) -> Int? {
        if let known = self.known[column.title] { return known }
        guard let measure = column.measure, let widest = self.rows.lazy.map(measure).max() else { return nil }
        self.known[column.title] = widest
        return widest
    }
}

extension Widest where Row: Equatable {
    /// What was measured stays so while the rows are the same, as they mostly are from one second to the next.
    mutating func be(of rows: [Row]) {
        if rows != self.rows { self = Widest(of: rows) }
    }
}

/// Columns laid out side by side, with one blank between them.
struct Table<Row> {
    private(set) var places: [(column: Column<Row>, x: Int, width: Int)] = []
    private let sort: String?
    private let isDescending: Bool

    /// - Parameter widest: how wide a column's widest row is; `nil`: it has none.
    init(
        _ columns: [Column<Row>], width: Int, sort: String? = nil, isDescending: Bool = false,
        widest: (Column<Row>) -> Int? = { _ in nil }
    ) {
        self.sort = sort
        self.isDescending = isDescending
        let shown = columns.filter { $0.from <= width || $0.sort != nil && $0.sort == sort }
        let most = shown.map(widest)
        var widths = zip(shown, most).map { $0.least($1) }
        let rest = max(0, width - widths.reduce(0, +) - max(0, shown.count - 1))
        Self.share(rest, among: shown, zip(shown, most).map { $0.most($1) }, &widths)
        var x = 0
        for (column, columns) in zip(shown, widths) {
            self.places.append((column, x, max(0, min(columns, width - x))))
            x += columns + 1
        }
    }

    /// Gives what is left to those that can use it, by their weights.
    private static func share(_ rest: Int, among columns: [Column<Row>], _ most: [Int], _ widths: inout [Int]) {
        var rest = rest
        var open = columns.indices.filter { columns[$0].weight > 0 }
        while rest > 0, !open.isEmpty {
            var weights = open.reduce(0) { $0 + columns[$1].weight }
            var left = rest
            let before = rest
            for index in open {
                let part = left * columns[index].weight / weights
                left -= part
                weights -= columns[index].weight
                let taken = max(0, min(part, most[index] - widths[index]))
                widths[index] += taken
                rest -= taken
            }
            open.removeAll { most[$0] <= widths[$0] }
            if rest == before { break }
        }
    }

    func paintHeader(_ painter: inout Painter, _ area: Rect) {
        for (column, x, width) in self.places {
            let isSorted = column.sort != nil && column.sort == self.sort
            let arrow =
                isSorted ? (self.isDescending ? painter.sign("▾", "v") : painter.sign("▴", "^")) : ""
            let title = column.title + arrow
            let role: Role = isSorted ? .sorted : .header
            if column.isRight {
                painter.textRight(title, x: area.x + x, y: area.y, columns: width, role: role)
            } else {
                painter.text(title, x: area.x + x, y: area.y, columns: width, role: role)
            }
        }
    }

    /// - Parameter offset: how far columns of hostile width are scrolled.
    func paint(_ row: Row, _ look: RowLook, _ painter: inout Painter, _ area: Rect, offset: Int = 0) {
        for (column, x, width) in self.places {
            let cell = column.cell(row, look)
            let text = column.weight > 0 && offset > 0 ? cell.text.window(from: offset, columns: 400) : cell.text
            let safe = text.fitted(width, mark: painter.elision)
            let start = column.isRight ? width - safe.columns : 0
            painter.text(safe, x: area.x + x + start, y: area.y, columns: width - start, role: cell.role)
            let before = safe.isEmpty ? 0 : safe.columns + 1
            if let bar = cell.bar, width - before >= 4 {
                painter.bar(
                    bar, x: area.x + x + before, y: area.y, columns: min(24, width - before), role: .active)
            }
        }
    }
}

extension Painter {
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
