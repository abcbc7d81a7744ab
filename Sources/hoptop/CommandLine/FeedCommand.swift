import ArgumentParser
import Monitor

/// How a command about a daemon ends. A command line that is not understood ends with 64.
enum CommandStatus: Int32 {
    case done = 0
    /// It could not be done: nobody answers there, or it was refused.
    case failed = 1
    /// There is nothing of what was asked for.
    case nothing = 2
    /// Not all of it was done: some was left alone, and it is said why.
    case skipped = 3

    static let help = """
        EXIT STATUS
          0   done
          1   not done: no daemon answers, it refused, or --yes is missing
          2   nothing matches what was asked for
          3   something was left alone; it is said what and why
          64  the command line is not understood
        """
}

/// A command about a running daemon. What it does knows no more than a feed, and so a test gives it any.
protocol FeedCommand: AsyncParsableCommand {
    var daemon: DaemonOptions { get }
    func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus
}

extension FeedCommand {
    func run() async throws {
        let status = try await self.run(on: try await self.daemon.feed(), .standard)
        guard status == .done else { throw ExitCode(status.rawValue) }
    }
}

/// JSON instead of lines for people.
struct JSONOption: ParsableArguments {
    @Flag(help: "Print one JSON document, with the values that the control API has.")
    var json = false
}
