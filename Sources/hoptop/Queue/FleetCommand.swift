import ArgumentParser
import Monitor
import Screen

struct FleetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet", abstract: "The nodes that share one queue in a database; any of them can be asked.",
        discussion: """
            EXAMPLES
              hoptop fleet status
              hoptop fleet drain mx2.example.net

            \(CommandStatus.help)
            """,
        subcommands: [Status.self, Drain.self, Undrain.self, Forget.self])

    struct Status: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "How the nodes are doing, and how much mail each has.",
            discussion: """
                STATE is up, draining, silent (it missed to renew its lease, which is not over), stopped (it ended by itself) \
                or gone (nothing was heard of it for as long as its lease lasts). HEARD is how long ago it renewed its lease, \
                or stopped. Others take the mail of a node that drains, stopped or is gone.

                EXAMPLE
                  hoptop fleet status --json | jq '.nodes[] | select(.state == "gone") | .name'

                \(CommandStatus.help)
                """)
        @OptionGroup var form: JSONOption
        @OptionGroup var daemon: DaemonOptions

        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            let status = try await feed.fleet()
            if self.form.json { try output.json(status) } else { output.lines(status.lines) }
            return .done
        }
    }

    struct Drain: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a node take no more mail, and others take what it has.",
            discussion: """
                It answers clients with a 451, begins no attempt, and lets those under way end. Its mail goes to the other nodes \
                within seconds. So it stays, also when it is started anew, until it is undrained.

                EXAMPLE
                  hoptop fleet drain 2

                \(CommandStatus.help)
                """)
        @OptionGroup var target: FleetTarget
        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            try await self.target.drain(true, on: feed, output)
        }
        var daemon: DaemonOptions { self.target.daemon }
    }

    struct Undrain: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a node that was drained take mail again.",
            discussion: "EXAMPLE\n  hoptop fleet undrain 2\n\n\(CommandStatus.help)")
        @OptionGroup var target: FleetTarget
        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            try await self.target.drain(false, on: feed, output)
        }
        var daemon: DaemonOptions { self.target.daemon }
    }
}

extension FleetCommand {
    struct Forget: FeedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a node that is gone for good.",
            discussion: """
                Nothing that happens to mail is kept any longer for its journal and its log, it is in no list of nodes, and \
                limits are divided without it. Refused while it is up, or for as long as its lease lasts. Mail that it had \
                goes to the other nodes. Started again, it is a node as any new one.

                Have all nodes, and whoever attaches to them, on this version first: an earlier node leaves what is done \
                here out of its log and its journal, and an earlier client cannot read the pages of facts that tell it.

                EXAMPLE
                  hoptop fleet forget mx3.example.net

                \(CommandStatus.help)
                """)
        @Flag(help: "Say which node it is. Whether a process still has its number is seen only when it is done.")
        var dryRun = false
        @OptionGroup var target: FleetTarget
        func run(on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
            guard let node = try await self.target.find(on: feed, output) else { return .nothing }
            let name = "node \(node.number) (\(node.name))"
            if self.dryRun {
                guard node.state == .gone || node.state == .stopped else {
                    throw Failure("\(name) is \(node.state.rawValue): only one that stopped or is gone is forgotten")
                }
                let status = FleetStatus(nodes: [node])
                if self.target.form.json {
                    try output.json(status)
                } else {
                    output.line(
                        "would forget \(name), \(node.state.rawValue) for \(Format.age(milliseconds: node.age)), unless a "
                            + "process still has its number")
                }
                return .done
            }
            let status = try await feed.forget(node.number)
            if self.target.form.json { try output.json(status) } else { output.line("forgot \(name)", .ok) }
            return .done
        }
        var daemon: DaemonOptions { self.target.daemon }
    }
}

/// The node that a command is about, whichever one is asked.
struct FleetTarget: ParsableArguments {
    @Argument(help: ArgumentHelp("The node's number, or its name.", valueName: "node"))
    var node: String
    @OptionGroup var form: JSONOption
    @OptionGroup var daemon: DaemonOptions

    /// - Returns: `nil`: there is none, as it was told.
    func find(on feed: any MonitorFeed, _ output: Output) async throws -> FleetStatus.Node? {
        do throws(FeedError) { return try await feed.fleetStatus().node(self.node) } catch {
            guard error.code == .gone else { throw error }
            output.say("\(error)")
            return nil
        }
    }

    func drain(_ isDrained: Bool, on feed: any MonitorFeed, _ output: Output) async throws -> CommandStatus {
        guard let node = try await self.find(on: feed, output) else { return .nothing }
        let status = try await feed.drain(node.number, isDrained)
        guard !self.form.json else {
            try output.json(status)
            return .done
        }
        let others = status.nodes.contains { $0.state == .up && $0.number != node.number }
        output.line(
            isDrained
                ? "node \(node.number) (\(node.name)) drains"
                    + (others ? "" : "; no other node is up, so that its mail stays where it is")
                : "node \(node.number) (\(node.name)) takes mail", isDrained && !others ? .limited : .ok)
        return .done
    }
}

extension MonitorFeed {
    /// ``fleet()`` with errors of a feed alone.
    fileprivate func fleetStatus() async throws(FeedError) -> FleetStatus {
        do { return try await self.fleet() } catch {
            throw error as? FeedError ?? FeedError(.unavailable, "\(error)")
        }
    }
}

extension FleetStatus {
    fileprivate var lines: [[Run]] {
        let titles = ["NODE", "NAME", "STATE", "HEARD", "MESSAGES", "SOFTWARE"]
        let cells = self.nodes.map { node in
            [
                "\(node.number)\(node.isAsked ? "*" : "")", node.name,
                node.state.rawValue + (node.isDrained && node.state != .draining ? ", drained" : ""),
                Format.age(milliseconds: node.age), Format.count(node.messages), node.software,
            ]
        }
        let widths = titles.indices.map { column in
            ([titles[column]] + cells.map { $0[column] }).map { SafeText($0).columns }.max() ?? 0
        }
        func line(_ cells: [String], _ role: (Int) -> Role) -> [Run] {
            cells.indices.map { column in
                let text = column == cells.count - 1 ? cells[column] : cells[column].padded(widths[column] + 2)
                return Run(text, role(column))
            }
        }
        return [line(titles) { _ in .header }]
            + zip(self.nodes, cells).map { node, cells in
                line(cells) { column in
                    guard column == 2 else { return column == 1 ? .title : .base }
                    return node.state.role
                }
            }
    }
}
