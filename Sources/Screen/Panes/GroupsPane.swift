import Mail
public import Monitor

/// The recipients that the queue's filter matches, put together by what they have in common. A group is a door to its mail,
/// and what is done to it is done to exactly its recipients.
final class GroupsPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let query: QueueQuery
    private var grouping: QueueGrouping
    /// `nil`: they were not counted yet.
    private var groups: QueueGroups?
    private var list = ListAtHand<QueueGroup>(by: \.value)

    /// - Parameter query: of the queue's view.
    init(_ grouping: QueueGrouping, of query: QueueQuery, node: Int, feed: any MonitorFeed) {
        self.grouping = grouping
        self.query = query
        self.node = node
        self.feed = feed
    }

    var name: String { "groups" }
    var title: String { "by \(self.grouping.rawValue)" }
    var areas: Set<FeedChange.Area> { [.queue, .facts] }
    var commands: [Command] { Self.commands }
    private static let commands: [Command] =
        [
            .open, .back, .retry, .hold, .drop, .bounce, .release, .group,
        ] + Command.scrolling

    private var selected: QueueGroup? { self.list.selected }
    func destination(_ around: Surroundings) -> String? {
        self.grouping == .destination ? self.selected?.value.flatMap { $0 == noRoute ? nil : $0 } : nil
    }
    func arguments(of command: Command) -> [String] {
        command == .group ? QueueGrouping.allCases.map(\.rawValue) : []
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] { [self.read()] }

    private func read() -> Read {
        let feed = self.feed
        let query = self.query
        var grouping = self.grouping
        return Read(
            self.key("groups"), isInstead: self.groups == nil,
            begin: {
                grouping = self.grouping
                return { [grouping] in try await feed.groups(query, by: grouping) }
            },
            take: { (groups: QueueGroups, around) in
                guard grouping == self.grouping else { return [] }
                // Nothing moves under the operator.
                if self.groups != nil, around.isFrozen || around.rowsMustStay { return around.isFrozen ? [] : [.later] }
                self.groups = groups
                self.list.show(groups.groups)
                return []
            }, failed: { (self.groups == nil ? [.back] : []) + [.say($0, .failure)] })
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .open:
            guard let group = self.selected else { return [] }
            let door = group.door(self.grouping, of: self.query)
            return [.show(view: View.queue, [Call(command: .filter, argument: door.text)])]
        case .group:
            guard let grouping = call.argument.flatMap(QueueGrouping.init) else {
                return [.ask(QueueGrouping.menu(self.grouping) { self.group(by: $0) })]
            }
            return self.group(by: grouping)
        case .reroute where call.argument?.hasPrefix("to ") == true:
            return self.act { chosen in
                StandingCommand(
                    node: self.node, feed: self.feed, around: around, destination: nil, chosen: chosen
                ).perform(call)
            }
        default:
            guard let action = QueueAction(call.command) else { return nil }
            if let refusal = action.refusal(of: call.argument) { return refusal }
            return self.act {
                [.order(Order(action: action, chosen: $0, node: self.node, asks: true, reason: call.argument))]
            }
        }
    }

    private func group(by grouping: QueueGrouping) -> [Effect] {
        guard grouping != self.grouping else { return [] }
        self.grouping = grouping
        self.groups = nil
        self.list.ask()
        return [.read(self.read())]
    }

    private func act(_ then: @escaping (Chosen) -> [Effect]) -> [Effect] {
        guard let group = self.selected else { return [.say("there is no group here", .plain)] }
        let door = group.door(self.grouping, of: self.query)
        let name = self.name(of: group)
        return [
            self.freeze(
                QueueQuery(filter: door), of: self.feed, name: name, limits: "\(self.grouping.rawValue) \(name)",
                then: then)
        ]
    }

    func move(_ motion: Motion, _ around: Surroundings) { self.list.move(motion) }
    func select(at place: Point, _ around: Surroundings) -> Bool { self.list.select(at: place) }
    func search(_ search: Search, _ around: Surroundings) -> [Effect] { self.list.search(search, in: self.name) }

    // MARK: Painting

    private func name(of group: QueueGroup) -> String { group.value ?? self.grouping.absence }

    func note(_ around: Surroundings) -> String {
        self.groups.map { groups in
            "\(Words.counts(groups.recipients, groups.messages)) in \(groups.countWords)"
        } ?? ""
    }

    func status(_ around: Surroundings) -> [Run] {
        guard let group = self.selected else { return [] }
        return [
            Run("acts on: ", .muted), Run(address: self.name(of: group)),
            Run(", \(Words.counts(group.recipients.unsettled, group.messages))", .muted),
        ]
    }

    static func columns(_ grouping: QueueGrouping) -> [Column<QueueGroup>] {
        [
            Column(grouping.rawValue.uppercased(), .share(16, weight: 4)) { row, look in
                TableCell(grouping.run(row.value, look))
            },
            Column("RCPTS", .fixed(8), isRight: true) { row, look in
                TableCell(look.count(row.recipients.unsettled, columns: 8), .title)
            },
            Column("MSGS", .fixed(8), isRight: true, from: 60) { row, look in
                TableCell(look.count(row.messages, columns: 8), .muted)
            },
            Column("SIZE", .fixed(5), isRight: true, from: 76) { row, _ in
                TableCell(Format.octets(row.contentOctets), .muted)
            },
        ]
            + [RecipientState.queued, .active, .deferred, .hold].map { state in
                Column(state.columnTitle, .fixed(7), isRight: true, from: 110) { row, look in
                    let count = row.recipients[state]
                    return TableCell(
                        count == 0 ? "-" : look.count(count, columns: 7), count == 0 ? .muted : state.role)
                }
            } + [
                Column("OLDEST", .fixed(6), isRight: true, from: 50) { row, look in
                    TableCell(Format.roughAge(milliseconds: look.now.since(row.oldest)), .muted)
                },
                Column("A REPLY", .share(12, weight: 4), from: 60) { row, look in
                    let host = grouping == .destination ? row.value : nil
                    return TableCell(row.reply.map { look.reply($0, host: host) } ?? Run("", .muted))
                },
            ]
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let filter = self.query.filter.text
        painter.runs(
            filter.isEmpty ? [Run("all", .muted)] : [Run("filter: ", .muted), Run(filter, .prompt)],
            x: area.x + 3, y: area.y, columns: area.width - 4)
        let room = area.below(1).top(area.height - 2)
        guard let groups = self.groups else { return painter.empty(["counting"], in: room.below(1)) }
        guard !groups.groups.isEmpty else {
            return painter.empty(["nothing is queued that matches"], in: room.below(1))
        }
        self.list.paint(Self.columns(self.grouping), edge: 2, &painter, room, around)
        if let words = groups.restWords {
            painter.text(words, x: area.x + 2, y: area.maxY - 1, columns: area.width - 4, role: .muted)
        }
    }
}

