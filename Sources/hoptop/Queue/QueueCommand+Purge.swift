import ArgumentParser
import Monitor
import Screen

extension QueueCommand {
    /// What was dropped is gone before its time, with all that it holds.
    struct Purge: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget for good what was dropped, by anybody.",
            discussion: """
                What is dropped is kept for queue.undo of the configuration, to be taken back. Behind this nobody takes it back.

                EXAMPLE
                  hoptop queue purge --dry-run

                \(CommandStatus.help)
                """)
        @Flag(help: "Say what would be forgotten, and forget nothing.")
        var dryRun = false
        @Flag(help: "Do not ask.")
        var yes = false
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let rehearsal = try await feed.purge(until: nil, of: nil)
            if self.form.json, self.dryRun || rehearsal.done == 0 { try output.json(rehearsal) }
            guard rehearsal.done > 0, let end = rehearsal.undoUntil else {
                if !self.form.json { output.say("nothing that was dropped is kept") }
                return .nothing
            }
            let lines = [
                "purge: \(Words.rehearsal(rehearsal.done, rehearsal.messages, active: nil))",
                "They were dropped, by anybody, and are kept to be taken back: then nobody takes them back.",
            ]
            if self.dryRun {
                if !self.form.json { for line in lines { output.line(line) } }
                return .done
            }
            try Confirmation(
                lines, recipients: rehearsal.done, messages: rehearsal.messages, isIrreversible: true
            ).get(output, isGiven: self.yes)
            // What was dropped meanwhile is not meant.
            let receipt = try await feed.purge(until: end, of: rehearsal.done)
            return try receipt.report("purge", output, asJSON: self.form.json)
        }
    }
}
