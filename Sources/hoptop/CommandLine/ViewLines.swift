import ArgumentParser
import Monitor
import Screen

/// A view of the screen that can be printed.
enum PrintedView: String, CaseIterable, ExpressibleByArgument {
    case overview, queue, connections, destinations, journal, rules, map
}

/// A view as lines: what the screen is for where there is none.
enum ViewLines {
    /// Prints the view of each node as it is now; the map, which is one of all.
    ///
    /// - Throws: what a feed throws.
    static func print(_ view: PrintedView, _ feeds: [FeedEntry], _ output: Output = .standard) async throws {
        guard view != .map else { return try await Self.printMap(of: feeds, output) }
        for entry in feeds { try await Self.print(view, entry.feed, output) }
    }

    /// - Throws: what the first feed throws, where none answers.
    private static func printMap(of feeds: [FeedEntry], _ output: Output) async throws {
        let questions = feeds.map { entry in Task { try await entry.feed.overview() } }
        var nodes: [(name: String, overview: Overview?)] = []
        var failure: (any Error)?
        for (entry, question) in zip(feeds, questions) {
            do { nodes.append((entry.name, try await question.value)) } catch {
                output.say("\(entry.name) does not answer: \(error)")
                failure = failure ?? error
                nodes.append((entry.name, nil))
            }
        }
        if let failure, nodes.allSatisfy({ $0.overview == nil }) { throw failure }
        let rows = output.paper.mapRows(of: nodes)
        guard !rows.isEmpty else { return output.line("no mail has gone anywhere yet", .muted) }
        var table = output.paper.map
        output.lines([table.header(rows)] + table.lines(rows))
    }

    private static func print(_ view: PrintedView, _ feed: any MonitorFeed, _ output: Output) async throws {
        switch view {
        case .map: break
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
        case .journal: _ = try await JournalCommand.Find.asyncParse([]).run(on: feed, output)
        case .rules: _ = try await RulesCommand.List.asyncParse([]).run(on: feed, output)
        }
    }
}