extension QueueGroups {
    fileprivate var countWords: String {
        Format.plural(self.groups.count + self.moreGroups, "group") + (self.isBounded ? " or more" : "")
    }
    /// What is in none of the groups that are told; `nil`: nothing.
    public var restWords: String? {
        var words: [String] = []
        if self.otherRecipients > 0 {
            let groups = self.moreGroups > 0 ? " in \(Format.plural(self.moreGroups, "smaller group"))" : ""
            words.append("\(Format.plural(self.otherRecipients, "recipient")) more\(groups)")
        }
        if self.isBounded { words.append("more groups than are told apart: a filter leaves fewer") }
        if let absent = self.absent { words.append("without \(absent.map(\.node).joined(separator: ", "))") }
        return words.isEmpty ? nil : words.joined(separator: "; ")
    }
}

extension QueueGrouping {
    /// What is said of recipients that have nothing to be grouped by.
    fileprivate var absence: String {
        switch self {
        case .failure: "no reply yet"
        case .user: "nobody logged in"
        case .client: "not known, or made here"
        case .destination, .sender, .state: "none"
        }
    }

    fileprivate func run(_ value: String?, _ look: RowLook) -> Run {
        guard let value else { return Run(self.absence, .muted) }
        switch self {
        case .destination: return Run(look.place(value, value), .title)
        case .sender: return Run(address: value)
        case .state:
            return RecipientState.allCases.first { $0.word == value }.map { Run(state: $0, look.glyphs) } ?? Run(value)
        case .failure: return Run(reply: value)
        case .user, .client: return Run(value)
        }
    }

    /// Asks by what the queue is to be grouped.
    static func menu(
        _ current: QueueGrouping = .destination, _ taken: @escaping (QueueGrouping) -> [Effect]
    ) -> Menu {
        Menu(
            title: "Group by", items: self.allCases.map(\.rawValue), chosen: current.rawValue,
            taken: { word, _ in QueueGrouping(rawValue: word).map(taken) ?? [] })
    }
}

extension RecipientState {
    fileprivate var columnTitle: String {
        switch self {
        case .queued: "DUE"
        case .active: "NOW"
        case .deferred: "DEFER"
        case .hold: "HOLD"
        case .relayed, .bounced, .expired, .dropped: ""
        }
    }
}

extension Command {
    static let group = Command(
        "group", ["o", .function(5)], "put together by destination, sender, state, failure, user or client",
        argument: "by")
}
