import ArgumentParser
import Foundation
import Relay
import Service

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or print the configuration.",
        subcommands: [Check.self, Show.self, Default.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the configuration and name every mistake with file, line and key.")
        @OptionGroup var engine: EngineOptions

        func run() throws {
            let whole = try self.engine.wholeConfiguration()
            let configuration = whole.relay
            do {
                _ = try Keyring(configuration)
                _ = try ControlKeyring(whole)
                if let user = whole.service.user { _ = try Identity(user: user, group: whole.service.group) }
                // A command is not for a check to run, and this environment may not be the relay's.
                for case .file(let path)? in configuration.routes.map(\.security.login?.secret) {
                    _ = try Secret.file(path).read()
                }
                try PlaceCheck.check(whole)
            } catch { throw Failure(error) }
            for warning in configuration.warnings { Hoptop.complain("warning: \(warning)") }
            print("\(self.engine.file ?? "the default configuration"): ok")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the configuration as it would be used, with the options applied.")
        @OptionGroup var engine: EngineOptions

        func run() throws {
            print(ConfigurationFile.text(of: try self.engine.wholeConfiguration()), terminator: "")
        }
    }

    struct Default: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print every key with its default.")

        func run() throws { print(ConfigurationFile.defaultText, terminator: "") }
    }
}
