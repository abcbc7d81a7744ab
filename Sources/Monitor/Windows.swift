public import Mail

/// Which rows of an ordered list are wanted.
public struct WindowRequest<ID: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    public enum Anchor: Hashable, Sendable, Codable {
        /// Rows from this number (0 is the first) on; past the end gives the last `count` rows.
        case row(number: Int)
        /// Rows such that `id` is `offset` rows below the window's first row; when it is gone, as `row(number: fallback)`.
        case item(id: ID, offset: Int, fallback: Int)
        case last
    }
    public var anchor: Anchor
    public var count: Int
    /// True: where it takes a while to find all rows, those found so far are welcome, see ``Window/isPart``; `nil`: only all.
    public var takesPart: Bool?
    public init(_ anchor: Anchor, count: Int, takesPart: Bool? = nil) {
        self.anchor = anchor
        self.count = count
        self.takesPart = takesPart
    }

    /// The numbers of the rows to show.
    ///
    /// - Parameters:
    ///   - all: so many rows match.
    ///   - position: the row number of an item; `nil` when it does not match any more.
    public func rows(of all: Int, position: (ID) -> Int?) -> Range<Int> {
        let count = max(self.count, 0)
        let last = max(all - count, 0)
        let wanted =
            switch self.anchor {
            case .row(let row): row
            case .last: last
            case .item(let id, let offset, let fallback): position(id).map { $0 - offset } ?? fallback
            }
        let first = min(max(wanted, 0), last)
        return first..<min(first + count, all)
    }
}

public struct Window<Row: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    public var rows: [Row]
    /// The number of `rows[0]` among all that match.
    public var first: Int
    /// Rows that match the query.
    public var matched: Int
    /// Rows there are without the query.
    public var total: Int
    public var at: Timestamp
    /// Nodes whose rows are missing here and in the counts; `nil`: none.
    public var absent: [AbsentNode]?
    /// True: there may be more rows that match, also before and between these, which were not found yet; `nil`: these are all.
    public var isPart: Bool?
    public init(
        rows: [Row], first: Int, matched: Int, total: Int, at: Timestamp, absent: [AbsentNode]? = nil,
        isPart: Bool? = nil
    ) {
        self.rows = rows
        self.first = first
        self.matched = matched
        self.total = total
        self.at = at
        self.absent = absent
        self.isPart = isPart
    }
}

public struct QueueQuery: Hashable, Sendable, Codable {
    public enum SortKey: String, Hashable, Sendable, Codable, CaseIterable {
        case age, size, tries, next, state, from, to
    }
    public var filter: FilterExpression
    public var sort: SortKey
    public var descending: Bool
    public init(filter: FilterExpression = .all, sort: SortKey = .age, descending: Bool = true) {
        self.filter = filter
        self.sort = sort
        self.descending = descending
    }
}

public struct ConnectionQuery: Hashable, Sendable, Codable {
    public enum SortKey: String, Hashable, Sendable, Codable, CaseIterable { case started, peer, phase, messages, idle }
    public var filter: FilterExpression
    public var sort: SortKey
    public var descending: Bool
    /// Also sessions that ended and are still kept.
    public var includesEnded: Bool
    public init(
        filter: FilterExpression = .all, sort: SortKey = .started, descending: Bool = false, includesEnded: Bool = false
    ) {
        self.filter = filter
        self.sort = sort
        self.descending = descending
        self.includesEnded = includesEnded
    }
}

/// The row that is searched for, in the order of a query.
public struct SearchRequest: Hashable, Sendable, Codable {
    public var wanted: FilterExpression
    /// The row that is looked at first, from 0; the search goes round at the end.
    public var start: Int
    public var isForward: Bool
    public init(_ wanted: FilterExpression, from start: Int, isForward: Bool = true) {
        self.wanted = wanted
        self.start = start
        self.isForward = isForward
    }

    /// The numbers of all rows in the order of the search.
    ///
    /// - Parameter count: how many rows there are.
    public func rows(of count: Int) -> some Sequence<Int> {
        let first = count == 0 ? 0 : ((self.start % count) + count) % count
        return (0..<count).lazy.map { step in
            self.isForward ? (first + step) % count : (first - step + count) % count
        }
    }
}

/// A row that a search found.
public struct SearchHit<ID: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    public var id: ID
    /// Its number in the order of the query, from 0.
    public var row: Int
    public init(_ id: ID, row: Int) {
        self.id = id
        self.row = row
    }
}
