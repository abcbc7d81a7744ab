import Mail
import Monitor

/// The sessions that the filter of the connections matches, as a tree: put together by what they have in common. Enter shows a
/// group's in the view, or a session's dialogue.
final class SessionGroupsPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let query: ConnectionQuery
    private var grouping: SessionGrouping
    /// `nil`: none were read yet.
    private var sessions: SessionsRead?
    private var isReading = false
    private var restsUntil = Timestamp(milliseconds: 0)
    /// Something changed since they were asked for.
    private var isBehind = false
    private var groups: [SessionGroup] = []
    /// The identities of the groups whose sessions stand below them.
    private var open: Set<String?> = []
    private var list = ListAtHand<SessionLine> { $0.isSame(as: $1) }

    /// - Parameter query: of the connections' view.
    init(_ grouping: SessionGrouping, of query: ConnectionQuery, node: Int, feed: any MonitorFeed) {
        self.grouping = grouping
        self.query = query
        self.node = node
        self.feed = feed
    }

    var name: String { "session-groups" }
    var title: String { "by \(self.grouping.rawValue)" }
    var areas: Set<FeedChange.Area> { [.connections] }
    var commands: [Command] { Self.commands }
    private static let commands: [Command] =
        [.open, .back, .unfold, .outline, .transcript, .endSession] + Command.scrolling
    func note(_ around: Surroundings) -> String {
        self.sessions.map { "\($0.countWords) in \(Format.plural(self.groups.count, "group"))" } ?? ""
    }
    func arguments(of command: Command) -> [String] {
        command == .outline ? SessionGrouping.allCases.map(\.rawValue) : []
    }
    func destination(_ around: Surroundings) -> String? {
        if let row = self.list.selected?.session { return row.direction == .outbound ? row.name : nil }
        return self.grouping == .destination ? self.list.selected?.group.value : nil
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let (feed, query, begun) = (self.feed, self.query, around.now)
        return [
            Read(
                self.key("sessions"),
                begin: {
                    self.isReading = true
                    self.isBehind = false
                    return { try await SessionsRead(of: feed, query) }
                },
                take: { (sessions: SessionsRead, around) in
                    self.isReading = false
                    self.restsUntil = around.now.adding(milliseconds: around.now.since(begun) * 10)
                    // Nothing moves under the operator.
                    if self.sessions != nil, around.isFrozen || around.rowsMustStay {
                        return around.isFrozen ? [] : [.later]
                    }
                    self.sessions = sessions
                    self.put(around)
                    return []
                },
                failed: { words in
                    self.isReading = false
                    return (self.sessions == nil ? [.back] : []) + [.say(words, .failure)]
                })
        ]
    }

    /// All sessions are read for it, which a busy relay would ask for at each change: so it is done once a second at most, and a
    /// tenth of the time at most.
    func reads(_ around: Surroundings, changed node: Int) -> [Read] {
        self.isBehind = true
        return []
    }

    func ticked(_ around: Surroundings) -> [Effect] {
        guard self.isBehind, !self.isReading, around.now >= self.restsUntil else { return [] }
        return around.rowsMustStay ? [.later] : self.reads(around).map(Effect.read)
    }

    /// Puts the sessions together.
    private func put(_ around: Surroundings) {
        guard let sessions else { return }
        self.groups = SessionGroup.all(sessions.rows, by: self.grouping, at: around.now)
        self.list.show(SessionLine.all(self.groups, open: self.open))
    }

    func forget() {
        self.sessions = nil
        self.isReading = false
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .open:
            guard let line = self.list.selected else { return [] }
            if let row = line.session { return self.transcript(of: row, around) }
            let door = self.query.filter.narrowed(to: self.grouping.door(line.group.value))
            return [.show(view: View.connections, [Call(command: .filter, argument: door.text)])]
        case .transcript:
            return self.list.selected?.session.map { self.transcript(of: $0, around) }
                ?? [.say("a group has many dialogues: \(around.sentence(.unfold, "shows its sessions"))", .plain)]
        case .endSession:
            guard let row = self.list.selected?.session else {
                return [.say("one session is closed at a time: \(around.sentence(.unfold, "shows them"))", .plain)]
            }
            return TranscriptPane.askEnd(row, node: self.node)
        case .unfold: return self.unfold()
        case .outline:
            guard let grouping = call.argument.flatMap(SessionGrouping.init) else {
                return [.ask(SessionGrouping.menu(self.grouping) { self.group(by: $0, $1) })]
            }
            return self.group(by: grouping, around)
        default: return nil
        }
    }

    private func transcript(of row: ConnectionRow, _ around: Surroundings) -> [Effect] {
        TranscriptPane.open(TranscriptPart(session: row.ref), node: self.node, self.feed, around)
    }

    private func unfold() -> [Effect] {
        guard let group = self.list.selected?.group else { return [] }
        if self.open.remove(group.identity) == nil { self.open.insert(group.identity) }
        let lines = SessionLine.all(self.groups, open: self.open)
        self.list.show(lines)
        // The cursor may have been on what is folded away now.
        self.list.move(to: lines.firstIndex { $0.isSame(as: .group(group, isOpen: true)) } ?? 0)
        return []
    }

    private func group(by grouping: SessionGrouping, _ around: Surroundings) -> [Effect] {
        self.grouping = grouping
        self.open = []
        self.list.ask()
        self.put(around)
        return []
    }

    func move(_ motion: Motion, _ around: Surroundings) { self.list.move(motion) }
    func select(at place: Point, _ around: Surroundings) -> Bool { self.list.select(at: place) }
    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        self.list.search(search) { $0.name(self.grouping) }
    }

    // MARK: Painting

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let filter = self.query.filter.text
        var runs = filter.isEmpty ? [Run("all", .muted)] : [Run("filter: ", .muted), Run(filter, .prompt)]
        if let absent = self.sessions?.absent, !absent.isEmpty {
            runs.append(Run("   without \(absent.map(\.node).joined(separator: ", "))", .failed))
        }
        painter.runs(runs, x: area.x + 3, y: area.y, columns: area.width - 4)
        guard !self.groups.isEmpty else {
            let none = self.query.filter.matchesAll ? "nobody is connected" : "no session matches the filter"
            return painter.empty([self.sessions == nil ? "counting" : none], in: area.below(2))
        }
        self.list.paint(SessionLine.columns(self.grouping), edge: 2, &painter, area.below(1), around)
    }
}

extension Command {
    static let outline = Command(
        "outline", ["o", .function(5)], "a tree by destination, name, address, user, phase or TLS", hint: "group",
        argument: "by")
    static let unfold = Command("unfold", ["x"], "show the group's sessions, or fold them away", hint: "unfold")
}
