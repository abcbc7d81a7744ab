public import ArgumentParser
public import Control

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control", abstract: "Who may watch and operate this relay from elsewhere.",
        subcommands: [Token.self])

    struct Token: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token for the API on the network, or take one out.",
            discussion: """
                Prints the token, once, and adds a line to the file, which keeps only its SHA-256. A running relay reads \
                the file again on SIGHUP. Facts name whoever acts by NAME.

                EXAMPLES
                  hoptop control token dashboard --tokens /etc/hoptop/tokens
                  hoptop control token ann --role operator --tokens /etc/hoptop/tokens
                  hoptop control token ann --delete --tokens /etc/hoptop/tokens
                """)

        @Option(
            help: ArgumentHelp("The file that control.tokens names; made when there is none.", valueName: "file"),
            completion: .file())
        var tokens: String
        @Option(help: "An observer sees everything, an operator may act too.")
        var role = ControlRoute.Role.observer
        @Flag(help: "Take the token out.")
        var delete = false
        @Argument(help: ArgumentHelp("Whose it is.", valueName: "name"))
        var name: String

        func run() throws {
            guard ControlTokens.isName(self.name) else {
                throw Failure("\(self.name) is no name: letters, digits and . _ - @, 64 at most")
            }
            var made: (token: String, line: String)?
            try PrivateFile.change(self.tokens) { text throws(Failure) in
                let names = try Self.names(in: text, self.tokens)
                if self.delete {
                    guard names.contains(self.name) else {
                        throw Failure("\(self.tokens) has no token of \(self.name)")
                    }
                    return ControlTokens.text(text, without: self.name)
                }
                guard !names.contains(self.name) else {
                    throw Failure("\(self.name) has a token already: take it out first, with --delete")
                }
                var generator = SystemRandomNumberGenerator()
                let new = ControlTokens.make(self.name, role: self.role, using: &generator)
                made = new
                return text + (text.isEmpty || text.hasSuffix("\n") ? "" : "\n") + new.line
            }
            if let made { print(made.token) }
        }

        private static func names(in text: String, _ file: String) throws(Failure) -> [String] {
            do throws(ControlTokensError) {
                return try ControlTokens(text: text).names
            } catch { throw Failure("\(file): \(error)") }
        }
    }
}

extension ControlRoute.Role: ExpressibleByArgument {}
