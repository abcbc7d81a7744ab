import Mail
import Monitor
import SMTP

/// A row that a list can find again when others come and go.
protocol ListedRow: Hashable, Sendable, Codable {
    associatedtype Ref: Hashable & Sendable & Codable
    var ref: Ref { get }
    /// The same for as long as it is the same thing; a message's generation is no part of it.
    var identity: String { get }
    /// All that a search looks at.
    var searchText: String { get }
}

extension QueueRow: ListedRow {
    var identity: String { self.ref.node + "/" + self.ref.id }
    var searchText: String { "\(self.ref.id) \(self.from) \(self.to) \(self.state.word) \(self.lastReply ?? "")" }
}

extension ConnectionRow: ListedRow {
    var identity: String { self.ref.node + "/" + self.ref.id }
    var searchText: String {
        "\(self.ref.id) \(self.peer) \(self.name ?? "") \(self.phase.rawValue) \(self.message ?? "")"
    }
}

/// A window on a long list, with a cursor that stays on its item when rows move.
struct ListState<Row: ListedRow> {
    private(set) var rows: [Row] = []
    /// The number of `rows[0]` among all that match.
    private(set) var first = 0
    private(set) var matched = 0
    private(set) var total = 0
    private(set) var isLoaded = false
    /// The cursor's row number, and the row shown at the top.
    private(set) var cursor = 0
    private(set) var top = 0
    /// What the cursor is on; `nil` while a row is still on its way.
    private(set) var selected: Row?
    /// Rows that fit on the screen.
    var height = 1 { didSet { self.scroll() } }
    /// The operator has not moved yet, so the first row stays chosen whatever it is.
    private(set) var isUntouched = true

    func row(_ number: Int) -> Row? {
        self.rows.indices.contains(number - self.first) ? self.rows[number - self.first] : nil
    }

    mutating func move(by rows: Int) { self.move(to: self.cursor + rows) }

    mutating func move(to row: Int) {
        self.isUntouched = false
        self.cursor = max(0, min(row, self.matched - 1))
        self.selected = self.row(self.cursor)
        self.scroll()
    }

    private mutating func scroll() {
        let height = max(1, self.height)
        if self.cursor < self.top { self.top = self.cursor }
        if self.cursor >= self.top + height { self.top = self.cursor - height + 1 }
        self.top = max(0, min(self.top, self.matched - height))
    }

    /// What to ask for: three screens around the one shown, anchored on the item so that it is found when it moved.
    var request: WindowRequest<Row.Ref> {
        let count = max(30, self.height * 3)
        let start = max(0, self.top - self.height)
        if let selected = self.selected, !self.isUntouched {
            return WindowRequest(
                .item(id: selected.ref, offset: self.cursor - start, fallback: start), count: count)
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
        self.isLoaded = true
        if let selected = self.selected, !self.isUntouched,
            let index = window.rows.firstIndex(where: { $0.identity == selected.identity })
        {
            self.cursor = window.first + index
            self.top = self.cursor - onScreen
        }
        self.cursor = max(0, min(self.cursor, self.matched - 1))
        self.selected = self.row(self.cursor)
        self.scroll()
    }

    /// New values for the rows at hand; none comes, goes or moves.
    mutating func update(_ window: Window<Row>) {
        let fresh = Dictionary(window.rows.map { ($0.identity, $0) }, uniquingKeysWith: { $1 })
        self.rows = self.rows.map { fresh[$0.identity] ?? $0 }
        self.selected = self.row(self.cursor)
    }

    /// A new question, of whose answer nothing is known yet.
    mutating func ask() {
        self.isLoaded = false
        self.top = 0
        self.cursor = 0
        self.isUntouched = true
        self.selected = nil
    }

    /// The next row after the cursor, in the direction given, that has `word`; looks among those at hand.
    func find(_ word: String, forward: Bool, from start: Int) -> Int? {
        let needle = word.lowercased()
        let numbers = self.rows.indices.map { $0 + self.first }
        let after = forward ? numbers.filter { $0 >= start } : numbers.filter { $0 <= start }.reversed()
        let wrapped = forward ? numbers.filter { $0 < start } : numbers.filter { $0 > start }.reversed()
        return (after + wrapped).first { self.row($0)?.searchText.lowercased().contains(needle) == true }
    }
}
