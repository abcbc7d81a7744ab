import Mail

/// A window on several sorted lists as if they were one; a value, like the session machines: it says which rows of which
/// lists it wants, is told them, and waits for nothing.
///
/// It looks for the cut in front of the window and walks on from there, row by row, always on the list whose next row
/// stands first. Near the beginning, the end, or a cut that is known from the last window, one round of questions does;
/// elsewhere ``CutSearch`` finds the cut. Each list's rows keep the order that its node gave them, and rows that moved
/// between two answers are set right as far as they are at hand.
struct JoinedWindow<Query: JoinableQuery> {
    typealias Request = WindowRequest<Query.Ref>
    typealias Row = Query.Row

    /// What the windows that come next can begin at: the cuts in front of and behind this one.
    struct Hints: Sendable {
        var before: [Int] = []
        var behind: [Int] = []
    }
    /// A node gives no more rows at once.
    private static var mostRows: Int { 1000 }
    /// Rows beyond those that are expected to be needed, since lists change.
    private static var slack: Int { 4 }
    /// So many rounds of questions without a row at most; of lists that change all the time it shows what is known by
    /// then.
    private static var mostRounds: Int { 400 }

    private enum Stage {
        /// Nothing is known yet.
        case opening
        case searching(CutSearch<Query>)
        /// Going to the window's first row.
        case walking
        case collecting
        case done
    }
    private let query: Query
    private let request: Request
    private let count: Int
    /// The lists one of which may have the item that the window is anchored on; of nodes that share a queue it may be any.
    private let owners: [Int]
    private let hints: Hints
    private var stage = Stage.opening
    private var windows: [Window<Row>?]
    private var isAbsent: [Bool]
    /// The cut where the walk is.
    private var cut: [Int]
    /// The number of the window's first row.
    private var first = 0
    /// So many rows stand in front of the item that the window is anchored on; `nil`: it is anchored on a row's number.
    private var offset: Int?
    private var before: [Int] = []
    private var rows: [Row] = []
    private(set) var rounds = 0
    private var roundsLeft = Self.mostRounds

    /// - Parameters:
    ///   - isAbsent: lists of which nothing can be had.
    init(_ query: Query, _ request: Request, isAbsent: [Bool], owners: [Int] = [], hints: Hints = Hints()) {
        self.query = query
        self.request = request
        self.count = min(max(request.count, 0), Int.max / 8)
        self.owners = owners.filter { !isAbsent[$0] }
        self.hints = hints
        self.windows = isAbsent.map { _ in nil }
        self.isAbsent = isAbsent
        self.cut = isAbsent.map { _ in 0 }
    }

    // MARK: what is known

    private var lists: [Int] { self.isAbsent.indices.filter { !self.isAbsent[$0] } }
    private func matched(_ list: Int) -> Int { self.windows[list]?.matched ?? 0 }
    private var matched: Int { self.lists.reduce(0) { $0 + self.matched($1) } }
    private func row(_ number: Int, of list: Int) -> Row? {
        guard let window = self.windows[list], window.rows.indices.contains(number - window.first) else { return nil }
        return window.rows[number - window.first]
    }
    private func sum(_ cut: [Int]) -> Int { self.lists.reduce(0) { $0 + cut[$1] } }

    /// What was asked for; `nil`: rows are still wanted.
    var result: (window: Window<Row>, hints: Hints)? {
        guard case .done = self.stage else { return nil }
        let windows = self.lists.compactMap { self.windows[$0] }
        // Lists that changed meanwhile may have fewer rows by now than are shown.
        let matched = max(self.matched, self.first + self.rows.count)
        let window = Window(
            rows: self.rows, first: self.first, matched: matched,
            total: max(matched, windows.reduce(0) { $0 + $1.total }),
            at: windows.map(\.at).max() ?? Timestamp(milliseconds: 0))
        return (window, Hints(before: self.before, behind: self.cut))
    }

    // MARK: what is asked

    /// The next questions, by list; none when it is done.
    var wanted: [Int: Request] {
        switch self.stage {
        case .opening: return self.opening()
        case .searching(let search): return search.wanted.mapValues { Request(.row(number: $0), count: 1) }
        case .walking, .collecting:
            let missing = self.missing
            return missing.reduce(into: [:]) { $0[$1] = self.around(self.cut, $1) }
        case .done: return [:]
        }
    }

