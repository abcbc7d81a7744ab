/// Looks for a *cut*: a row number in each of several sorted lists, such that the rows before it, of all lists, stand
/// before all rows behind it.
///
/// Each round looks at one row in the middle of what is open of each list. A cut in front of a given row takes as many
/// rounds as the longest list can be halved. One behind so many rows closes half of what is open of at least one list a
/// round (after Frederickson and Johnson), and most often of all. Lists that change meanwhile, so that their rows
/// contradict each other, lead to a cut a little off, and never to more rounds.
struct CutSearch<Query: JoinableQuery> {
    enum Aim {
        /// So many rows of all lists before the cut.
        case rows(Int)
        /// Exactly the rows before the cut that stand before this one.
        case before(Query.Row)
    }
    private let query: Query
    private let aim: Aim
    /// The cut lies from `lower` to `upper`.
    private var lower: [Int]
    private var upper: [Int]
    /// What stands in the middle of what is open.
    private var middles: [Query.Row?]

    /// - Parameter counts: the rows of each list.
    init(_ query: Query, _ aim: Aim, counts: [Int]) {
        self.query = query
        self.aim = aim
        self.lower = counts.map { _ in 0 }
        self.upper = counts
        self.middles = counts.map { _ in nil }
        self.narrow()
    }

    /// What was found; `nil`: rows have to be looked at first.
    var cut: [Int]? { self.lower == self.upper ? self.lower : nil }

    /// The numbers of the rows that are to be looked at, by list.
    var wanted: [Int: Int] {
        self.open.reduce(into: [:]) { $0[$1] = self.middles[$1] == nil ? self.middle($1) : nil }
    }
    private var open: [Int] { self.lower.indices.filter { self.lower[$0] < self.upper[$0] } }
    private func middle(_ list: Int) -> Int { (self.lower[list] + self.upper[list]) / 2 }

    /// Where the cut lies in one list is known.
    mutating func close(_ list: Int, at row: Int) {
        self.lower[list] = row
        self.upper[list] = row
    }

    /// Some rows of a list; call ``narrow()`` when all are there.
    mutating func learn(_ window: Window<Query.Row>, of list: Int) {
        self.upper[list] = min(self.upper[list], window.matched)
        self.lower[list] = min(self.lower[list], self.upper[list])
        switch self.aim {
        case .before(let row):
            for (place, other) in window.rows.enumerated() {
                if self.query.isBefore(other, row) {
                    self.lower[list] = min(max(self.lower[list], window.first + place + 1), self.upper[list])
                } else {
                    self.upper[list] = max(min(self.upper[list], window.first + place), self.lower[list])
                }
            }
        case .rows:
            let place = self.middle(list) - window.first
            self.middles[list] = window.rows.indices.contains(place) ? window.rows[place] : nil
        }
    }

    /// Draws the conclusions from what was looked at.
    mutating func narrow() {
        guard case .rows(let count) = self.aim else { return }
        let open = self.open
        let wanted = count - self.lower.reduce(0, +)
        if wanted <= 0 {
            self.upper = self.lower
        } else if wanted >= open.reduce(0, { $0 + self.upper[$1] - self.lower[$1] }) {
            self.lower = self.upper
        } else {
            self.narrow(to: wanted, of: open)
        }
    }

    private struct Middle {
        var list: Int
        var row: Int
        var value: Query.Row
    }

    /// - Parameter wanted: so many of the rows that are open are before the cut.
    private mutating func narrow(to wanted: Int, of open: [Int]) {
        let middles = open.compactMap { list in
            self.middles[list].map { Middle(list: list, row: self.middle(list), value: $0) }
        }
        guard middles.count == open.count else { return }
        var (lower, upper) = (self.lower, self.upper)
        for pivot in middles {
            // At least so many rows stand before the pivot or are it, and at most so many stand before it.
            var (least, most) = (0, 0)
            for middle in middles {
                let isAfter = self.query.isBefore(pivot.value, middle.value)
                let isBefore = self.query.isBefore(middle.value, pivot.value)
                if !isAfter { least += middle.row + 1 - self.lower[middle.list] }
                most += (isBefore ? self.upper[middle.list] : middle.row) - self.lower[middle.list]
            }
            for middle in middles {
                if least > wanted, !self.query.isBefore(middle.value, pivot.value) {
                    upper[middle.list] = min(upper[middle.list], middle.row)
                }
                if most < wanted, !self.query.isBefore(pivot.value, middle.value) {
                    lower[middle.list] = max(lower[middle.list], middle.row + 1)
                }
            }
        }
        for list in open {
            let before = self.middle(list)
            self.lower[list] = min(lower[list], upper[list])
            self.upper[list] = upper[list]
            if self.middle(list) != before { self.middles[list] = nil }
        }
        self.narrow()
    }
}
