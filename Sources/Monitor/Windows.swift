public import Mail

/// Which rows of an ordered list are wanted.
public struct WindowRequest<ID: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    public enum Anchor: Hashable, Sendable, Codable {
        /// From this row number (0 is the first) on; past the end gives the last `count` rows.
        case row(Int)
        /// So that `id` is `offset` rows below the window's first row; when it is gone, as `row(fallback)`.
        case item(ID, offset: Int, fallback: Int)
        case last
    }
    public var anchor: Anchor
    public var count: Int
    public init(_ anchor: Anchor, count: Int) {
        self.anchor = anchor
        self.count = count
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
    public init(rows: [Row], first: Int, matched: Int, total: Int, at: Timestamp) {
        self.rows = rows
        self.first = first
        self.matched = matched
        self.total = total
        self.at = at
    }
}

public struct QueueQuery: Hashable, Sendable, Codable {
    public enum SortKey: String, Hashable, Sendable, Codable, CaseIterable {
        case age, size, tries, next, state, from, to
    }
    public var filter: Filter
    public var sort: SortKey
    public var descending: Bool
    public init(filter: Filter = Filter(), sort: SortKey = .age, descending: Bool = true) {
        self.filter = filter
        self.sort = sort
        self.descending = descending
    }
}

public struct ConnectionQuery: Hashable, Sendable, Codable {
    public enum SortKey: String, Hashable, Sendable, Codable, CaseIterable { case started, peer, phase, messages, idle }
    public var filter: Filter
    public var sort: SortKey
    public var descending: Bool
    /// Also sessions that ended and are still kept.
    public var includesEnded: Bool
    public init(
        filter: Filter = Filter(), sort: SortKey = .started, descending: Bool = false, includesEnded: Bool = false
    ) {
        self.filter = filter
        self.sort = sort
        self.descending = descending
        self.includesEnded = includesEnded
    }
}

/// Substrings that must all be found (each anywhere among a row's fields), ASCII case folded; `!word` must not be.
///
/// Fields of a queue row: queue ID, reverse-path, recipients, state, destination, last reply. Of a connection: ID, peer,
/// name, phase, queue ID.
public struct Filter: Hashable, Sendable, Codable {
    public var text: String
    public init(_ text: String = "") { self.text = text }
    public var isEmpty: Bool { self.terms.isEmpty }

    public struct Term: Hashable, Sendable {
        /// In lower case.
        public var word: String
        public var isNegated: Bool
    }
    public var terms: [Term] {
        self.text.split(separator: " ").compactMap { word in
            let negated = word.first == "!"
            let rest = negated ? word.dropFirst() : word
            return rest.isEmpty ? nil : Term(word: rest.lowercased(), isNegated: negated)
        }
    }
}
