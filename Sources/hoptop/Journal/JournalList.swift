import Monitor
import Screen

/// Entries of a journal, read part by part and written as they come.
struct JournalList {
    /// Entries of a part: as many as a daemon gives at once.
    private static let part = 1000

    let feed: any MonitorFeed
    let output: Output
    var asJSON = false

    /// - Parameter count: so many at most; `nil`: all.
    /// - Returns: how many there were.
    func all(_ query: JournalQuery, count limit: Int?) async throws -> Int {
        var count = 0
        try await Self.each(query, of: self.feed, count: limit) { rows in
            try self.write(rows)
            count += rows.count
        }
        return count
    }

    /// All that match.
    static func entries(_ query: JournalQuery, of feed: any MonitorFeed) async throws -> [JournalEntry] {
        var entries: [JournalEntry] = []
        try await self.each(query, of: feed, count: nil) { entries += $0 }
        return entries
    }

    /// - Returns: the place where what comes later will be.
    @discardableResult
    private static func each(
        _ query: JournalQuery, of feed: any MonitorFeed, count limit: Int?, behind start: String? = nil,
        _ body: ([JournalEntry]) throws -> Void
    ) async throws -> String {
        var place = start
        var left = limit ?? .max
        while true {
            let window = try await feed.journal(
                query, window: JournalRequest(behind: place, count: min(left, self.part)))
            try body(window.rows)
            place = window.end
            left -= window.rows.count
            if window.isComplete || left <= 0 { return window.end }
        }
    }

    /// The newest, and then what happens, until the task is cancelled or nothing changes any more.
    func follow(_ query: JournalQuery, count: Int) async throws -> CommandStatus {
        // What happens from now on is told of, and not missed between the two.
        let changes = self.feed.changes()
        var query = query
        query.newestFirst = true
        let first = try await self.feed.journal(query, window: JournalRequest(count: 0))
        var newest: [JournalEntry] = []
        try await Self.each(query, of: self.feed, count: count, behind: first.start) { newest += $0 }
        try self.write(newest.reversed())
        query.newestFirst = false
        var place = first.start
        for await change in changes {
            if case .changed(let areas) = change, areas.isDisjoint(with: [.journal, .facts]) { continue }
            do {
                place = try await Self.each(query, of: self.feed, count: nil, behind: place) { try self.write($0) }
            } catch let error as FeedError where error.code == .unavailable {
                // It comes back by itself, and then tells of changes.
            }
        }
        return .done
    }

    private func write(_ entries: some Sequence<JournalEntry>) throws {
        if self.asJSON {
            for entry in entries {
                self.output.json(part: String(decoding: try SafeJSON.encode(entry), as: UTF8.self) + "\n")
            }
        } else {
            self.output.lines(entries.map { $0.line() })
        }
    }
}
