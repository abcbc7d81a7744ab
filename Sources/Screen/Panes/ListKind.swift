import Mail
import Monitor

/// How a list is asked for: filtered, in some order.
protocol ListQuery: Hashable, Sendable {
    associatedtype SortKey: RawRepresentable<String> & CaseIterable & Equatable
    var filter: FilterExpression { get set }
    var sort: SortKey { get set }
    var descending: Bool { get set }
    init()
}
extension QueueQuery: ListQuery { init() { self.init(filter: .all) } }
extension ConnectionQuery: ListQuery { init() { self.init(filter: .all) } }
extension DestinationQuery: ListQuery { init() { self.init(filter: .all) } }

/// What makes one list differ from another: its rows, its columns, and what its feed is asked.
protocol ListKind: SendableMetatype {
    associatedtype Row: ListedRow
    associatedtype Query: ListQuery
    static var columns: [Column<Row>] { get }
    /// Where the column of the nodes goes, where there are several.
    static var nodePlace: Int { get }
    /// Nodes that a row may be of besides the one that is asked.
    static func nodes(_ capabilities: FeedCapabilities?) -> [String]
    /// What a filter may ask for.
    static var fields: [FilterField] { get }
    /// The order in which the newest row is the first; `nil`: rows do not come one after the other.
    static var newestFirst: (sort: Query.SortKey, descending: Bool)? { get }
    /// Everything that is known of one row.
    associatedtype Detail: Sendable
    static func window(
        _ feed: any MonitorFeed, _ query: Query, _ request: WindowRequest<Row.Ref>
    ) async throws -> Window<Row>
    static func detail(_ feed: any MonitorFeed, of ref: Row.Ref) async throws -> Detail?
    static func find(
        _ feed: any MonitorFeed, _ search: SearchRequest, _ query: Query
    ) async throws -> SearchHit<Row.Ref>?
}

extension ListKind {
    static func nodes(_ capabilities: FeedCapabilities?) -> [String] { [] }

    static func isNewestFirst(_ query: Query) -> Bool {
        self.newestFirst.map { $0.sort == query.sort && $0.descending == query.descending } ?? false
    }

    /// - Returns: false where no row is newer than another.
    static func showNewestFirst(_ query: inout Query) -> Bool {
        guard let order = self.newestFirst else { return false }
        query.sort = order.sort
        query.descending = order.descending
        return true
    }

    /// Those of a query's rows that are younger than so many milliseconds; `nil` where rows have no such age.
    static func arrivals(_ query: Query, within milliseconds: Int64) -> Query? {
        guard self.newestFirst != nil else { return nil }
        var arrivals = query
        let seconds = "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst())s"
        arrivals.filter = query.filter.narrowed(to: FilterExpression([(.age, "<", seconds)]))
        return arrivals
    }
}
