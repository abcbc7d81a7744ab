import Monitor

/// A row that a list can find again when others come and go.
protocol ListedRow: Hashable, Sendable, Codable {
    associatedtype Ref: Hashable & Sendable & Codable
    var ref: Ref { get }
    /// The same for as long as it is the same thing; a message's generation is no part of it.
    static func identity(of ref: Ref) -> String
    /// The node that it is of.
    var node: String { get }
    /// The node that has it now.
    var holder: String? { get }
}

extension ListedRow {
    var identity: String { Self.identity(of: self.ref) }
    var holder: String? { nil }
    var place: String { self.holder ?? self.node }
}

extension QueueRow: ListedRow {
    static func identity(of ref: MessageRef) -> String { ref.node + "/" + ref.id }
    var node: String { self.ref.node }
}

extension ConnectionRow: ListedRow {
    static func identity(of ref: SessionRef) -> String { ref.node + "/" + ref.id }
    var node: String { self.ref.node }
}

/// A window on a long list, with a cursor that stays on its item when rows move.
struct ListState<Row: ListedRow> {
    private(set) var rows: [Row] = []
    /// The number of `rows[0]` among all that match.
    private(set) var first = 0
    private(set) var matched = 0
    private(set) var total = 0
    /// Nodes whose rows are missing.
    private(set) var absent: [AbsentNode] = []
    private(set) var isLoaded = false
    /// What is shown is all that was found, and no more is looked for.
    private(set) var isWhole = false
    /// So many rows came since these were read, which are not shown.
    private(set) var arrived = 0
    /// The cursor's row number, and the row shown at the top.
    private(set) var cursor = 0
    private(set) var top = 0
    /// What the cursor is on; `nil` while a row is still on its way.
    private(set) var selected: Row?
    /// What the cursor was sent to, while that is still on its way.
    private var wanted: Row.Ref?
    /// Identities of rows that stayed in their place although the list has them there no longer.
    private(set) var departed: Set<String> = []
    /// Rows that fit on the screen.
    var height = 1 { didSet { self.scroll() } }
    /// The operator has not moved yet, so the first row stays chosen whatever it is.
    private(set) var isUntouched = true

    func row(_ number: Int) -> Row? {
        self.rows.indices.contains(number - self.first) ? self.rows[number - self.first] : nil
    }

    /// - Returns: `nil` where not all of them are at hand.
    func rows(_ numbers: ClosedRange<Int>) -> [Row]? {
        let places = numbers.lowerBound - self.first...numbers.upperBound - self.first
        guard places.lowerBound >= 0, places.upperBound < self.rows.count else { return nil }
        return Array(self.rows[places])
    }

    /// Row numbers on the screen.
    var shown: Range<Int> { self.top..<max(self.top, min(self.matched, self.top + self.height)) }

    mutating func move(by rows: Int) { self.move(to: self.cursor + rows) }

    /// - Parameter ref: what is there, where that is known.
    mutating func move(to row: Int, ref: Row.Ref? = nil) {
        self.isUntouched = false
        self.cursor = max(0, min(row, self.matched - 1))
        self.selected = self.row(self.cursor)
        self.wanted = ref
        self.scroll()
    }

    private mutating func scroll() {
        let height = max(1, self.height)
        if self.cursor < self.top { self.top = self.cursor }
        if self.cursor >= self.top + height { self.top = self.cursor - height + 1 }
        self.top = max(0, min(self.top, self.matched - height))
    }

    /// What the cursor stays on when rows move; `nil`: its row number.
    var anchor: Row.Ref? { self.isUntouched ? nil : self.wanted ?? self.selected?.ref }

    /// What to ask for: three screens around the one shown, anchored on the item so that it is found when it moved.
    var request: WindowRequest<Row.Ref> {
        let count = max(30, self.height * 3)
        let start = max(0, self.top - self.height)
        if let anchor = self.anchor {
            return WindowRequest(.item(id: anchor, offset: self.cursor - start, fallback: start), count: count)
        }
        return WindowRequest(.row(number: start), count: count)
    }

    /// Rows on the screen that have not arrived.
    var isShort: Bool {
        guard self.isLoaded else { return true }
        let last = min(self.matched, self.top + self.height)
        return self.top < self.first || last > self.first + self.rows.count
    }

    mutating func show(_ window: Window<Row>) {
        let onScreen = self.cursor - self.top
        self.rows = window.rows
        self.first = window.first
        self.matched = window.matched
        self.total = window.total
        self.absent = window.absent ?? []
        self.isLoaded = true
        self.isWhole = window.isPart != true
        self.arrived = 0
        self.departed = []
        if let anchor = self.anchor.map(Row.identity(of:)),
            let index = window.rows.firstIndex(where: { $0.identity == anchor })
        {
            self.cursor = window.first + index
            self.top = self.cursor - onScreen
        }
        self.wanted = nil
        self.cursor = max(0, min(self.cursor, self.matched - 1))
        self.selected = self.row(self.cursor)
        self.scroll()
    }

    /// New values for the rows at hand. None comes or moves; what left its place is told in ``departed``.
    mutating func update(_ window: Window<Row>) {
        let fresh = Dictionary(window.rows.map { ($0.identity, $0) }, uniquingKeysWith: { $1 })
        let places = self.rows.indices.filter { fresh[self.rows[$0].identity] != nil }
        // Beyond the window's own ends a row may be as it was, only further away.
        let start = window.first == 0 ? 0 : places.first ?? self.rows.endIndex
        let end = window.first + window.rows.count >= window.matched ? self.rows.endIndex : (places.last ?? -1) + 1
        self.departed = []
        self.count(arrived: window.matched - self.matched)
        self.absent = window.absent ?? []
        let away = Set(self.absent.map(\.node))
        for index in self.rows.indices where !away.contains(self.rows[index].node) {
            let identity = self.rows[index].identity
            if let row = fresh[identity] {
                self.rows[index] = row
            } else if index >= start, index < end {
                self.departed.insert(identity)
            }
        }
        self.selected = self.row(self.cursor)
    }

    /// Rows stand still, and so many came meanwhile.
    mutating func count(arrived rows: Int) { self.arrived = max(0, rows) }

    /// The cursor stays on the first row, whatever comes there.
    mutating func follow() {
        self.cursor = 0
        self.top = 0
        self.isUntouched = true
        self.selected = self.row(0)
        self.wanted = nil
    }
    /// The cursor stays on what it is on.
    mutating func stay() { self.isUntouched = false }

    /// A newer value of one row, which stays where it is.
    mutating func replace(_ row: Row) {
        let identity = row.identity
        guard let index = self.rows.firstIndex(where: { $0.identity == identity }) else { return }
        self.rows[index] = row
        self.departed.remove(identity)
        self.selected = self.row(self.cursor)
    }

    /// A new question, of whose answer nothing is known yet.
    mutating func ask() {
        self.isLoaded = false
        self.isWhole = false
        self.arrived = 0
        self.follow()
        self.selected = nil
        self.departed = []
    }
}
