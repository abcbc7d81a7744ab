import Mail
import Monitor

/// Where mail for an address would go, and why.
final class RoutePane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let address: String
    private var answers: [RouteAnswer]?
    private var problem: String?
    private var top = 0

    init(_ address: String, node: Int, feed: any MonitorFeed) {
        self.address = address
        self.node = node
        self.feed = feed
    }

    var name: String { "route" }
    var title: String { "Route" }
    var areas: Set<FeedChange.Area> { [] }
    var commands: [Command] { [.open, .back] }
    func note(_ around: Surroundings) -> String { DomainName.disclosing(self.address) }

    /// The next hop of the only answer.
    func destination(_ around: Surroundings) -> String? { self.answers?.first?.destination?.name }

    func reads(_ around: Surroundings) -> [Read] {
        let (feed, address) = (self.feed, self.address)
        return [
            Read(
                self.key("route"), begin: { { try await feed.route(address) } },
                take: { answers, _ in
                    self.answers = answers
                    self.problem = nil
                    return []
                },
                failed: {
                    self.problem = $0
                    return []
                })
        ]
    }

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .open:
            guard let row = self.answers?.first?.destination else { return [] }
            return [.show(view: View.queue, [Call(command: .filter, argument: row.door.text)])]
        default: return nil
        }
    }

    /// The lines as they are shown, those of each node behind an empty one.
    private func rows(_ columns: Int, _ now: Timestamp) -> [(name: String, text: SafeText)] {
        var rows: [(name: String, text: SafeText)] = []
        for answer in self.answers ?? [] {
            if !rows.isEmpty { rows.append(("", SafeText(""))) }
            for line in answer.lines(now) {
                for (number, text) in SafeText(line.words).wrapped(max(10, columns)).enumerated() {
                    rows.append((number == 0 ? line.name : "", text))
                }
            }
        }
        return rows
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        let count = self.rows(around.columns - 14, around.now).count
        let height = around.body.height
        self.top = max(0, min(motion.target(from: self.top, count: count, height: height), count - height))
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let texts = self.rows(around.columns - 14, around.now).map(\.text.description)
        guard let found = search.find(in: texts, from: self.top) else { return [search.failed] }
        self.top = found
        return []
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard self.answers != nil, self.problem == nil else {
            painter.empty([self.problem ?? "asking for \(DomainName.disclosing(self.address))"], in: area)
            return
        }
        let rows = self.rows(area.width - 14, around.now)
        for (line, row) in rows.dropFirst(self.top).prefix(area.height).enumerated() {
            painter.text(row.name, x: area.x + 2, y: area.y + line, columns: 9, role: .muted)
            painter.text(row.text, x: area.x + 12, y: area.y + line, columns: area.width - 14)
        }
        painter.canvas.cursor = Point(x: area.x + 2, y: area.y)
    }
}

extension Command {
    static let route = Command("route", [], "ADDRESS: where mail for it would go, and why", argument: "address")
}
