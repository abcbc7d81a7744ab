import Mail
public import Monitor

/// The nodes that share the queue, with the state of each and what it has.
final class FleetPane: Pane {
    /// Ticks from one look to the next: the database counts what each node has.
    private static let betweenLooks = 10

    let node: Int
    private let feed: any MonitorFeed
    private var nodes: [FleetStatus.Node] = []
    private var problem: String?
    private var ticks = 0
    private var cursor = 0
    private var height = 1
    private var painted = PaintedRows()

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    var name: String { "fleet" }
    var title: String { "Fleet" }
    var areas: Set<FeedChange.Area> { [] }
    var commands: [Command] { [.open, .back] }
    func note(_ around: Surroundings) -> String { self.nodes.isEmpty ? "" : Format.plural(self.nodes.count, "node") }

    private var selected: FleetStatus.Node? {
        self.nodes.indices.contains(self.cursor) ? self.nodes[self.cursor] : nil
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let feed = self.feed
        return [
            Read(
                self.key("fleet"), begin: { { try await feed.fleet() } },
                take: { (status: FleetStatus, around) in
                    let selected = self.selected?.number
                    self.problem = nil
                    self.nodes = status.nodes
                    self.cursor = self.nodes.firstIndex { $0.number == selected } ?? 0
                    return []
                },
                failed: {
                    self.problem = $0
                    return []
                })
        ]
    }

    func ticked(_ around: Surroundings) -> [Effect] {
        self.ticks += 1
        return self.ticks.isMultiple(of: Self.betweenLooks) ? self.reads(around).map(Effect.read) : []
    }

    // MARK: Keys

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .open:
            guard let node = self.selected else { return [] }
            let filter = FilterExpression(.node, is: node.name)
            return [.show(view: .queue, [Call(command: .filter, argument: filter.text)])]
        default: return nil
        }
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.cursor = max(0, motion.target(from: self.cursor, count: self.nodes.count, height: self.height))
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        guard let row = self.painted.number(at: place) else { return false }
        self.cursor = row
        return true
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        guard let found = search.find(in: self.nodes.map { "\($0.number) \($0.name)" }, from: self.cursor) else {
            return [search.failed]
        }
        self.cursor = found
        return []
    }

    func status(_ around: Surroundings) -> [Run] {
        guard let node = self.selected else { return [] }
        return [Run(node.name, .title), Run("  \(node.state.meaning)", .muted)]
    }

    // MARK: Painting

    private static let columns: [Column<FleetStatus.Node>] = [
        Column("NODE", .fixed(5)) { node, _ in TableCell("\(node.number)\(node.isAsked ? "*" : "")") },
        Column("NAME", .share(8, weight: 3)) { node, _ in TableCell(node.name, .title) },
        Column("STATE", .fixed(16)) { node, _ in
            let isToBeDrained = node.isDrained && node.state != .draining
            return TableCell(node.state.rawValue + (isToBeDrained ? ", drained" : ""), node.state.role)
        },
        Column("HEARD", .fixed(6)) { node, _ in TableCell(Format.age(milliseconds: node.age), .muted) },
        Column("MESSAGES", .fixed(9)) { node, _ in TableCell(Format.count(node.messages)) },
        Column("SOFTWARE", .share(8, weight: 1), from: 70) { node, _ in TableCell(node.software, .muted) },
    ]

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let inner = painter.box(
            area, title: "Nodes of the queue", right: around.sentence(.open, "shows its mail"), isFocused: true)
        self.height = max(1, inner.height - 1)
        if let problem { return painter.empty([problem], in: inner) }
        guard !self.nodes.isEmpty else { return painter.empty(["reading"], in: inner) }
        let table = Table(Self.columns, width: inner.width - 2)
        table.paintHeader(&painter, inner.row(0).inset(1, 0))
        let top = max(0, min(self.cursor - self.height + 1, self.nodes.count - self.height))
        let look = RowLook(around)
        self.painted = PaintedRows(
            area: inner.below(1), numbers: top..<max(top, min(self.nodes.count, top + self.height)))
        for (line, index) in self.painted.numbers.enumerated() {
            let row = inner.row(1 + line)
            table.paint(self.nodes[index], look, &painter, row.inset(1, 0))
            if index == self.cursor { painter.select(row) }
        }
    }
}

extension FleetStatus.Node.State {
    fileprivate var meaning: String {
        switch self {
        case .up: "takes mail, and delivers what it has"
        case .draining: "takes no mail, and others take what it has"
        case .silent: "missed to renew its lease; when that is over others take what it has"
        case .stopped: "ended by itself; others took what it had"
        case .gone: "says nothing; others take what it has"
        case .unknown: "is in a state that this version does not know"
        }
    }
    public var role: Role {
        switch self {
        case .up: .ok
        case .draining, .silent: .limited
        case .stopped, .unknown: .muted
        case .gone: .failed
        }
    }
}