    private func opening() -> [Int: Request] {
        var wanted: [Int: Request] = [:]
        for list in self.lists {
            switch self.request.anchor {
            case .last: wanted[list] = Request(.last, count: self.bounded(self.count + Self.slack))
            case .row(let number):
                let start = self.start(max(number, 0))
                wanted[list] = start.map { self.around($0, list, to: max(number, 0)) } ?? Self.look
            case .item(let id, let offset, _) where self.owners.contains(list):
                wanted[list] = Request(
                    .item(id: id, offset: min(max(offset, 0), Self.mostRows / 2) + Self.slack, fallback: 0),
                    count: self.bounded(self.count + 2 * Self.slack))
            case .item:
                wanted[list] = self.hints.before.isEmpty ? Self.look : self.around(self.hints.before, list)
            }
        }
        return wanted
    }

    /// Tells how many rows there are.
    private static var look: Request { Request(.row(number: 0), count: 1) }
    private func bounded(_ count: Int) -> Int { min(count, Self.mostRows) }

    /// The rows of a list that a walk from the cut to the window and through it can need.
    private func around(_ cut: [Int], _ list: Int, to first: Int? = nil) -> Request {
        let steps = first.map { $0 - self.sum(cut) } ?? self.stepsLeft
        let start = max(0, cut[list] - min(max(-steps, 0), Self.mostRows / 2) - Self.slack)
        let end = cut[list] + max(steps, 0) + self.count - self.rows.count + Self.slack
        return Request(.row(number: start), count: self.bounded(end - start))
    }
    private var stepsLeft: Int { if case .walking = self.stage { self.first - self.sum(self.cut) } else { 0 } }

    /// A cut that is near to a row; `nil`: none is.
    private func start(_ row: Int) -> [Int]? {
        var cuts = [self.isAbsent.map { _ in 0 }]
        cuts += [self.hints.before, self.hints.behind].filter { $0.count == self.isAbsent.count }
        if self.windows.contains(where: { $0 != nil }) { cuts.append(self.windows.indices.map(self.matched)) }
        let nearest = cuts.min { abs(row - self.sum($0)) < abs(row - self.sum($1)) }
        return nearest.flatMap { abs(row - self.sum($0)) <= min(max(64, self.count), Self.mostRows) ? $0 : nil }
    }

    // MARK: what is answered

    /// The answers to all that is ``wanted``; a list without one is absent from now on.
    mutating func take(_ answers: [Int: Window<Row>]) {
        self.rounds += 1
        let failed = self.wanted.keys.filter { answers[$0] == nil }
        for (list, window) in answers { self.windows[list] = window }
        guard failed.isEmpty else {
            for list in failed { self.isAbsent[list] = true }
            return self.begin()
        }
        switch self.stage {
        case .opening: self.opened()
        case .searching(var search):
            for (list, window) in answers { search.learn(window, of: list) }
            search.narrow()
            self.searched(search)
        case .walking, .collecting: break
        case .done: return
        }
        self.roundsLeft -= 1
        self.advance()
        if self.roundsLeft <= 0 { self.giveUp() }
    }

    /// Without what failed.
    private mutating func begin() {
        self.stage = .opening
        self.offset = nil
        self.cut = self.isAbsent.map { _ in 0 }
        self.rows = []
        self.windows = self.windows.indices.map { self.isAbsent[$0] ? nil : self.windows[$0] }
        if self.lists.isEmpty { self.stage = .done }
    }

    /// Which list has an item, and its number there.
    private func item(_ id: Query.Ref) -> (list: Int, number: Int, row: Row)? {
        for list in self.owners {
            guard let window = self.windows[list],
                let place = window.rows.firstIndex(where: { Query.isSame(Query.ref(of: $0), id) })
            else { continue }
            return (list, window.first + place, window.rows[place])
        }
        return nil
    }

