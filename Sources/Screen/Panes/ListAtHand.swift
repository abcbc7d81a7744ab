import Monitor

/// A short list: all its rows are at hand, and the cursor stays on its row when others come and go. On the first row it stays
/// on the first, whatever that is.
struct ListAtHand<Row> {
    /// `nil`: none were read yet.
    private(set) var rows: [Row]?
    private(set) var cursor = 0
    private let isSame: (Row, Row) -> Bool
    private var painted = PaintedRows()

    /// - Parameter isSame: the one is the other at another moment.
    init(_ isSame: @escaping (Row, Row) -> Bool) { self.isSame = isSame }
    /// - Parameter identity: the same for as long as it is the same thing.
    init(by identity: @escaping (Row) -> some Equatable) { self.init { identity($0) == identity($1) } }

    var isRead: Bool { self.rows != nil }
    var count: Int { self.rows?.count ?? 0 }
    var selected: Row? { self.rows.flatMap { $0.indices.contains(self.cursor) ? $0[self.cursor] : nil } }

    mutating func show(_ rows: [Row]) {
        if self.cursor > 0, let selected, let place = rows.firstIndex(where: { self.isSame($0, selected) }) {
            self.cursor = place
        }
        self.rows = rows
        self.cursor = max(0, min(self.cursor, rows.count - 1))
    }
    /// Another question, of whose answer nothing is known yet.
    mutating func ask() {
        self.rows = nil
        self.cursor = 0
    }

    mutating func move(to row: Int) { self.cursor = max(0, min(row, self.count - 1)) }
    mutating func move(_ motion: Motion) {
        self.move(to: motion.target(from: self.cursor, count: self.count, height: self.painted.area.height))
    }
    /// - Returns: false where no row stands there.
    mutating func select(at place: Point) -> Bool {
        guard let row = self.painted.number(at: place) else { return false }
        self.cursor = row
        return true
    }
    /// - Parameter text: what is searched of a row.
    mutating func search(_ search: Search, in text: (Row) -> String) -> [Effect] {
        guard let found = search.find(in: (self.rows ?? []).map(text), from: self.cursor) else {
            return [search.failed]
        }
        self.cursor = found
        return []
    }

    /// The titles of the columns, and below them the rows around the cursor.
    ///
    /// - Parameter edge: blank columns at either side, which the cursor's ground covers too.
    mutating func paint(
        _ columns: [Column<Row>], edge: Int = 1, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let table = Table(columns, width: area.width - 2 * edge)
        table.paintHeader(&painter, area.row(0).inset(edge, 0))
        let room = area.below(1)
        let top = max(0, min(self.cursor - room.height / 2, self.count - room.height))
        self.painted = PaintedRows(area: room, numbers: top..<max(top, min(self.count, top + room.height)))
        let look = RowLook(around)
        for (line, row) in (self.rows ?? [])[self.painted.numbers].enumerated() {
            table.paint(row, look, &painter, room.row(line).inset(edge, 0), offset: around.columnOffset)
            if self.painted.numbers.lowerBound + line == self.cursor { painter.select(room.row(line)) }
        }
    }
}
