import Monitor

/// One cell of a canvas. Its text came through `SafeText`; there is no other way in.
public struct Cell: Hashable, Sendable {
    fileprivate(set) var text: CellText = " "
    public fileprivate(set) var role: Role = .base
    /// The role whose background the cell has, as in the selected row; `nil`: its own.
    public fileprivate(set) var ground: Role?
    public init() {}
    /// Of its character and two combining marks, 0 for none; nothing but 0 in the second half of a wide character.
    public var codePoints: (base: UInt32, firstMark: UInt32, secondMark: UInt32) {
        (self.text.base, self.text.firstMark, self.text.secondMark)
    }
    fileprivate init(_ text: CellText, _ role: Role) {
        self.text = text
        self.role = role
    }
}

/// Row-major, `rows * columns` cells. A wide character owns two; the second is empty.
public struct Canvas: Hashable, Sendable {
    public let columns: Int
    public let rows: Int
    public private(set) var cells: [Cell]
    /// Where the hardware cursor is parked, so that screen readers and magnifiers follow.
    public var cursor: Point
    /// True while text is being typed.
    public var isCursorVisible = false

    public init(columns: Int, rows: Int) {
        self.columns = max(1, columns)
        self.rows = max(1, rows)
        self.cells = Array(repeating: Cell(), count: self.columns * self.rows)
        self.cursor = Point(x: 0, y: self.rows - 1)
    }

    public subscript(x: Int, y: Int) -> Cell { self.cells[y * self.columns + x] }
    public var bounds: Rect { Rect(x: 0, y: 0, width: self.columns, height: self.rows) }

    /// Writes what fits into `clip`; a wide character that would be cut in half is left out.
    /// Returns the column after the last one written.
    @discardableResult
    mutating func write(_ text: SafeText, at point: Point, role: Role, clip: Rect) -> Int {
        var x = point.x
        guard point.y >= clip.y, point.y < clip.maxY, point.y >= 0, point.y < self.rows else {
            return x + text.columns
        }
        let left = max(clip.x, 0)
        let right = min(clip.maxX, self.columns)
        let line = point.y * self.columns..<(point.y + 1) * self.columns
        self.cells.withUnsafeMutableBufferPointer { cells in
            let line = UnsafeMutableBufferPointer(rebasing: cells[line])
            for cell in text.cells {
                let width = Int(cell.width)
                defer { x += width }
                guard x >= left, x + width <= right else { continue }
                Self.mendHalves(of: line, at: x, width: width)
                line[x] = Cell(cell.text, cell.isEscape ? .escape : role)
                if width == 2 { line[x + 1] = Cell(.none, line[x].role) }
            }
        }
        return x
    }

    /// A write over half of a wide character leaves a blank for the other half.
    private static func mendHalves(of line: UnsafeMutableBufferPointer<Cell>, at x: Int, width: Int) {
        if line[x].text.isEmpty, x > 0 { line[x - 1].text = " " }
        let next = x + width
        if next < line.count, line[next].text.isEmpty { line[next].text = " " }
    }

    mutating func fill(_ area: Rect, role: Role) {
        for y in max(0, area.y)..<max(max(0, area.y), min(self.rows, area.maxY)) {
            self.write(
                SafeText(String(repeating: " ", count: max(0, area.width))), at: Point(x: area.x, y: y), role: role,
                clip: area)
        }
    }

    /// Gives cells the background of `ground`; escapes keep their own look.
    mutating func ground(_ area: Rect, _ ground: Role) {
        for y in max(0, area.y)..<max(max(0, area.y), min(self.rows, area.maxY)) {
            for x in max(0, area.x)..<max(max(0, area.x), min(self.columns, area.maxX))
            where self.cells[y * self.columns + x].role != .escape {
                self.cells[y * self.columns + x].ground = ground
            }
        }
    }

    /// Gives what has one role in an area another one.
    mutating func recolour(_ area: Rect, from role: Role, to other: Role) {
        for y in max(0, area.y)..<max(max(0, area.y), min(self.rows, area.maxY)) {
            for x in max(0, area.x)..<max(max(0, area.x), min(self.columns, area.maxX))
            where self.cells[y * self.columns + x].role == role {
                self.cells[y * self.columns + x].role = other
            }
        }
    }

    /// Shows an area as what is no longer so.
    mutating func dim(_ area: Rect) {
        for y in max(0, area.y)..<max(max(0, area.y), min(self.rows, area.maxY)) {
            for x in max(0, area.x)..<max(max(0, area.x), min(self.columns, area.maxX)) {
                self.cells[y * self.columns + x].role = .muted
            }
        }
    }

    /// The text of a row, trailing blanks cut.
    public func line(_ y: Int) -> String {
        var text = self.cells[y * self.columns..<(y + 1) * self.columns].reduce(into: "") { $0 += $1.text }
        while text.last == " " { text.removeLast() }
        return text
    }
    /// All rows as text, one line each.
    public var text: String { (0..<self.rows).map(self.line).joined(separator: "\n") + "\n" }
}

public struct Point: Hashable, Sendable {
    public var x: Int
    public var y: Int
    public init(x: Int, y: Int) {
        self.x = x
        self.y = y
    }
}

public struct Rect: Hashable, Sendable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int
    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = max(0, width)
        self.height = max(0, height)
    }
    public var maxX: Int { self.x + self.width }
    public var maxY: Int { self.y + self.height }
    func contains(_ point: Point) -> Bool {
        (self.x..<self.maxX).contains(point.x) && (self.y..<self.maxY).contains(point.y)
    }
    func inset(_ columns: Int, _ rows: Int) -> Rect {
        Rect(x: self.x + columns, y: self.y + rows, width: self.width - 2 * columns, height: self.height - 2 * rows)
    }
    func row(_ index: Int) -> Rect { Rect(x: self.x, y: self.y + index, width: self.width, height: 1) }
    func top(_ rows: Int) -> Rect { Rect(x: self.x, y: self.y, width: self.width, height: min(rows, self.height)) }
    func below(_ rows: Int) -> Rect {
        Rect(x: self.x, y: self.y + rows, width: self.width, height: self.height - rows)
    }
    func bottom(_ rows: Int) -> Rect { self.below(self.height - min(rows, self.height)) }
    func right(_ columns: Int) -> Rect {
        let width = min(columns, self.width)
        return Rect(x: self.maxX - width, y: self.y, width: width, height: self.height)
    }
}
