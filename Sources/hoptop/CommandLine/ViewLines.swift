import ArgumentParser
import Monitor
import Screen

/// A view of the screen that can be printed.
enum PrintedView: String, CaseIterable, ExpressibleByArgument { case overview, queue, connections, destinations, rules }

/// A view as lines: what the screen is for where there is none.
enum ViewLines {
    /// Prints the view as it is now.
    ///
    /// - Throws: what the feed throws.
    static func print(_ view: PrintedView, _ feed: any MonitorFeed, _ output: Output = .standard) async throws {
        switch view {
        case .overview:
            let overview = try await feed.overview()
            output.lines(overview.lines(on: output.paper))
            overview.print(overview.destinations, output)
        case .queue: _ = try await QueueCommand.List.asyncParse([]).run(on: feed, output)
        case .connections: _ = try await SessionsCommand.List.asyncParse([]).run(on: feed, output)
        case .destinations:
            let list = FeedList<DestinationRow, DestinationRef>(
                limit: nil, id: \.ref, window: { try await feed.destinations(DestinationQuery(), window: $0) })
            _ = try await list.lines(output, output.paper.nextHops, noun: "next hop", empty: "there is no next hop")
        case .rules: _ = try await RulesCommand.List.asyncParse([]).run(on: feed, output)
        }
    }
}
