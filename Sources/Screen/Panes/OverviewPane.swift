import Mail
import Monitor

extension View {
    static let overview = View(
        "overview", digit: "1", title: "Overview", summary: "flow, what needs attention, destinations",
        make: { OverviewPane(node: $0, feed: $1) })
}

/// View 1: how mail flows, what needs a look, where it goes.
final class OverviewPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private enum Part: Int, CaseIterable { case attention, destinations, failures, facts }
    private var part = Part.destinations
    /// Those that are shown now.
    private var parts: [Part] = Part.allCases
    private var cursors: [Part: Int] = [:]
    /// The newest facts, the oldest of them first.
    private var facts: [FactRow] = []
    /// The place behind the last of them.
    private var factsEnd: String?
    private static let factsKept = 200

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    var name: String { "overview" }
    var title: String { "" }
    var areas: Set<FeedChange.Area> { [.facts] }
    var commands: [Command] { [.open] }
    func note(_ around: Surroundings) -> String { around.isFrozen ? "frozen" : "live" }

    private func overview(_ around: Surroundings) -> Overview? { around.nodes[self.node].overview }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let feed = self.feed
        return [
            Read(
                self.key("facts"),
                begin: {
                    let end = self.factsEnd
                    return { (end, try await Self.news(of: feed, after: end)) }
                },
                take: { fresh, _ in
                    // Another read of the same page may have been faster.
                    guard fresh.0 == self.factsEnd else { return [] }
                    self.factsEnd = fresh.1.end
                    self.facts = (self.facts + fresh.1.rows).suffix(Self.factsKept)
                    return []
                })
        ]
    }

    func forget() {
        self.facts = []
        self.factsEnd = nil
    }

    /// What came since; where that is more than is kept, the newest of it.
    private static func news(of feed: any MonitorFeed, after end: String?) async throws -> FactWindow {
        let page = try await feed.facts(after: end, count: self.factsKept)
        guard end != nil, page.rows.count == self.factsKept else { return page }
        return try await feed.facts(after: nil, count: self.factsKept)
    }

    /// Bars move on while any of them is above the ground.
    func ticked(_ around: Surroundings) -> [Effect] {
        guard let overview = self.overview(around) else { return [] }
        let flows = [overview.received, overview.relayed, overview.deferred, overview.bounced]
        return flows.contains { $0.contains { $0 > 0 } } ? [.readOverview] : []
    }

    // MARK: Keys

    func turn(_ step: Int) -> Bool {
        let place = self.parts.firstIndex(of: self.part) ?? 0
        self.part = self.parts[(place + step + self.parts.count) % self.parts.count]
        return true
    }

    func layout(_ around: Surroundings) {
        self.parts = Part.allCases.filter { $0 != .failures || self.count(.failures, around) > 0 }
        if !self.parts.contains(self.part) { self.part = .destinations }
    }

    private func count(_ part: Part, _ around: Surroundings) -> Int {
        switch part {
        case .attention: self.overview(around)?.attention.count ?? 0
        case .destinations: self.overview(around)?.destinations.count ?? 0
        case .failures: self.overview(around)?.failures?.groups.count ?? 0
        case .facts: self.facts.count
        }
    }
    private func cursor(_ part: Part, _ around: Surroundings) -> Int {
        max(0, min(self.cursors[part] ?? 0, self.count(part, around) - 1))
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.cursors[self.part] = motion.target(
            from: self.cursor(self.part, around), count: self.count(self.part, around), height: 5)
    }

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? { call.command == .open ? self.open(around) : nil }

    private func open(_ around: Surroundings) -> [Effect] {
        let row = self.cursor(self.part, around)
        switch self.part {
        case .attention:
            guard let attention = self.overview(around)?.attention, attention.indices.contains(row) else { return [] }
            return attention[row].door.map(self.showQueue) ?? [.say(attention[row].words, .plain)]
        case .destinations:
            guard let destinations = self.overview(around)?.destinations, destinations.indices.contains(row)
            else { return [] }
            return self.showQueue(destinations[row].door)
        case .failures:
            guard let failure = self.failure(around) else { return [] }
            if let door = failure.door { return self.showQueue(door) }
            // What bounced is in the queue no more.
            guard around.nodes[self.node].views.contains(where: { $0.command == View.journal.command }) else {
                return [.say(failure.example, .plain)]
            }
            let filter = FilterExpression(.failure, is: failure.fingerprint.text)
            return [.show(view: View.journal, Call(command: .filter, argument: filter.text))]
        case .facts:
            // Newest first on the screen.
            let index = self.facts.count - 1 - row
            guard self.facts.indices.contains(index) else { return [] }
            guard let message = self.facts[index].message else {
                return [.open(RulesPane(node: self.node, feed: self.feed))]
            }
            return [
                .open(MessagePane(message, of: self.facts[index].node, node: self.node, feed: self.feed))
            ]
        }
    }
    /// What the cursor is on among the failures.
    private func failure(_ around: Surroundings) -> FailureGroup? {
        guard let groups = self.overview(around)?.failures?.groups, !groups.isEmpty else { return nil }
        return groups[self.cursor(.failures, around)]
    }
    private func showQueue(_ filter: FilterExpression) -> [Effect] {
        [.show(view: View.queue, Call(command: .filter, argument: filter.text))]
    }

    func destination(_ around: Surroundings) -> String? {
        guard let overview = self.overview(around) else { return nil }
        let row = self.cursor(self.part, around)
        switch self.part {
        case .attention: return overview.attention.indices.contains(row) ? overview.attention[row].destination : nil
        case .destinations:
            guard overview.destinations.indices.contains(row) else { return nil }
            let name = overview.destinations[row].destination
            return name == noRoute ? nil : name
        case .failures, .facts: return nil
        }
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let texts: [String]
        switch self.part {
        case .attention: texts = self.overview(around)?.attention.map { "\($0.subject) \($0.words)" } ?? []
        case .destinations:
            texts = self.overview(around)?.destinations.map { "\($0.destination) \($0.reason ?? "")" } ?? []
        case .failures:
            texts = self.overview(around)?.failures?.groups.map { "\($0.fingerprint.text) \($0.example)" } ?? []
        case .facts:
            texts = self.facts.reversed().map { "\($0.message ?? "") \($0.from ?? "") \($0.to ?? "") \($0.text ?? "")" }
        }
        guard let found = search.find(in: texts, from: self.cursor(self.part, around)) else { return [search.failed] }
        self.cursors[self.part] = found
        return []
    }

    func status(_ around: Surroundings) -> [Run] {
        if let note = around.nodes[self.node].capabilities?.notes.first {
            return [Run(around.glyphs[.warn] + " ", .limited), Run(note.words, .limited)]
        }
        // A reply may have more words than its fingerprint, and than its row has room for.
        if self.part == .failures, let failure = self.failure(around) { return [Run(reply: failure.example)] }
        guard let overview = self.overview(around), !overview.attention.isEmpty else { return [] }
        let attention = overview.attention
        // Who suspended what the cursor is on, until when and why, has more words than its row has room for.
        if let name = self.destination(around),
            let suspended = attention.first(where: { $0.destination == name && $0.isSuspension })
        {
            return [Run("\(suspended.subject): ", .title), Run(suspended.words, .hold)]
        }
        // What keeps mail out is told where there is room for all its words.
        if let failure = attention.first(where: { $0.severity == .failure }) {
            return [
                Run(around.glyphs[failure.severity.glyph] + " ", failure.severity.role),
                Run("\(failure.subject): ", .title), Run(failure.words, failure.severity.role),
            ]
        }
        return [Run(Format.plural(overview.attentionCount, "thing") + " to look at", .muted)]
    }

    // MARK: Painting

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let overview = self.overview(around) else {
            painter.empty([around.nodes[self.node].trouble ?? "reading"], in: area)
            return
        }
        if area.width < 70 || area.height < 15 {
            // One list where there is no room for more.
            switch self.part {
            case .attention: self.paintAttention(overview, &painter, area, around)
            case .facts: self.paintFacts(&painter, area, around)
            case .destinations: self.paintDestinations(overview, &painter, area, around)
            case .failures: self.paintFailures(overview, &painter, area, around)
            }
            return
        }
        let flowHeight = area.height >= 23 ? 8 : 7
        let side = max(31, area.width * 2 / 5)
        let flow = Rect(x: 0, y: area.y, width: area.width - side, height: flowHeight)
        Self.paintFlow(overview, &painter, flow, around.now)
        self.paintAttention(
            overview, &painter, Rect(x: flow.maxX, y: area.y, width: side, height: flowHeight), around)
        let rest = area.below(flowHeight)
        let wanted = 3 + max(1, overview.destinations.count + (overview.moreDestinations > 0 ? 1 : 0))
        let failures = self.failuresHeight(overview, of: rest.height)
        let height = min(max(4, wanted), max(5, (rest.height - failures) * 55 / 100))
        self.paintDestinations(overview, &painter, rest.top(height), around)
        if failures > 0 { self.paintFailures(overview, &painter, rest.below(height).top(failures), around) }
        self.paintFacts(&painter, rest.below(height + failures), around)
    }

    /// Two rows in its box at least, and no more than a third of the room.
    private func failuresHeight(_ overview: Overview, of height: Int) -> Int {
        guard let failures = overview.failures, !failures.groups.isEmpty else { return 0 }
        return min(2 + failures.groups.count + (failures.moreWords == nil ? 0 : 1), max(4, height / 3))
    }

    private static func paintFlow(_ overview: Overview, _ painter: inout Painter, _ area: Rect, _ now: Timestamp) {
        let inner = painter.box(area, title: "Flow", right: "last 60 s")
        let rows: [(String, [Int], Role, Int?)] = [
            ("received", overview.received, .graphIn, overview.receiveP95),
            ("relayed", overview.relayed, .graphOut, overview.relayP95),
            ("deferred", overview.deferred, .deferred, nil), ("bounced", overview.bounced, .bounced, nil),
        ]
        for (index, row) in rows.enumerated() where index < inner.height {
            let y = inner.y + index
            let sum = row.1.reduce(0, +)
            painter.text(row.0, x: inner.x + 1, y: y, columns: 9, role: .base)
            painter.textRight(Format.count(sum), x: inner.x + 10, y: y, columns: 7, role: sum == 0 ? .muted : .title)
            let latency = row.3.map { "p95 " + Format.took(milliseconds: Int64($0)) } ?? ""
            let room = inner.width - 19 - (inner.width >= 48 ? 11 : 0)
            painter.spark(row.1, x: inner.x + 18, y: y, columns: room, role: row.2)
            if inner.width >= 48 {
                painter.textRight(latency, x: inner.maxX - 11, y: y, columns: 10, role: .muted)
            }
        }
        let limit = overview.sessionsInLimit > 0 ? "/\(overview.sessionsInLimit)" : ""
        let oldest = overview.oldest.map { Format.age(milliseconds: now.since($0)) } ?? "-"
        let sessions: [Run] = [
            Run("sessions ", .base), Run("\(overview.sessionsIn)\(limit)", .title), Run(" in ", .muted),
            Run("\(overview.sessionsOut)", .title), Run(" out", .muted), Run("   oldest ", .muted), Run(oldest, .title),
        ]
        if inner.height > 4 { painter.runs(sessions, x: inner.x + 1, y: inner.y + 4, columns: inner.width - 2) }
        if inner.height > 5 {
            let totals = overview.totals
            let counts = [
                (totals.received, "received"), (totals.relayed, "relayed"), (totals.bounced, "bounced"),
                (totals.expired, "expired"),
            ]
            let words = counts.filter { $0.0 > 0 || $0.1 != "expired" }.flatMap { count, word in
                [Run(Format.count(count), .title), Run(" \(word) ", .muted)]
            }
            painter.runs([Run("in all   ", .base)] + words, x: inner.x + 1, y: inner.y + 5, columns: inner.width - 2)
        }
    }

    private func paintAttention(
        _ overview: Overview, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let isFocused = self.part == .attention
        let count = overview.attention.count
        let title = "Needs attention" + (count > 0 ? " (\(Format.count(overview.attentionCount)))" : "")
        let inner = painter.box(area, title: title, isFocused: isFocused)
        guard count > 0 else {
            painter.runs(
                [Run(painter.glyph(.ok) + " ", .ok), Run("all is well", .muted)], x: inner.x + 1, y: inner.y,
                columns: inner.width - 2)
            return
        }
        let cursor = self.cursor(.attention, around)
        let top = max(0, min(cursor - inner.height + 1, count - inner.height))
        let names = around.nodeNames(at: self.node, rows: [])
        for (line, index) in (top..<min(count, top + inner.height)).enumerated() {
            let attention = overview.attention[index]
            let row = inner.row(line)
            let number = attention.count.map(Format.count) ?? ""
            let room = row.width - 2 - (number.isEmpty ? 0 : number.count + 1)
            let node = attention.node.map { "\(names?[$0] ?? $0) " } ?? ""
            painter.runs(
                [
                    Run(painter.glyph(attention.severity.glyph) + " ", attention.severity.role), Run(node, .muted),
                    Run((names?[attention.subject] ?? attention.subject) + " ", .title),
                    Run(attention.words, .muted),
                ], x: row.x + 1, y: row.y, columns: room)
            painter.textRight(number, x: row.x + 1, y: row.y, columns: row.width - 2, role: .base)
            if isFocused, index == cursor { painter.select(row) }
        }
    }

    private func paintDestinations(
        _ overview: Overview, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let isFocused = self.part == .destinations
        let inner = painter.box(
            area, title: "Queue by destination and age", right: area.width >= 70 ? "minutes; Enter filters" : "",
            isFocused: isFocused)
        guard inner.height > 0 else { return }
        guard !overview.destinations.isEmpty else {
            painter.empty(Words.nothingQueued(around.nodes[self.node]), in: inner)
            return
        }
        let table = Table(
            DestinationAges.columns(inner.width - 2), width: inner.width - 2, sort: "total", isDescending: true)
        table.paintHeader(&painter, inner.row(0).inset(1, 0))
        let height = inner.height - 1
        let count = overview.destinations.count
        let cursor = self.cursor(.destinations, around)
        let top = max(0, min(cursor - height + 1, count - height))
        let look = RowLook(around)
        for (line, index) in (top..<max(top, min(count, top + height))).enumerated() {
            let row = inner.row(1 + line)
            table.paint(overview.destinations[index], look, &painter, row.inset(1, 0))
            if isFocused, index == cursor { painter.select(row) }
        }
        if overview.moreDestinations > 0, count < height {
            painter.text(
                "and \(Format.plural(overview.moreDestinations, "more destination"))", x: inner.x + 1,
                y: inner.y + 1 + count, columns: inner.width - 2, role: .muted)
        }
    }

    private func paintFailures(
        _ overview: Overview, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        guard let failures = overview.failures else { return }
        let isFocused = self.part == .failures
        let count = failures.groups.count
        let inner = painter.box(
            area, title: "Failures (\(Format.count(count + failures.moreGroups)))", right: "Enter filters",
            isFocused: isFocused)
        let cursor = self.cursor(.failures, around)
        let top = max(0, min(cursor - inner.height + 1, count - inner.height))
        for (line, index) in (top..<min(count, top + inner.height)).enumerated() {
            let failure = failures.groups[index]
            let state: RecipientState = failure.deferred > 0 ? .deferred : .bounced
            let row = inner.row(line)
            let words = SafeText(failure.words(around.now))
            let columns = min(words.columns, row.width * 3 / 5)
            painter.runs(
                [Run(painter.glyph(state.glyph) + " ", state.role), Run(reply: failure.fingerprint.text)], x: row.x + 1,
                y: row.y, columns: row.width - 4 - columns)
            painter.text(words, x: row.maxX - 1 - columns, y: row.y, columns: columns, role: .base)
            if isFocused, index == cursor { painter.select(row) }
        }
        if let more = failures.moreWords, count < inner.height {
            painter.text(more, x: inner.x + 1, y: inner.y + count, columns: inner.width - 2, role: .muted)
        }
    }

    private func paintFacts(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard area.height >= 3 else { return }
        let isFocused = self.part == .facts
        let inner = painter.box(area, title: "Newest", right: "Enter opens", isFocused: isFocused)
        guard !self.facts.isEmpty else {
            painter.text("nothing has happened yet", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        let count = self.facts.count
        let cursor = self.cursor(.facts, around)
        let top = isFocused ? max(0, min(cursor - inner.height + 1, count - inner.height)) : 0
        let names = around.nodeNames(at: self.node, rows: [])
        for (line, index) in (top..<min(count, top + inner.height)).enumerated() {
            let row = inner.row(line)
            painter.runs(
                self.facts[count - 1 - index].runs(painter.glyphs, names), x: row.x + 1, y: row.y,
                columns: row.width - 2)
            if isFocused, index == cursor { painter.select(row) }
        }
    }
}

extension DestinationAges {
    private static let titles = ["<5", "<10", "<20", "<40", "<80", "<160", "<320", "<640", "<1280", "older"]

    /// Ages are told in all columns, or in every second of them.
    static func columns(_ width: Int) -> [Column<DestinationAges>] {
        let isWhole = width >= 105
        let ages = isWhole ? Array(Self.titles.indices) : [0, 2, 4, 6, 8, 9].suffix(max(0, min(6, (width - 38) / 6)))
        return Self.fixed
            + ages.map { index in
                Column(Self.titles[index], .fixed(5), isRight: true) { row, look in
                    var value = row.ages.columns[index]
                    // Without all columns each takes the one before it along.
                    if !isWhole, index > 0, index < 9 { value += row.ages.columns[index - 1] }
                    if value == 0 { return TableCell(look.glyphs.sign("·", "."), .graphGrid) }
                    return TableCell("\(value)", index >= 6 ? .graphHigh : .graphLow)
                }
            }
    }

    private static let fixed: [Column<DestinationAges>] = [
        Column("DESTINATION", .share(12, weight: 1)) { row, look in
            TableCell(look.place(row.destination, [row.destination, row.reason ?? ""].joined(separator: "  ")))
        },
        Column("STATE", .fixed(11)) { row, look in
            TableCell("\(look.glyphs[row.condition.glyph]) \(row.words(look.now))", row.condition.role)
        },
        Column("TOTAL", .fixed(6), isRight: true) { row, _ in TableCell(Format.count(row.total), .title) },
    ]
}

extension FactRow {
    fileprivate func runs(_ glyphs: Glyphs, _ names: NodeNames?) -> [Run] {
        var runs: [Run] = [Run(Format.clock(self.at) + " ", .muted)]
        if let names, let node = self.node { runs.append(Run(names[node].padded(names.columns) + " ", .muted)) }
        runs += [
            Run("\(glyphs[self.kind.glyph]) \(self.kind.word.padded(8)) ", self.kind.role)
        ]
        if let message = self.message { runs.append(Run(message.padded(10) + " ", .title)) }
        if let from = self.from { runs += [Run(address: from, .muted), Run(" ")] }
        if let to = self.to { runs += [Run("\(glyphs.arrow) ", .muted), Run(address: to), Run(" ")] }
        if let hop = self.nextHop { runs.append(Run(" \(hop) ", .muted)) }
        if let text = self.text { runs += [Run(" "), Run(reply: text)] }
        if let actor = self.actor { runs.append(Run(" by \(actor)", .muted)) }
        if let octets = self.contentOctets { runs.append(Run(" \(Format.octetsLong(octets))", .muted)) }
        if let took = self.milliseconds { runs.append(Run("  \(Format.took(milliseconds: took))", .muted)) }
        return runs
    }
}
