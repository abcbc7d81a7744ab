import Mail
public import Monitor

/// What became of mail, and what operators did: entries of the journal in a query's order, from a place on.
public struct JournalCall: ControlCall {
    public static let route = ControlRoute(
        .get, "/v1/journal", query: ["filter", "wanted", "since", "until", "order", "place", "count"])
    public var query: JournalQuery
    public var window: JournalRequest
    public init(_ query: JournalQuery, window: JournalRequest) {
        self.query = query
        self.window = window
    }

    private enum Order: String, CaseIterable { case newest, oldest }

    public init(_ arguments: CallArguments, node: String) throws(FeedError) {
        self.query = JournalQuery(
            filter: try arguments.filter(fields: FilterField.ofJournal),
            wanted: try arguments.filter("wanted", fields: FilterField.ofJournal),
            since: try arguments.moment("since"), until: try arguments.moment("until"),
            newestFirst: try arguments.word("order", default: Order.newest) == .newest)
        self.window = JournalRequest(
            behind: arguments.query["place"],
            count: try arguments.number("count", default: 100, in: 0...WindowArguments.mostRows))
    }
    public var arguments: CallArguments {
        var query = [
            "filter": self.query.filter.text, "wanted": self.query.wanted.text,
            "order": (self.query.newestFirst ? Order.newest : .oldest).rawValue, "count": "\(self.window.count)",
        ]
        query["since"] = self.query.since?.rfc3339
        query["until"] = self.query.until?.rfc3339
        query["place"] = self.window.place
        return CallArguments(query: query)
    }
    public func answer(from feed: any MonitorFeed) async throws -> JournalWindow {
        try await feed.journal(self.query, window: self.window)
    }
}

/// How the journal is doing.
public struct JournalStatusCall: ControlCall {
    public static let route = ControlRoute(.get, "/v1/journal/status")
    public init() {}
    public init(_ arguments: CallArguments, node: String) throws(FeedError) {}
    public var arguments: CallArguments { CallArguments() }
    public func answer(from feed: any MonitorFeed) async throws -> JournalStatus { try await feed.journalStatus() }
}

extension CallArguments {
    /// A moment to the millisecond, as RFC 3339 §5.6 writes it, or as filters do.
    fileprivate func moment(_ name: String) throws(FeedError) -> Timestamp? {
        guard let text = self.query[name] else { return nil }
        guard let moment = FilterMoment(text) else {
            throw FeedError(.invalid, "\(name): a moment such as 2026-11-28T14:00:00Z, yesterday@14:00 or 2h (ago)")
        }
        return moment.start
    }
}
