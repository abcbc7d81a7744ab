public import ArgumentParser
public import Monitor
import Screen

extension ConnectionQuery.SortKey: ExpressibleByArgument {}

struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "The sessions of a running daemon, in and out.",
        discussion: """
            EXAMPLES
              hoptop sessions list peer:192.0.2.
              hoptop sessions close out#9121

            \(CommandStatus.help)
            """,
        subcommands: [List.self, Close.self])

    struct List: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Live sessions, a line each.",
            discussion: """
                A filter asks for id:, peer:, name:, state:, age, size, tls: and user:.

                EXAMPLE
                  hoptop sessions list 'state:data age>1m' --json

                \(CommandStatus.help)
                """)
        @Argument(help: ArgumentHelp("A filter as the screen has it.", valueName: "filter"))
        var filter: [String] = []
        @Flag(help: "Also sessions that ended and are still kept.")
        var ended = false
        @Option(help: "The order.")
        var sort = ConnectionQuery.SortKey.started
        @Flag(help: "The other way round.")
        var reverse = false
        @OptionGroup var limit: ListLimit
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let query = ConnectionQuery(
                filter: try FilterExpression(arguments: self.filter, fields: FilterField.ofConnections),
                sort: self.sort, descending: self.reverse, includesEnded: self.ended)
            let list = FeedList<ConnectionRow, SessionRef>(
                limit: self.limit.limit, id: \.ref, window: { try await feed.connections(query, window: $0) })
            if self.form.json { return try await list.json(output, isFiltered: !query.filter.matchesAll) }
            return try await list.lines(
                output, output.paper.connections, noun: "session",
                empty: query.filter.matchesAll ? "nobody is connected" : nil)
        }
    }

    struct Close: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "End a session at once. Its message stays queued; a reply on the way is lost, so a copy may go twice.",
            discussion: "EXAMPLE\n  hoptop sessions close out#9121\n\n\(CommandStatus.help)")
        @Argument(
            help: ArgumentHelp("The session, as the list names it.", valueName: "id"), completion: Completions.sessions)
        var id: String
        @Flag(help: "Say which it is, and leave it.")
        var dryRun = false
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let node = try await feed.capabilities().node
            if self.dryRun { return try await self.rehearse(SessionRef(node: node, id: self.id), feed, output) }
            let receipt: Receipt
            do {
                receipt = try await feed.close(SessionRef(node: node, id: self.id))
            } catch let error as FeedError where error.code == .gone {
                output.say("\(error)")
                return .nothing
            }
            if self.form.json { try output.json(receipt) } else { output.line("closed \(self.id)", .ok) }
            return receipt.status
        }

        private func rehearse(
            _ session: SessionRef, _ feed: any MonitorFeed, _ output: Output
        ) async throws -> CommandStatus {
            let request = WindowRequest<SessionRef>(.item(id: session, offset: 0, fallback: 0), count: 1)
            let row = try await feed.connections(ConnectionQuery(), window: request).rows.first { $0.ref == session }
            if self.form.json { try output.json(row) }
            guard let row else {
                if !self.form.json { output.say("\(self.id) is no session that is under way") }
                return .nothing
            }
            if !self.form.json {
                var table = output.paper.connections
                output.lines([table.header([row])] + table.lines([row]))
            }
            return .done
        }
    }
}

struct StatsCommand: FeedCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "How mail flows at a running daemon, and what needs attention.",
        discussion: "EXAMPLE\n  hoptop stats --json | jq .queuedMessages\n\n\(CommandStatus.help)")
    @OptionGroup var form: JSONOption
    @OptionGroup var daemon: DaemonOptions

    func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
        let overview = try await feed.overview()
        if self.form.json { try output.json(overview) } else { output.lines(overview.lines(on: output.paper)) }
        return .done
    }
}
