import ArgumentParser
import Mail
import Monitor
import Screen

struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "What became of mail at a running daemon, and what operators did.",
        discussion: """
            A filter is what the screen takes: plain words are looked for in queue ID, sender, recipient, Message-ID and the \
            next hop's identifier, and to:example.org, from:, dest:, state:bounced, code:4.2.2, reply:, msgid:, rid:, actor:, \
            subject:, peer:, name:, user:, tls:, size>2M, age<1d, at:14:00, since: and until: ask for a field; a space means \
            and, | or, ! not. A moment is 14:00, yesterday, yesterday@14:00, yesterday@14h, 2026-11-28T14:00 or 2h (ago), in UTC.

            EXAMPLES
              hoptop journal find to:bob@example.org at:yesterday@14h
              hoptop journal find 'state:bounced | state:expired' --since yesterday
              hoptop journal show 4Q7K2M9XW1B
              hoptop journal find --follow state:deferred

            \(CommandStatus.help)
            """,
        subcommands: [Find.self, Show.self, Stats.self])
}

/// A moment of the command line.
struct Moment: ExpressibleByArgument {
    let start: Timestamp
    init?(argument: String) {
        guard let moment = FilterMoment(argument) else { return nil }
        self.start = moment.start
    }
}

extension JournalCommand {
    struct Find: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Entries, a line each, the newest first.",
            discussion: """
                EXAMPLES
                  hoptop journal find to:bob@example.org at:yesterday@14h
                  hoptop journal find code:5 --since 2026-11-01 --until 2026-12-01 --json
                  hoptop journal find actor=ann --count 20

                \(CommandStatus.help)
                """)
        @Argument(help: ArgumentHelp("A filter as the screen has it.", valueName: "filter"))
        var filter: [String] = []
        @Option(help: ArgumentHelp("Nothing that happened before.", valueName: "moment"))
        var since: Moment?
        @Option(help: ArgumentHelp("Nothing that happened then or later.", valueName: "moment"))
        var until: Moment?
        @Option(help: ArgumentHelp("So many at most.", valueName: "count"))
        var count: Int?
        @Flag(help: "The oldest first.")
        var reverse = false
        @Flag(help: "The newest ten, or --count, the oldest of them first; then what happens, until it is interrupted.")
        var follow = false
        @Flag(help: "Print an entry a line as JSON, with the values that the control API has.")
        var json = false
        @OptionGroup var daemon: DaemonOptions

        func validate() throws {
            if let count, count < 1 { throw ValidationError("--count \(count): a number from 1 on") }
            if self.follow, self.reverse || self.until != nil {
                throw ValidationError("--follow goes on with what happens: leave out --reverse and --until")
            }
        }

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let query = JournalQuery(
                filter: try FilterExpression(arguments: self.filter, fields: FilterField.ofJournal),
                since: self.since?.start, until: self.until?.start, newestFirst: !self.reverse)
            let list = JournalList(feed: feed, output: output, asJSON: self.json)
            if self.follow { return try await list.follow(query, count: self.count ?? 10) }
            let count = try await list.all(query, count: self.count)
            let isAll = query.filter.matchesAll && query.since == nil && query.until == nil
            if count == 0, !self.json { output.say(isAll ? "nothing has happened yet" : "nothing matches") }
            return count == 0 && !isAll ? .nothing : .done
        }
    }

    struct Show: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "The whole story of a message: all that is known of it, and each thing that happened to it.",
            discussion: "EXAMPLE\n  hoptop journal show 4Q7K2M9XW1B\n\n\(CommandStatus.help)")
        @Argument(help: ArgumentHelp("The queue ID.", valueName: "id"), completion: Completions.queueIDs)
        var id: String
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        private struct Story: Encodable {
            var message: MessageDetail
            var entries: [JournalEntry]
        }

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            guard let detail = try await feed.message(self.id) else {
                output.say("nothing is known of \(self.id): it may have been settled long ago")
                return .nothing
            }
            // An ID tells when it was given; a clock may have gone back since.
            let since = QueueID(self.id)?.time.adding(milliseconds: -86_400_000)
            let query = JournalQuery(
                filter: FilterExpression(.id, is: detail.ref.id), since: since, newestFirst: false)
            let entries = try await JournalList.entries(query, of: feed)
            if self.form.json {
                try output.json(Story(message: detail, entries: entries))
            } else {
                output.lines(detail.lines(on: output.paper))
                output.lines([[], [Run("Journal", .header)]] + entries.map { $0.line() })
            }
            return .done
        }
    }

    struct Stats: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "How far back the journal goes, what it takes, and whether it has everything.",
            discussion: "EXAMPLE\n  hoptop journal stats --json | jq .behind\n\n\(CommandStatus.help)")
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let status = try await feed.journalStatus()
            if self.form.json { try output.json(status) } else { output.lines(status.lines(on: output.paper)) }
            return status.failure == nil ? .done : .failed
        }
    }
}