    /// How many rows there are is known, and perhaps those that are wanted.
    private mutating func opened() {
        let last = max(self.matched - self.count, 0)
        var number = last
        switch self.request.anchor {
        case .last: break
        case .row(let row): number = row
        case .item(let id, let offset, let fallback):
            number = fallback
            guard let (owner, number, row) = self.item(id) else { break }
            var search = CutSearch(self.query, .before(row), counts: self.windows.indices.map(self.matched))
            for list in self.lists where list != owner {
                if let window = self.windows[list] { search.learn(window, of: list) }
            }
            search.close(owner, at: number)
            self.offset = offset
            return self.searched(search)
        }
        self.first = min(max(number, 0), last)
        if let start = self.start(self.first) { return self.walk(from: start) }
        self.searched(
            CutSearch(self.query, .rows(self.first), counts: self.windows.indices.map(self.matched)))
    }

    private mutating func searched(_ search: CutSearch<Query>) {
        guard let cut = search.cut else {
            self.stage = .searching(search)
            return
        }
        if let offset = self.offset {
            self.first = min(max(self.sum(cut) - offset, 0), max(self.matched - self.count, 0))
        }
        self.walk(from: cut)
    }

    private mutating func walk(from cut: [Int]) {
        self.cut = cut
        self.stage = .walking
    }

    // MARK: walking

    /// Lists whose rows at the cut are not at hand; those before it are needed on the way only.
    private var missing: [Int] {
        self.lists.filter { list in
            let (row, count) = (self.cut[list], self.matched(list))
            if row < count, self.row(row, of: list) == nil, !self.isFull { return true }
            guard case .walking = self.stage, row > 0, row <= count else { return false }
            return self.row(row - 1, of: list) == nil
        }
    }
    private var isFull: Bool { if case .collecting = self.stage { self.rows.count >= self.count } else { false } }

    private mutating func advance() {
        while true {
            self.cut = self.cut.indices.map { min(self.cut[$0], self.matched($0)) }
            switch self.stage {
            case .opening, .searching, .done: return
            case .walking:
                guard self.missing.isEmpty else { return }
                if !self.step() {
                    self.before = self.cut
                    self.first = self.sum(self.cut)
                    self.stage = .collecting
                }
            case .collecting:
                guard self.missing.isEmpty else { return }
                guard !self.isFull, let next = self.next, let row = self.row(self.cut[next], of: next) else {
                    self.stage = .done
                    return
                }
                self.rows.append(row)
                self.roundsLeft = Self.mostRounds
                self.cut[next] += 1
            }
        }
    }

    /// Sets right what stands on the wrong side of the cut, or goes a row towards the window.
    ///
    /// - Returns: false where neither is left to be done.
    private mutating func step() -> Bool {
        let (last, next) = (self.last, self.next)
        if let last, let next, last != next, let left = self.row(self.cut[last] - 1, of: last),
            let right = self.row(self.cut[next], of: next), self.query.isBefore(right, left)
        {
            self.cut[last] -= 1
            self.cut[next] += 1
            return true
        }
        let steps = self.stepsLeft
        if steps > 0, let next {
            self.cut[next] += 1
        } else if steps < 0, let last {
            self.cut[last] -= 1
        } else {
            return false
        }
        return true
    }

    /// The list whose row in front of the cut stands last; `nil`: there is none.
    private var last: Int? {
        self.lists.lazy.compactMap { list in self.row(self.cut[list] - 1, of: list).map { (list, $0) } }
            .max { self.query.isBefore($0.1, $1.1) }?.0
    }
    /// The list whose row behind the cut stands first; `nil`: there is none.
    private var next: Int? {
        self.lists.lazy.compactMap { list in self.row(self.cut[list], of: list).map { (list, $0) } }
            .min { self.query.isBefore($0.1, $1.1) }?.0
    }

    /// Shows what is at hand.
    private mutating func giveUp() {
        if case .searching = self.stage { self.stage = .walking }
        self.before = self.before.isEmpty ? self.cut : self.before
        self.first = self.sum(self.before)
        if case .walking = self.stage { self.stage = .collecting }
        while !self.isFull, let next = self.next, let row = self.row(self.cut[next], of: next) {
            self.rows.append(row)
            self.cut[next] += 1
        }
        self.stage = .done
    }
}
