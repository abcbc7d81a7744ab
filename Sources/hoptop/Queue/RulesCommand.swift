import ArgumentParser
import Mail
import Monitor
import Screen

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Standing rules of a running daemon: what is held or refused, now and when it comes.",
        discussion: """
            EXAMPLES
              hoptop rules list
              hoptop rules add hold to example.org until 06:00 maintenance
              hoptop rules preview refuse 550 from '*.example.net' for 2h
              hoptop rules end 3

            \(CommandStatus.help)
            """,
        subcommands: [List.self, Add.self, Preview.self, End.self])

    static let words = """
        hold|refuse [CODE ["TEXT"]] from|to|user|client WHOSE [for 2h|until 06:00] [why], as :rule of the screen. WHOSE is \
        an address, a domain, *.domain, or a network; times are in UTC; without an end it holds until somebody ends it.
        """

    struct List: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "The rules that are in force, suspensions and other ways of destinations among them.",
            discussion: CommandStatus.help)
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let rules = try await feed.rules()
            if self.form.json {
                try output.json(rules)
            } else if rules.isEmpty {
                output.say("no rule is in force")
            } else {
                var table = output.paper.rules
                output.lines([table.header(rules)] + table.lines(rules))
            }
            return .done
        }
    }

    struct Add: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a rule.", discussion: "\(RulesCommand.words)\n\n\(CommandStatus.help)")
        @Argument(help: ArgumentHelp("What it orders.", valueName: "words"))
        var words: [String]
        @OptionGroup var options: StandingOptions
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            try await RulesCommand.terms(self.words, output).set(on: feed, self.options, output)
        }
    }

    struct Preview: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "What a rule would touch now.", discussion: "\(RulesCommand.words)\n\n\(CommandStatus.help)")
        @Argument(help: ArgumentHelp("What it would order.", valueName: "words"))
        var words: [String]
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            var options = StandingOptions()
            options.dryRun = true
            options.form = self.form
            return try await RulesCommand.terms(self.words, output).set(on: feed, options, output)
        }
    }

    struct End: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a rule. What it alone held is released.",
            discussion: "EXAMPLE\n  hoptop rules end 3\n\n\(CommandStatus.help)")
        @Argument(help: ArgumentHelp("The rule's number.", valueName: "number"), completion: Completions.rules)
        var number: Int64
        @OptionGroup var options: EndOptions
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            guard let row = try await feed.rules().first(where: { $0.ref.id == self.number }) else {
                output.say("no rule \(self.number) is in force")
                return .nothing
            }
            return try await row.end(
                on: feed, dryRun: self.options.dryRun, asJSON: self.options.form.json, output)
        }
    }

    private static func terms(_ words: [String], _ output: Output) throws -> StandingRule.Terms {
        try StandingWords.reading(words, at: output.paper.now) { words throws(StandingWords.Problem) in
            let order = try words.rule()
            return try words.terms(order)
        }
    }
}
