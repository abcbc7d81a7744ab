import ArgumentParser
import Mail
import Monitor
import Screen

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "What is queued at a running daemon, and what is to become of it.",
        discussion: """
            A filter is what the screen takes: plain words are looked for in queue ID, sender and recipient, and \
            to:example.org, from:, dest:, state:deferred (or damaged), code:4.2.2, age>1h, size>2M, try>3, next<10m, reply:, \
            peer: (the client's address), tls:, user: and node: ask for a field; failure="452 4.2.2 over quota" finds all that got a \
            reply that says the same. A space means and, | or, ! not. The arguments that are left are joined by a space; \
            quote what the shell would take for its own.

            EXAMPLES
              hoptop queue list state:deferred
              hoptop queue show 4Q7K2M9XW1B
              hoptop queue hold 'to:example.org age>1h' --dry-run
              hoptop queue list --json | jq -r '.[].ref.id'

            \(CommandStatus.help)
            """,
        subcommands: [
            List.self, Groups.self, Show.self, Retry.self, Hold.self, Release.self, Drop.self, Undo.self, Bounce.self,
            Reroute.self, Edit.self, Purge.self,
        ])
}

/// Something that is done to recipients.
protocol QueueActionCommand: FeedCommand {
    static var action: QueueAction { get }
    var targets: QueueTargets { get }
    /// Why, in words; `nil`: none are given, or the action takes none.
    var reason: String? { get }
}

extension QueueActionCommand {
    var reason: String? { nil }
    func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
        try await QueueOrder(Self.action, because: self.reason).run(on: feed, self.targets, output)
    }
}

extension QueueCommand {
    struct Retry: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have mail tried now, or at a time. What is on hold stays there.",
            discussion: """
                EXAMPLE
                  hoptop queue retry to:example.org
                  hoptop queue retry dest=mx.example.org:25 --at 06:00

                \(CommandStatus.help)
                """)
        @Option(
            help: ArgumentHelp(
                "Then and not before: 06:00 or 2026-11-30T06:00 in UTC, or 2h from now.", valueName: "time"))
        var at: String?
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            guard let text = self.at else {
                return try await QueueOrder(.retry).run(on: feed, self.targets, output)
            }
            let now = output.paper.now
            var words = StandingWords(text, at: now)
            let edit: RecipientEdit
            do throws(StandingWords.Problem) {
                edit = .due(at: try words.moment())
                try words.checkEnd()
            } catch {
                throw ValidationError("--at \(text): \(error.text)")
            }
            return try await QueueOrder(edit, now).run(on: feed, self.targets, output)
        }
    }

    struct Hold: QueueActionCommand {
        static let action = QueueAction.hold
        static let configuration = CommandConfiguration(
            abstract: "Keep mail back until it is released.",
            discussion: "EXAMPLE\n  hoptop queue hold 'from:app@example.net age<1h'\n\n\(CommandStatus.help)")
        @Option(help: "Why, in one line; shown beside the mail.")
        var reason: String?
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions
    }

    struct Release: QueueActionCommand {
        static let action = QueueAction.release
        static let configuration = CommandConfiguration(
            abstract: "Let mail go on that is on hold.",
            discussion: "EXAMPLE\n  hoptop queue release state:hold to:example.org\n\n\(CommandStatus.help)")
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions
    }

    struct Drop: QueueActionCommand {
        static let action = QueueAction.drop
        static let configuration = CommandConfiguration(
            abstract: "Remove mail and tell nobody; hoptop queue undo takes it back for a while.",
            discussion: "EXAMPLE\n  hoptop queue drop from:spammer@example.net --yes\n\n\(CommandStatus.help)")
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions
    }

    struct Bounce: QueueActionCommand {
        static let action = QueueAction.bounce
        static let configuration = CommandConfiguration(
            abstract: "Return mail to its senders. Nothing takes that back.",
            discussion: """
                EXAMPLE
                  hoptop queue bounce 4Q7K2M9XW1B --yes
                  hoptop queue bounce to:old.example.org --reason 'We moved to example.org'

                \(CommandStatus.help)
                """)
        @Option(help: "Why, in one line; the report tells it to the sender.")
        var reason: String?
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions
    }

    struct Reroute: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send queued mail another way than its routes.",
            discussion: """
                EXAMPLE
                  hoptop queue reroute dest=mx.example.org:25 --via smarthost.example:25
                  hoptop queue reroute dest=smarthost.example:25 --via route

                \(CommandStatus.help)
                """)
        @Option(help: ArgumentHelp("Where to; route: by its routes again.", valueName: "host:port|mx|route"))
        var via: String
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            try await QueueOrder(reroute: self.via == "route" ? nil : self.via).run(on: feed, self.targets, output)
        }
    }

    struct Edit: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send queued mail to another address.",
            discussion: """
                All recipients that match go there; where a message goes there already, its others stay as they are. Reports to
                senders name the address that they know.

                EXAMPLE
                  hoptop queue edit to=bob@exmaple.org --address bob@example.org

                \(CommandStatus.help)
                """)
        @Option(help: ArgumentHelp("Where to: bob@example.org.", valueName: "address"))
        var address: String
        @OptionGroup var targets: QueueTargets
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            try await QueueOrder(.address(to: self.address), output.paper.now).run(on: feed, self.targets, output)
        }
    }

    struct Undo: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take back a drop.",
            discussion: """
                Without a token your last drop. How long it can be taken back is queue.undo of the configuration.

                EXAMPLE
                  hoptop queue undo --token 17@mx1.example.net

                \(CommandStatus.help)
                """)
        @Option(help: ArgumentHelp("As hoptop queue drop printed it.", valueName: "number@node"))
        var token: String?
        @Flag(help: "Say what would be taken back, and take back nothing.")
        var dryRun = false
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            var token = try self.given
            if let token {
                let node = try await feed.capabilities().node
                guard token.node == node else { throw Failure("\(token.text) is of another node: this is \(node)") }
            }
            if self.dryRun { return try await self.rehearse(token, feed, output) }
            if token == nil { token = try await feed.undoable().last?.token }
            guard let token else { return Self.nothing(output) }
            let receipt = try await feed.undo(token)
            guard [receipt].foundNothing else {
                return try receipt.report("undo drop", output, asJSON: self.form.json)
            }
            if self.form.json {
                try output.json(receipt)
            } else {
                output.say(
                    "\(token.text): nothing to take back: no drop has that token, it was taken back already, or its time is "
                        + "over")
            }
            return .nothing
        }

        private static func nothing(_ output: Output) -> CommandStatus {
            output.say(
                "no drop of yours can be taken back now; what was held goes on with hoptop queue release, and what was "
                    + "sent to another address goes back with hoptop queue edit")
            return .nothing
        }

        /// - Parameter token: `nil`: the last one.
        private func rehearse(
            _ token: UndoToken?, _ feed: any MonitorFeed, _ output: Output
        ) async throws -> CommandStatus {
            let offers = try await feed.undoable()
            let offer = offers.last { token == nil || $0.token == token }
            if self.form.json { try output.json(offer) }
            guard let offer else { return self.form.json ? .nothing : Self.nothing(output) }
            if !self.form.json {
                let until = Format.moment(offer.until, output.paper.now)
                output.line(
                    "undo drop: \(Words.rehearsal(offer.recipients, offer.messages, active: nil)), until \(until) UTC")
            }
            return .done
        }

        private var given: UndoToken? {
            get throws {
                guard let text = self.token else { return nil }
                guard let token = UndoToken(text) else {
                    throw ValidationError("--token \(text): write it as it was printed, such as 17@mx1.example.net")
                }
                return token
            }
        }
    }
}
