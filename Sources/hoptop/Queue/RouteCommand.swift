import ArgumentParser
import Monitor
import Screen

struct RouteCommand: FeedCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "Tell where a running daemon would send mail for an address, and why.",
        discussion: """
            The route that takes it, what an operator ordered instead, the next hop and how it is doing, its hosts as DNS \
            has them now, and what is demanded of their TLS. Nothing is sent. Without a host to try the exit status is 2.

            EXAMPLE
              hoptop route bob@example.org

            \(CommandStatus.help)
            """)
    @Argument(help: "A recipient, or a domain; postmaster: where mail for <Postmaster> goes.")
    var address: String
    @OptionGroup var form: JSONOption
    @OptionGroup var daemon: DaemonOptions

    func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
        let answers = try await feed.route(self.address)
        if self.form.json {
            try output.json(answers)
        } else {
            for answer in answers {
                output.lines(
                    answer.lines(output.paper.now).map { [Run($0.name.padded(10), .muted), Run($0.words)] })
            }
        }
        return answers.contains(where: \.leads) ? .done : .nothing
    }
}
