public import ArgumentParser
public import Monitor
import Screen

extension QueueQuery.SortKey: ExpressibleByArgument {}

extension QueueCommand {
    struct List: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is queued, a message a line.",
            discussion: """
                EXAMPLES
                  hoptop queue list
                  hoptop queue list to:example.org --sort size --limit 20
                  hoptop queue list 'age>1d' --json

                \(CommandStatus.help)
                """)
        @Argument(
            help: ArgumentHelp("A filter as the screen has it.", valueName: "filter"),
            completion: Completions.queueFilters)
        var filter: [String] = []
        @Option(help: "The order; the most comes first.")
        var sort = QueueQuery.SortKey.age
        @Flag(help: "The least comes first.")
        var reverse = false
        @OptionGroup var limit: ListLimit
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let query = QueueQuery(
                filter: try FilterExpression(arguments: self.filter, fields: FilterField.ofQueue), sort: self.sort,
                descending: !self.reverse)
            let list = FeedList<QueueRow, MessageRef>(
                limit: self.limit.limit,
                // A message that changed meanwhile is the same row.
                id: { MessageRef(node: $0.ref.node, id: $0.ref.id, generation: 0) },
                window: { try await feed.queue(query, window: $0) })
            if self.form.json { return try await list.json(output, isFiltered: !query.filter.matchesAll) }
            return try await list.lines(
                output, output.paper.queue(of: try await feed.capabilities()), noun: "message",
                empty: query.filter.matchesAll ? "the queue is empty" : nil)
        }
    }

    struct Show: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "All that is known of a message: envelope, hops, recipients and why they wait, attempts.",
            discussion: """
                Also of one that was settled not long ago.

                EXAMPLE
                  hoptop queue show 4Q7K2M9XW1B

                \(CommandStatus.help)
                """)
        @Argument(help: ArgumentHelp("The queue ID.", valueName: "id"), completion: Completions.queueIDs)
        var id: String
        @Flag(help: "Also the header, and the beginning of the text.")
        var text = false
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            guard let detail = try await feed.message(self.id) else {
                output.say("nothing is known of \(self.id): it may have been settled long ago")
                return .nothing
            }
            if self.form.json {
                try output.json(detail)
            } else {
                output.lines(detail.lines(on: output.paper, hasText: self.text))
            }
            return .done
        }
    }
}
