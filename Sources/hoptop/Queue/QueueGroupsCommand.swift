public import ArgumentParser
public import Monitor
import Screen

extension QueueGrouping: ExpressibleByArgument {}

extension QueueCommand {
    struct Groups: FeedCommand {
        static let configuration = CommandConfiguration(
            commandName: "groups", abstract: "What is queued, put together by what it has in common.",
            discussion: """
                EXAMPLES
                  hoptop queue groups
                  hoptop queue groups state:deferred --by failure
                  hoptop queue groups --by sender --json | jq -r '.groups[0].value'

                \(CommandStatus.help)
                """)
        @Argument(
            help: ArgumentHelp("A filter as the screen has it.", valueName: "filter"),
            completion: Completions.queueFilters)
        var filter: [String] = []
        @Option(help: "What it has in common.")
        var by = QueueGrouping.destination
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let query = QueueQuery(
                filter: try FilterExpression(arguments: self.filter, fields: FilterField.ofQueue))
            let groups = try await feed.groups(query, by: self.by)
            if self.form.json {
                try output.json(groups)
            } else if !groups.groups.isEmpty {
                var table = output.paper.groups(by: self.by)
                output.lines([table.header(groups.groups)] + table.lines(groups.groups))
                if let rest = groups.restWords { output.line(rest, .muted) }
            } else {
                output.say(query.filter.matchesAll ? "the queue is empty" : "nothing that is queued matches")
            }
            return groups.groups.isEmpty ? .nothing : .done
        }
    }
}
