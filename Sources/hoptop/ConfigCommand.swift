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
            let (whole, places) = try self.engine.placedConfiguration()
            let mistakes = Self.problems(whole).map { places.mistake($0.reason, of: $0.key) }
            guard mistakes.isEmpty else { throw Failure(ConfigurationError(mistakes: mistakes)) }
            for warning in whole.relay.warnings {
                Hoptop.complain("warning: \(places.mistake(warning.description, of: warning.key))")
            }
            print("\(self.engine.file ?? "the default configuration"): ok")
        }

        /// What is wrong with what the keys name: files, users, groups and folders.
        static func problems(_ whole: Configuration) -> [(key: String?, reason: String)] {
            var found: [(key: String?, reason: String)] = []
            do throws(KeyringError) { _ = try Keyring(whole.relay) } catch {
                found.append((error.key, error.description))
            }
            do throws(KeyringError) { _ = try ControlKeyring(whole) } catch {
                // A certificate that both have is told of once.
                if !found.contains(where: { $0.key == error.key }) { found.append((error.key, error.description)) }
            }
            if let user = whole.service.user {
                do { _ = try Identity(user: user, group: whole.service.group) } catch {
                    let isUser = (try? Identity(user: user)) == nil
                    found.append((isUser ? "user" : "group", "\(error)"))
                }
            }
            // A command is not for a check to run, and this environment may not be the relay's.
            for (index, route) in whole.relay.routes.enumerated() {
                guard let login = route.security.login, case .file(let path) = login.secret else { continue }
                do throws(SecretError) { _ = try Secret.file(path).read() } catch {
                    found.append(
                        ("route[\(index)].\(login.kind == .token ? "token" : "password")", error.description))
                }
            }
            do throws(PlaceCheck.Misplaced) { try PlaceCheck.check(whole) } catch {
                found.append((error.key, error.reason))
            }
            return found
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
