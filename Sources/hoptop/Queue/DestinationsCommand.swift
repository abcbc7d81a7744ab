import ArgumentParser
import Mail
import Monitor
import Screen

struct DestinationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destinations", abstract: "Where the queue of a running daemon goes, and whether it may.",
        discussion: """
            EXAMPLES
              hoptop destinations list
              hoptop destinations suspend mx.example.org:25 for 2h maintenance
              hoptop destinations reroute mx.example.org:25 to mx2.example.org:25
              hoptop destinations limit mx.example.org:25 2

            \(CommandStatus.help)
            """,
        subcommands: [List.self, Suspend.self, Resume.self, Reroute.self, Limit.self])

    struct List: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Destinations with what waits for them by age in minutes, the most first.",
            discussion: """
                At most 200; hoptop queue list dest:NAME shows the mail of any.

                \(CommandStatus.help)
                """)
        @OptionGroup var limit: ListLimit
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let overview = try await feed.overview()
            let rows = Array(overview.destinations.prefix(self.limit.limit ?? .max))
            if self.form.json { try output.json(rows) } else { overview.print(rows, output) }
            return .done
        }
    }

    struct Suspend: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send nothing there, until it is resumed or its time is over.",
            discussion: """
                Behind its name: [for 2h|until 06:00] [why]. Times are in UTC. A host is passed over where another
                destination names it as a further one too; what is under way there ends as it does.

                EXAMPLE
                  hoptop destinations suspend mx.example.org:25 until 06:00 maintenance

                \(CommandStatus.help)
                """)
        @Argument(
            help: ArgumentHelp("The destination, and for how long and why.", valueName: "words"),
            completion: Completions.destinations)
        var words: [String]
        @OptionGroup var options: StandingOptions
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let terms = try StandingWords.reading(self.words, at: output.paper.now) {
                words throws(StandingWords.Problem) in
                let destination = try words.destination(nil)
                return try words.terms(.suspend(destination: destination))
            }
            return try await terms.set(on: feed, self.options, output)
        }
    }

    struct Resume: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let mail go to a suspended destination again.",
            discussion: "EXAMPLE\n  hoptop destinations resume mx.example.org:25\n\n\(CommandStatus.help)")
        @Argument(help: ArgumentHelp("The destination.", valueName: "host:port"), completion: Completions.destinations)
        var destination: String
        @OptionGroup var options: EndOptions
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let suspension = try await feed.rules().about(self.destination) {
                if case .suspend = $0 { true } else { false }
            }.first
            guard let suspension else {
                output.say(await self.otherWords(feed) ?? "\(self.destination) is not suspended")
                return .nothing
            }
            return try await suspension.end(
                on: feed, dryRun: self.options.dryRun, asJSON: self.options.form.json, output)
        }

        /// What has to be resumed in its place: its hosts are suspended, and not it.
        private func otherWords(_ feed: any MonitorFeed) async -> String? {
            let query = DestinationQuery(filter: FilterExpression(.dest, is: self.destination))
            let rows = try? await feed.destinations(query, window: WindowRequest(.row(number: 0), count: 10)).rows
            return rows?.lazy.compactMap(\.suspendedHost).first.map {
                "\(self.destination) is suspended by its hosts: resume \($0)"
            }
        }
    }

    struct Reroute: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send all mail of a destination another way, also what comes.",
            discussion: """
                Behind its name: to HOST:PORT|mx [for 2h|until 06:00] [why], or to route for the way back. Times are in UTC.
                What is queued alone goes another way by hoptop queue reroute.

                EXAMPLES
                  hoptop destinations reroute mx.example.org:25 to mx2.example.org:25
                  hoptop destinations reroute mx.example.org:25 to route

                \(CommandStatus.help)
                """)
        @Argument(
            help: ArgumentHelp("The destination, where to, and for how long and why.", valueName: "words"),
            completion: Completions.destinations)
        var words: [String]
        @OptionGroup var options: StandingOptions
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let (destination, terms) = try StandingWords.reading(self.words, at: output.paper.now) {
                words throws(StandingWords.Problem) -> (String, StandingRule.Terms?) in
                let destination = try words.destination(nil)
                let via = try words.way()
                guard via == "route" else {
                    return (destination, try words.terms(.reroute(destination: destination, via: via)))
                }
                try words.checkEnd()
                return (destination, nil)
            }
            if let terms { return try await terms.set(on: feed, self.options, output) }
            let detour = try await feed.rules().about(destination) {
                if case .reroute = $0 { true } else { false }
            }.first
            guard let detour else {
                output.say("\(destination) goes by its routes already")
                return .nothing
            }
            return try await detour.end(on: feed, dryRun: self.options.dryRun, asJSON: self.options.form.json, output)
        }
    }

    struct Limit: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Allow a destination so many sessions at a time, until somebody ends that.",
            discussion: """
                off: as many as configured. Nodes that share a queue share the limit.

                EXAMPLE
                  hoptop destinations limit mx.example.org:25 2

                \(CommandStatus.help)
                """)
        @Argument(
            help: ArgumentHelp("The destination, and how many or off.", valueName: "words"),
            completion: Completions.destinations)
        var words: [String]
        @Flag(help: "Say what would be set, and set nothing.")
        var dryRun = false
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let (destination, connections) = try StandingWords.reading(self.words, at: output.paper.now) {
                words throws(StandingWords.Problem) in
                let destination = try words.destination(nil)
                let connections = try words.limit()
                try words.checkEnd()
                return (destination, connections)
            }
            // The preview of a suspension knows the destination's whole name, and whether it is one.
            let preview = try await feed.preview(StandingRule.Terms(.suspend(destination: destination)))
            if let warning = preview.nameWarning { output.say(warning) }
            let name = preview.terms.order.destination ?? destination
            let words = connections.map { "\(Format.plural($0, "connection")) at a time" } ?? "as many as configured"
            let order = StandingAction.limit(destination: name, connections: connections)
            if self.dryRun {
                if self.form.json { try output.json(order) } else { output.line("limit \(name): \(words)") }
                return .done
            }
            let receipt = try await feed.perform(order)
            if self.form.json { try output.json(receipt) } else { output.line("\(name): \(words)", .ok) }
            return receipt.status
        }
    }
}

extension Overview {
    /// Destinations as lines, and how many are not among them.
    func print(_ rows: [DestinationAges], _ output: Output) {
        guard !rows.isEmpty else { return output.say("the queue is empty") }
        var table = output.paper.destinations
        output.lines([table.header(rows)] + table.lines(rows))
        let others = self.destinations.count - rows.count + self.moreDestinations
        if others > 0 { output.line("and \(Format.plural(others, "more destination"))", .muted) }
    }
}
