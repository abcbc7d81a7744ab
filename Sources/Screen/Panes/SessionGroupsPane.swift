import Mail
import Monitor

/// The sessions that the filter of the connections matches, put together by what they have in common. Enter shows a group's.
final class SessionGroupsPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let query: ConnectionQuery
    private var grouping: SessionGrouping
    /// `nil`: none were read yet.
    private var rows: [ConnectionRow]?
    private var isReading = false
    /// Something changed since they were asked for.
    private var isBehind = false
    private var groups: [SessionGroup] = []
    private var cursor = 0
    private var painted = PaintedRows()

    /// More sessions than a relay has by default.
    private static let rowsRead = 20_000
    /// What a feed hands out at a time.
    private static let pageRows = 1000

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
    var commands: [Command] { [.open, .back, .outline] + Command.scrolling }
    func note(_ around: Surroundings) -> String {
        self.rows.map { "\(Format.plural($0.count, "session")) in \(Format.plural(self.groups.count, "group"))" } ?? ""
    }
    func arguments(of command: Command) -> [String] {
        command == .outline ? SessionGrouping.allCases.map(\.rawValue) : []
    }

    private var selected: SessionGroup? {
        self.groups.indices.contains(self.cursor) ? self.groups[self.cursor] : nil
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let (feed, query) = (self.feed, self.query)
        return [
            Read(
                self.key("sessions"),
                begin: {
                    self.isReading = true
                    self.isBehind = false
                    return { try await Self.rows(of: feed, query) }
                },
                take: { (rows: [ConnectionRow], around) in
                    self.isReading = false
                    // Nothing moves under the operator.
                    if self.rows != nil, around.rowsMustStay { return [.later] }
                    self.show(rows, around.now)
                    return []
                },
                failed: { words in
                    self.isReading = false
                    return (self.rows == nil ? [.back] : []) + [.say(words, .failure)]
                })
        ]
    }

    /// All sessions are read for it, which a busy relay would ask for at each change: so it is done once a second.
    func reads(_ around: Surroundings, changed node: Int) -> [Read] {
        self.isBehind = true
        return []
    }

    func ticked(_ around: Surroundings) -> [Effect] {
        guard self.isBehind, !self.isReading else { return [] }
        return around.rowsMustStay ? [.later] : self.reads(around).map(Effect.read)
    }

    /// Page by page, so that they are of about one moment.
    private static func rows(of feed: any MonitorFeed, _ query: ConnectionQuery) async throws -> [ConnectionRow] {
        var rows: [ConnectionRow] = []
        while rows.count < Self.rowsRead {
            let request = WindowRequest<SessionRef>(.row(number: rows.count), count: Self.pageRows)
            let window = try await feed.connections(query, window: request)
            // The last page begins before the row that was asked for.
            let news = window.rows.dropFirst(max(0, rows.count - window.first))
            rows += news
            if news.isEmpty || rows.count >= window.matched { break }
        }
        return rows
    }

    private func show(_ rows: [ConnectionRow], _ now: Timestamp) {
        let selected = self.selected?.value
        let isFirst = self.cursor == 0
        self.rows = rows
        self.groups = SessionGroup.all(rows, by: self.grouping, at: now)
        if !isFirst { self.cursor = self.groups.firstIndex { $0.value == selected } ?? self.cursor }
        self.cursor = max(0, min(self.cursor, self.groups.count - 1))
    }

    func forget() {
        self.rows = nil
        self.isReading = false
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .open:
            guard let group = self.selected else { return [] }
            let door = self.query.filter.narrowed(to: self.grouping.door(group.value))
            return [.show(view: View.connections, [Call(command: .filter, argument: door.text)])]
        case .outline:
            guard let grouping = call.argument.flatMap(SessionGrouping.init) else {
                return [.ask(SessionGrouping.menu(self.grouping) { self.group(by: $0, $1) })]
            }
            return self.group(by: grouping, around)
        default: return nil
        }
    }

    private func group(by grouping: SessionGrouping, _ around: Surroundings) -> [Effect] {
        self.grouping = grouping
        self.cursor = 0
        if let rows { self.show(rows, around.now) }
        return []
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.cursor = max(
            0, motion.target(from: self.cursor, count: self.groups.count, height: self.painted.area.height))
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        guard let row = self.painted.number(at: place) else { return false }
        self.cursor = row
        return true
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let names = self.groups.map { $0.value ?? self.grouping.absence }
        guard let found = search.find(in: names, from: self.cursor) else { return [search.failed] }
        self.cursor = found
        return []
    }

    // MARK: Painting

    private static func columns(_ grouping: SessionGrouping) -> [Column<SessionGroup>] {
        func count(_ title: String, from columns: Int = 0, _ count: @escaping @Sendable (SessionGroup) -> Int)
            -> Column<SessionGroup>
        {
            Column(title, .fixed(6), isRight: true, from: columns) { row, _ in
                TableCell(count(row) == 0 ? "-" : Format.count(count(row)), count(row) == 0 ? .muted : .base)
            }
        }
        return [
            Column(grouping.rawValue.uppercased(), .share(16, weight: 1)) { row, look in
                row.value.map { TableCell(look.place($0, $0), .title) } ?? TableCell(grouping.absence, .muted)
            },
            count("IN", \.inbound), count("OUT", \.outbound), count("MSGS", from: 50, \.messages),
            Column("RATE", .fixed(7), isRight: true, from: 60) { row, _ in
                TableCell(row.rate == 0 ? "-" : Format.octets(row.rate) + "/s", row.rate == 0 ? .muted : .active)
            },
            Column("IDLE", .fixed(5), isRight: true) { row, _ in
                TableCell(Format.roughAge(milliseconds: row.idle), row.idle > 60_000 ? .limited : .muted)
            },
            Column("OLDEST", .fixed(6), isRight: true, from: 60) { row, look in
                TableCell(Format.roughAge(milliseconds: look.now.since(row.oldest)), .muted)
            },
        ]
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let filter = self.query.filter.text
        painter.runs(
            filter.isEmpty ? [Run("all", .muted)] : [Run("filter: ", .muted), Run(filter, .prompt)],
            x: area.x + 3, y: area.y, columns: area.width - 4)
        let rows = area.below(2)
        guard !self.groups.isEmpty else {
            let none = self.query.filter.matchesAll ? "nobody is connected" : "no session matches the filter"
            return painter.empty([self.rows == nil ? "counting" : none], in: rows)
        }
        let table = Table(Self.columns(self.grouping), width: area.width - 4)
        table.paintHeader(&painter, area.row(1).inset(2, 0))
        let top = max(0, min(self.cursor - rows.height / 2, self.groups.count - rows.height))
        self.painted = PaintedRows(area: rows, numbers: top..<min(self.groups.count, top + rows.height))
        let look = RowLook(around)
        for (line, index) in self.painted.numbers.enumerated() {
            table.paint(self.groups[index], look, &painter, rows.row(line).inset(2, 0), offset: around.columnOffset)
            if index == self.cursor { painter.select(rows.row(line)) }
        }
    }
}

extension Command {
    static let outline = Command(
        "outline", ["o", .function(5)], "put together by peer, user, phase or TLS", hint: "group", argument: "by")
}
