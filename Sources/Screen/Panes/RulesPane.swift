import Mail
import Monitor

/// Standing rules, suspensions and other ways that are in force, as a list; each can be ended from here.
final class RulesPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private var rows: [RuleRow]?
    private var cursor = 0
    private var height = 1
    private var painted = PaintedRows()

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    var name: String { "rules" }
    var title: String { "Rules" }
    var areas: Set<FeedChange.Area> { [.queue, .facts] }
    var commands: [Command] { [.open, .back, .endRule] }
    func note(_ around: Surroundings) -> String { self.rows.map { Format.plural($0.count, "rule") } ?? "" }

    private var selected: RuleRow? {
        self.rows.flatMap { $0.indices.contains(self.cursor) ? $0[self.cursor] : nil }
    }
    func destination(_ around: Surroundings) -> String? { self.selected?.rule.terms.order.destination }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let feed = self.feed
        return [
            Read(
                self.key("rules"), begin: { { try await feed.rules() } },
                take: { (rows: [RuleRow], around) in
                    // Nothing moves under the operator.
                    let selected = self.selected?.ref
                    self.rows = rows
                    self.cursor = rows.firstIndex { $0.ref == selected } ?? self.cursor
                    self.cursor = max(0, min(self.cursor, rows.count - 1))
                    return []
                }, failed: { [.say($0, .failure)] })
        ]
    }

    /// What is refused is no change that is told.
    func ticked(_ around: Surroundings) -> [Effect] {
        let refuses = self.rows?.contains { if case .refuse = $0.rule.terms.order { true } else { false } } ?? false
        return refuses ? self.reads(around).map(Effect.read) : []
    }

    // MARK: Keys

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .open:
            guard let row = self.selected else { return [] }
            return row.rule.terms.order.door.map { [.show(view: .queue, [Call(command: .filter, argument: $0.text)])] }
                ?? [.say("no filter asks for clients: the queue cannot show these alone", .plain)]
        case .endRule:
            guard let row = self.selected else { return [.say("there is no rule to end", .plain)] }
            return [.ask(row.endDialog(node: self.node, nil, around.now))]
        default: return nil
        }
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.cursor = max(0, motion.target(from: self.cursor, count: self.rows?.count ?? 0, height: self.height))
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        guard let row = self.painted.number(at: place) else { return false }
        self.cursor = row
        return true
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let texts = (self.rows ?? []).map { "\($0.rule.id) \($0.rule.terms) \($0.rule.by)" }
        guard let found = search.find(in: texts, from: self.cursor) else { return [search.failed] }
        self.cursor = found
        return []
    }

    func status(_ around: Surroundings) -> [Run] {
        guard let row = self.selected else { return [] }
        let age = Format.age(milliseconds: around.now.since(row.rule.at))
        return [Run("\(row.rule.terms.order)", .title), Run("  set \(age) ago by \(row.rule.by)", .muted)]
            + (row.rule.terms.reason.map { [Run(": \($0)")] } ?? [])
    }

    // MARK: Painting

    static let columns: [Column<RuleRow>] = [
        Column("RULE", .fixed(4), isRight: true) { row, _ in TableCell("\(row.rule.id)", .title) },
        Column("ORDER", .share(20, weight: 5)) { row, _ in TableCell("\(row.rule.terms.order)") },
        Column("NOW", .fixed(14)) { row, _ in
            switch row.rule.terms.order {
            case .hold: TableCell("\(Format.count(row.held)) on hold", row.held > 0 ? .hold : .muted)
            case .refuse: TableCell("\(Format.count(row.refused)) refused", row.refused > 0 ? .bounced : .muted)
            case .suspend, .reroute: TableCell("")
            }
        },
        Column("ENDS", .fixed(16), from: 60) { row, look in
            TableCell(row.rule.terms.until.map { Format.moment($0, look.now) } ?? "-", .muted)
        },
        Column("BY", .share(4, weight: 1), from: 50) { row, _ in TableCell(row.rule.by, .muted) },
        Column("REASON", .share(6, weight: 3), from: 78) { row, _ in TableCell(row.rule.terms.reason ?? "", .muted) },
    ]

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let inner = painter.box(
            area, title: "Standing rules",
            right: "\(around.sentence(.open, "shows its mail"))  \(around.sentence(.endRule, "ends it"))",
            isFocused: true)
        self.height = max(1, inner.height - 1)
        guard let rows = self.rows else { return painter.empty(["reading"], in: inner) }
        guard !rows.isEmpty else {
            return painter.empty(
                [
                    "no rule is in force", ":rule hold to example.org until 06:00 maintenance",
                    ":rule refuse 550 from spam@example.net for 2h", ":suspend mx.example.org:25 for 30m",
                ], in: inner)
        }
        var columns = Self.columns
        if let names = around.nodeNames(at: self.node, rows: rows.map(\.ref.node)) {
            columns.insert(.node(names) { $0.ref.node }, at: 1)
        }
        let table = Table(columns, width: inner.width - 2)
        table.paintHeader(&painter, inner.row(0).inset(1, 0))
        let top = max(0, min(self.cursor - self.height + 1, rows.count - self.height))
        let look = RowLook(around)
        self.painted = PaintedRows(
            area: inner.below(1), numbers: top..<max(top, min(rows.count, top + self.height)))
        for (line, index) in self.painted.numbers.enumerated() {
            let row = inner.row(1 + line)
            table.paint(rows[index], look, &painter, row.inset(1, 0))
            if index == self.cursor { painter.select(row) }
        }
    }
}

extension Command {
    static let endRule = Command("end", ["d"], "end the rule; what it alone holds is released", hint: "end", acts: true)
}

extension StandingOrder {
    /// The filter that shows the mail it is about; `nil`: none can.
    fileprivate var door: FilterExpression? {
        switch self {
        case .suspend(let destination), .reroute(let destination, _): FilterExpression(.dest, is: destination)
        case .hold(let mail), .refuse(let mail, _): mail.door
        }
    }
}

extension MailCondition {
    fileprivate var door: FilterExpression? {
        switch self {
        case .sender(let pattern): Self.door(.from, pattern)
        case .recipient(let pattern): Self.door(.to, pattern)
        case .user(let name): FilterExpression(.user, is: name)
        case .client: nil
        }
    }

    private static func door(_ field: FilterField, _ pattern: String) -> FilterExpression {
        if pattern == "*" { return .all }
        if pattern.contains("@") || pattern == "<>" { return FilterExpression(field, is: pattern) }
        let domain = pattern.hasPrefix("*.") ? String(pattern.dropFirst(1)) : "@\(pattern)"
        return FilterExpression([(field, ":", domain)])
    }
}
