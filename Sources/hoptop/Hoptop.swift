import ArgumentParser
import CSwiftRuntime
import Glibc
import Monitor
import Relay

@main
struct Hoptop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hoptop",
        abstract: "A mail relay you can watch: htop for mail on the move.",
        discussion: """
            Takes mail over SMTP, keeps it safe on disk, hands it to the next hop, and shows it happen.

            EXAMPLES
              hoptop demo                          watch five relays, all on this machine
              hoptop                               relay and screen in this terminal
              hoptop --route '*=smarthost.example:25'
              hoptop serve --spool /tmp/spool --route '*=127.0.0.1:2526'
              hoptop attach                        the screen of what hoptop serve does
              hoptop queue list state:deferred     what waits at a running hoptop serve
              hoptop journal find to:bob at:yesterday@14h   what became of that mail?
              hoptop config default > hoptop.toml  every key with its default
              hoptop config check --config hoptop.toml
              hoptop spool check                   is all in the spool as it was written?
              hoptop tls-policy example.org        what TLS is demanded there, and why?
              hoptop tls-report                    what will domains be told of TLS?
              hoptop trace --out --failed          the dialogues of what goes wrong
              hoptop record incident.hoptop        what happens, for hoptop replay
              hoptop passwd --users /etc/hoptop/users ann@example.net
              hoptop dkim keygen --domain example.org --selector mail --out dkim.pem
              hoptop --generate-completion-script bash > /etc/bash_completion.d/hoptop
            """,
        version: "hoptop \(Relay.version)",
        subcommands: [
            RunCommand.self, ServeCommand.self, AttachCommand.self, DemoCommand.self, ConfigCommand.self,
            SpoolCommand.self, PasswdCommand.self, ControlCommand.self, DKIMCommand.self, SendmailCommand.self,
            TLSPolicyCommand.self, TLSReportCommand.self, QueueCommand.self, JournalCommand.self,
            DestinationsCommand.self,
            RulesCommand.self, SessionsCommand.self, StatsCommand.self, SendCommand.self, TraceCommand.self,
            ThemeCommand.self, RouteCommand.self, FleetCommand.self,
            RecordCommand.self, ReplayCommand.self, RedactCommand.self,
            ManualCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    @MainActor static func main() async {
        #if !DEBUG
            // As in our own modules (Package.swift), so in those of others: NIO alone looks 250 times a message, and tests see it.
            hoptop_trust_accesses()
        #endif
        let words = Array(CommandLine.arguments.dropFirst())
        // Under a name of old a first word is somebody's address, and no command.
        if let name = Sendmail.Name(calling: CommandLine.arguments) {
            Glibc.exit(await Sendmail.run(by: name, words).rawValue)
        }
        // While nothing runs anywhere else yet.
        if Self.screens.contains(Self.command(of: words)) { TaskThreads.takeOver() }
        await self.begin()
    }

    /// The commands that show a screen in which nothing may happen for long.
    private static let screens = [
        RunCommand.configuration.commandName, AttachCommand.configuration.commandName,
        ReplayCommand.configuration.commandName,
    ]

    private static func command(of words: [String]) -> String? {
        guard let first = words.first, !first.hasPrefix("-") else { return RunCommand.configuration.commandName }
        return first
    }

    private static func begin() async {
        self.raiseDescriptorLimit()
        do {
            try self.refuseNegative(CommandLine.arguments.dropFirst())
            var command = try await self.asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            // Help, version and completion scripts come as errors with exit code 0.
            guard self.exitCode(for: error) != .success else { self.exit(withError: error) }
            Glibc.exit(self.tell(error, on: .standard))
        }
    }

    /// Says why a command did not do what it was asked for.
    ///
    /// - Returns: the exit status.
    static func tell(_ error: any Error, on output: Output) -> Int32 {
        switch error {
        case let code as ExitCode: return code.rawValue
        case let failure as Failure: self.complain("\(failure)", on: output)
        case let failure as FeedError: self.complain("\(failure)", on: output)
        case let problem as FilterProblem:
            output.complain(["hoptop: the filter is not understood:"] + problem.lines)
            return ExitCode.validationFailure.rawValue
        default:
            let words = self.unknownCommand(CommandLine.arguments.dropFirst()) ?? self.message(for: error)
            self.complain("\(words); see hoptop --help", on: output)
            return self.exitCode(for: error).rawValue
        }
        return CommandStatus.failed.rawValue
    }

    /// `rules remove 3`, of which the parser only says that its words are not expected.
    ///
    /// - Returns: what is there instead; `nil`: the command is known.
    static func unknownCommand(_ arguments: some Sequence<String>) -> String? {
        var command: any ParsableCommand.Type = self
        for word in arguments {
            let known = command.configuration.subcommands
            if let next = known.first(where: { $0._commandName == word }) {
                command = next
                continue
            }
            guard !known.isEmpty, command.configuration.defaultSubcommand == nil, !word.hasPrefix("-") else {
                return nil
            }
            let names = known.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
            return "there is no \(command._commandName) \(word): \(names.joined(separator: ", "))"
        }
        return nil
    }

    /// `for -3h`, which the parser takes for options, one of them the help.
    static func refuseNegative(_ arguments: some Sequence<String>) throws {
        for word in arguments {
            // Behind it nothing is an option; and sendmail has some that are digits.
            if word == "--" || word == SendmailCommand.configuration.commandName { return }
            guard word.hasPrefix("-"), word.dropFirst().first?.isASCII == true, word.dropFirst().first?.isNumber == true
            else { continue }
            throw ValidationError("\(word): no number and no time is below zero; behind -- it is taken as it stands")
        }
    }

    /// A session is a descriptor: as many as the system lets us have.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Ends the program with sessions under way, as the operator asked twice. What was taken is in the spool, as after a crash.
    static func endNow() -> Never {
        fflush(nil)
        _exit(0)
    }

    /// A line on stderr for each mistake.
    static func complain(_ text: String, on output: Output = .standard) {
        output.complain(text.split(whereSeparator: \.isNewline).map { "hoptop: \($0)" })
    }
}

/// Writes at once, past any buffer.
func writeToStandardError(_ text: String) {
    _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
}

/// Something that ends the program. The description is one line and says what to do.
struct Failure: Error, CustomStringConvertible {
    let description: String
    let cause: (any Error)?
    init(_ description: String) {
        self.description = description
        self.cause = nil
    }
    init(_ error: any Error) {
        self.description = "\(error)"
        self.cause = error
    }
}
