import Monitor

/// Where commands are understood: a view, or what is opened on top of one.
struct Place {
    let name: String
    /// Beside what is understood everywhere.
    let commands: [Command]

    /// What is understood everywhere, and means nothing else here.
    var others: [Command] { Command.everywhere.filter { !self.commands.contains($0) } }

    init(name: String, commands: [Command]) {
        self.name = name
        self.commands = commands
    }
    init(_ pane: any Pane) { self.init(name: pane.name, commands: pane.commands) }

    static let all: [Place] = {
        // Nothing is asked of it.
        let feed = JoinedFeed([])
        let session = SessionRef(node: "", id: "")
        let opened: [any Pane] = [
            MessagePane("", node: 0, feed: feed),
            TranscriptPane(session, TranscriptPart(session: session), node: 0, feed: feed),
            RoutePane("", node: 0, feed: feed), RulesPane(node: 0, feed: feed),
            GroupsPane(.destination, of: QueueQuery(filter: .all), node: 0, feed: feed),
            SessionGroupsPane(.destination, of: ConnectionQuery(filter: .all), node: 0, feed: feed),
        ]
        return (View.all.map { $0.make(0, feed) } + opened).map { Place($0) }
    }()
}
