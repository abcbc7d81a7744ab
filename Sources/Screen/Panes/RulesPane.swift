import Mail
import Monitor

/// Standing rules, suspensions and other ways that are in force, as a list; each can be ended from here.
final class RulesPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private var list = ListAtHand<RuleRow>(by: \.ref)

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    var name: String { "rules" }
    var title: String { "Rules" }
    var areas: Set<FeedChange.Area> { [.queue, .facts] }
    var commands: [Command] { [.open, .back, .endRule] }
    func note(_ around: Surroundings) -> String { self.list.isRead ? Format.plural(self.list.count, "rule") : "" }

    private var selected: RuleRow? { self.list.selected }
    func destination(_ around: Surroundings) -> String? { self.selected?.rule.terms.order.destination }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let feed = self.feed
        return [
            Read(
                self.key("rules"), begin: { { try await feed.rules() } },
                take: { (rows: [RuleRow], around) in
                    self.list.show(rows)
                    return []
                }, failed: { [.say($0, .failure)] })
        ]
    }

    /// What is refused is no change that is told.
    func ticked(_ around: Surroundings) -> [Effect] {
        let refuses = self.list.rows?.contains { if case .refuse = $0.rule.terms.order { true } else { false } }
        return refuses == true ? self.reads(around).map(Effect.read) : []
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

    func move(_ motion: Motion, _ around: Surroundings) { self.list.move(motion) }
    func select(at place: Point, _ around: Surroundings) -> Bool { self.list.select(at: place) }
    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        self.list.search(search) { "\($0.rule.id) \($0.rule.terms) \($0.rule.by)" }
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
            case .suspend, .reroute, .limit: TableCell("")
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
        guard let rows = self.list.rows else { return painter.empty(["reading"], in: inner) }
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
        self.list.paint(columns, &painter, inner, around)
    }
}

extension Command {
    static let endRule = Command("end", ["d"], "end the rule; what it alone holds is released", hint: "end", acts: true)
}

extension StandingOrder {
    /// The filter that shows the mail it is about; `nil`: none can.
    fileprivate var door: FilterExpression? {
        switch self {
        case .suspend(let destination), .reroute(let destination, _), .limit(let destination, _):
            FilterExpression(.dest, is: destination)
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
