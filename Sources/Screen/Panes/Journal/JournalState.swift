import Monitor

/// A window on a list whose length nobody knows: pages of it side by side, newest first, with a cursor that stays on its
/// entry.
struct JournalState {
    /// Where the cursor was sent, which is not at hand.
    enum Jump { case first, last }

    static let pageRows = 200
    /// Pages beyond so many rows are forgotten, and read again.
    private static let rowsKept = 4000

    private var pages: [JournalWindow] = []
    /// Those of all pages.
    private(set) var rows: [JournalEntry] = []
    /// Nothing was in front of the first row when it was read, or behind the last.
    private(set) var isAtFront = false
    private(set) var isAtEnd = false
    /// What came since in front of the first row; where there may be more than so many, that is said.
    private(set) var newer: (count: Int, isMore: Bool) = (0, false)
    private(set) var total = 0
    private(set) var absent: [AbsentNode] = []
    private(set) var cursor = 0
    private(set) var top = 0
    /// The newest entry is chosen, whatever it is.
    private(set) var follows = true
    private(set) var jump: Jump?
    /// Rows that fit on the screen.
    var height = 1 { didSet { self.scroll() } }

    var isLoaded: Bool { !self.pages.isEmpty }
    var selected: JournalEntry? { self.rows.indices.contains(self.cursor) ? self.rows[self.cursor] : nil }
    var shown: Range<Int> { self.top..<max(self.top, min(self.rows.count, self.top + self.height)) }
    /// The place in front of the first row, and the one behind the last that was looked at.
    var start: String? { self.pages.first?.start }
    var end: String? { self.pages.last?.end }

    /// How far back a search has come that goes on.
    var reached: JournalWindow? { self.isAtEnd ? nil : self.pages.last }

    /// Rows behind those at hand are wanted, or in front of them.
    var wantsOlder: Bool { self.isLoaded && !self.isAtEnd && self.top + 2 * self.height >= self.rows.count }
    var wantsNewer: Bool { self.isLoaded && !self.isAtFront && self.top < self.height }

    // MARK: the cursor

    mutating func move(_ motion: Motion) {
        self.jump = nil
        switch motion {
        case .first where !self.isAtFront || self.newer.count > 0: self.jump = .first
        case .last where !self.isAtEnd: self.jump = .last
        // Whoever goes up from the first row wants what came since.
        case .by(..<0) where self.cursor == 0 && self.newer.count > 0: self.jump = .first
        default:
            let before = self.cursor
            self.cursor = motion.target(from: self.cursor, count: self.rows.count, height: self.height)
            if self.cursor != before { self.follows = false }
            if case .first = motion { self.follows = true }
            self.scroll()
        }
    }

    mutating func move(to row: Int) {
        self.follows = false
        self.cursor = max(0, min(row, self.rows.count - 1))
        self.scroll()
    }

    /// The cursor stays where it is from now on, or goes to what is newest.
    mutating func follow() {
        if self.follows { self.follows = false } else { self.restart() }
    }

    /// The list is wanted from its beginning.
    mutating func restart() { self.jump = .first }

    private mutating func scroll() {
        let height = max(1, self.height)
        if self.cursor < self.top { self.top = self.cursor }
        if self.cursor >= self.top + height { self.top = self.cursor - height + 1 }
        self.top = max(0, min(self.top, self.rows.count - height))
    }

    // MARK: what arrives

    /// The beginning of the list.
    mutating func showFirst(_ window: JournalWindow) {
        self.replace(with: window, isAtFront: true, isAtEnd: window.isComplete)
        self.follows = true
    }

    /// The end of the list, read in the other order.
    mutating func showLast(_ window: JournalWindow) {
        self.replace(with: window.reversed, isAtFront: window.isComplete, isAtEnd: true)
        self.move(to: self.rows.count - 1)
    }

    /// A page with what a search found.
    mutating func show(_ window: JournalWindow, isOlder: Bool) {
        if isOlder {
            self.replace(with: window.reversed, isAtFront: window.isComplete, isAtEnd: false)
            self.move(to: self.rows.count - 1)
        } else {
            self.replace(with: window, isAtFront: false, isAtEnd: window.isComplete)
            self.move(to: 0)
        }
    }

    private mutating func replace(with page: JournalWindow, isAtFront: Bool, isAtEnd: Bool) {
        self.pages = [page]
        self.rows = page.rows
        self.isAtFront = isAtFront
        self.isAtEnd = isAtEnd
        self.newer = (0, false)
        self.cursor = 0
        self.top = 0
        self.jump = nil
        self.learn(page)
    }

    /// What stands behind the last row.
    mutating func append(_ window: JournalWindow) {
        guard var last = self.pages.last else { return }
        self.isAtEnd = window.isComplete
        if window.rows.isEmpty {
            last.end = window.end
            last.reached = window.reached ?? last.reached
            self.pages[self.pages.count - 1] = last
        } else {
            self.pages.append(window)
            self.rows += window.rows
        }
        while let gone = self.pages.first?.rows.count, self.rows.count - gone >= Self.rowsKept {
            self.pages.removeFirst()
            self.rows.removeFirst(gone)
            self.cursor -= gone
            self.top -= gone
            self.isAtFront = false
            self.newer = (0, false)
        }
        self.learn(window)
    }

    /// What stands in front of the first row, read in the other order. The cursor goes along with its entry, or to the
    /// newest where it follows.
    mutating func prepend(_ window: JournalWindow) {
        guard !self.pages.isEmpty else { return }
        let page = window.reversed
        self.isAtFront = window.isComplete
        self.newer = (0, false)
        if page.rows.isEmpty {
            self.pages[0].start = page.start
        } else {
            self.pages.insert(page, at: 0)
            self.rows.insert(contentsOf: page.rows, at: 0)
            if !self.follows {
                self.cursor += page.rows.count
                self.top += page.rows.count
            }
        }
        while let gone = self.pages.last?.rows.count, self.rows.count - gone >= Self.rowsKept {
            self.pages.removeLast()
            self.rows.removeLast(gone)
            self.isAtEnd = false
        }
        self.learn(window)
        self.scroll()
    }

    /// What came since stays in front of the first row, and is counted.
    mutating func count(_ window: JournalWindow) {
        if window.rows.isEmpty, !self.pages.isEmpty { self.pages[0].start = window.end }
        self.newer = (window.rows.count, !window.isComplete)
        self.learn(window)
    }

    private mutating func learn(_ window: JournalWindow) {
        self.total = window.total
        self.absent = window.absent ?? []
    }

    /// A new question, of whose answer nothing is known yet.
    mutating func ask() {
        let height = self.height
        self = JournalState()
        self.height = height
    }
}

extension JournalWindow {
    /// The same rows in the other order: a place holds in either.
    fileprivate var reversed: JournalWindow {
        var window = self
        window.rows.reverse()
        (window.start, window.end) = (self.end, self.start)
        return window
    }
}
