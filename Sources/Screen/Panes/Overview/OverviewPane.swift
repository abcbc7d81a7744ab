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
    /// The queue is shown by the domains that its mail is for, and not by next hops.
    private var isByDomain = false
    /// The newest facts, the oldest of them first.
    private var facts: [FactRow] = []
    /// The place behind the last of them.
    private var factsEnd: String?
    private static let factsKept = 200
    /// More than is kept comes between two reads.
    private var isFlooded = false

    init(node: Int, feed: any MonitorFeed) {
        self.node = node
        self.feed = feed
    }

    var name: String { "overview" }
    var title: String { "" }
    var areas: Set<FeedChange.Area> { [.facts] }
    var showsOverview: Bool { true }
    var commands: [Command] { [.open, .agesByDomain] }
    func note(_ around: Surroundings) -> String { around.liveness }

    private func overview(_ around: Surroundings) -> Overview? { around.nodes[self.node].overview }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let feed = self.feed
        return [
            Read(
                self.key("facts"),
                begin: {
                    let (end, isFlooded) = (self.factsEnd, self.isFlooded)
                    return { (end, try await Self.news(of: feed, after: end, isFlooded: isFlooded)) }
                },
                take: { fresh, _ in
                    // Another read of the same page may have been faster.
                    guard fresh.0 == self.factsEnd else { return [] }
                    self.take(fresh.1)
                    return []
                })
        ]
    }

    func forget() {
        self.facts = []
        self.factsEnd = nil
        self.isFlooded = false
    }

    /// What came since; in a flood the newest, which is the same question whoever asks.
    private static func news(of feed: any MonitorFeed, after end: String?, isFlooded: Bool) async throws -> FactWindow {
        let page = try await feed.facts(after: isFlooded ? nil : end, count: self.factsKept)
        guard end != nil, !isFlooded, page.rows.count == self.factsKept else { return page }
        return try await feed.facts(after: nil, count: self.factsKept)
    }

    private func take(_ page: FactWindow) {
        let isFull = self.factsEnd != nil && page.rows.count == Self.factsKept
        // What is known already is among the newest again when the flood is over.
        let known = self.isFlooded ? self.facts.last.flatMap { page.rows.lastIndex(of: $0) } : nil
        self.isFlooded = isFull && known == nil
        self.factsEnd = page.end
        self.facts = (self.facts + page.rows[(known.map { $0 + 1 } ?? 0)...]).suffix(Self.factsKept)
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
        case .destinations: self.rows(around).count
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

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open: return self.open(around)
        case .agesByDomain:
            guard self.overview(around)?.domains != nil else {
                return [.say("this feed does not tell domains apart", .plain)]
            }
            self.isByDomain.toggle()
            self.part = .destinations
            return []
        default: return nil
        }
    }

    /// What the queue is counted by.
    private func rows(_ around: Surroundings) -> [DestinationAges] {
        guard let overview = self.overview(around) else { return [] }
        return self.isByDomain ? overview.domains ?? overview.destinations : overview.destinations
    }

    private func open(_ around: Surroundings) -> [Effect] {
        let row = self.cursor(self.part, around)
        switch self.part {
        case .attention:
            guard let attention = self.overview(around)?.attention, attention.indices.contains(row) else { return [] }
            return attention[row].door.map(self.showQueue) ?? [.say(attention[row].words, .plain)]
        case .destinations:
            let rows = self.rows(around)
            return rows.indices.contains(row) ? self.showQueue(rows[row].door) : []
        case .failures:
            guard let failure = self.failure(around) else { return [] }
            if let door = failure.door { return self.showQueue(door) }
            // What bounced is in the queue no more.
            guard around.nodes[self.node].views.contains(where: { $0.command == View.journal.command }) else {
                return [.say(failure.example, .plain)]
            }
            let filter = FilterExpression(.failure, is: failure.fingerprint.text)
            return [.show(view: View.journal, [Call(command: .filter, argument: filter.text)])]
        case .facts:
            // Newest first on the screen.
            let index = self.facts.count - 1 - row
            guard self.facts.indices.contains(index) else { return [] }
            return self.open(self.facts[index], of: self.facts[index].node, self.feed, around)
        }
    }
    /// What the cursor is on among the failures.
    private func failure(_ around: Surroundings) -> FailureGroup? {
        guard let groups = self.overview(around)?.failures?.groups, !groups.isEmpty else { return nil }
        return groups[self.cursor(.failures, around)]
    }
    private func showQueue(_ filter: FilterExpression) -> [Effect] {
        [.show(view: View.queue, [Call(command: .filter, argument: filter.text)])]
    }

    func destination(_ around: Surroundings) -> String? {
        guard let overview = self.overview(around) else { return nil }
        let row = self.cursor(self.part, around)
        switch self.part {
        case .attention: return overview.attention.indices.contains(row) ? overview.attention[row].destination : nil
        case .destinations:
            let rows = self.rows(around)
            guard rows.indices.contains(row) else { return nil }
            let name = rows[row].via ?? rows[row].destination
            return name == noRoute ? nil : name
        case .failures, .facts: return nil
        }
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let texts: [String]
        switch self.part {
        case .attention: texts = self.overview(around)?.attention.map { "\($0.subject) \($0.words)" } ?? []
        case .destinations:
            texts = self.rows(around).map { "\($0.destination) \($0.reason ?? "")" }
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
        if let flow = self.flowArea(overview, area) {
            FlowBox(overview: overview, now: around.now).paint(&painter, flow)
        }
        for (part, place) in self.places(overview, area, around) {
            self.paint(part, of: overview, &painter, place, around)
        }
    }

    /// `nil`: there is room for one list only.
    private func flowArea(_ overview: Overview, _ area: Rect) -> Rect? {
        guard area.width >= 70, area.height >= 15 else { return nil }
        let height = area.height >= 25 && overview.durability != nil ? 10 : area.height >= 23 ? 8 : 7
        return Rect(x: 0, y: area.y, width: area.width - max(31, area.width * 2 / 5), height: height)
    }

    /// Where the lists are, each with its box.
    private func places(_ overview: Overview, _ area: Rect, _ around: Surroundings) -> [(part: Part, place: Rect)] {
        guard let flow = self.flowArea(overview, area) else { return [(self.part, area)] }
        let attention = Rect(x: flow.maxX, y: area.y, width: area.width - flow.width, height: flow.height)
        let rest = area.below(flow.height)
        let failures = self.failures(overview, around)?.height(of: rest.height) ?? 0
        let wanted = self.ages(overview, around).wantedHeight
        let height = min(max(4, wanted), max(5, (rest.height - failures) * 55 / 100))
        return [(.attention, attention), (.destinations, rest.top(height))]
            + (failures > 0 ? [(.failures, rest.below(height).top(failures))] : [])
            + [(.facts, rest.below(height + failures))]
    }

    /// A click gives the keys to the list that stands there.
    func select(at place: Point, _ around: Surroundings) -> Bool {
        guard let overview = self.overview(around),
            let (part, area) = self.places(overview, around.body, around).first(where: { $0.place.contains(place) })
        else { return false }
        let inner = area.inset(1, 1)
        // The ages have a header.
        let rows = part == .destinations ? inner.below(1) : inner
        let shown = self.boxCursor(part, around).shown(of: self.count(part, around), height: rows.height)
        let row = shown.lowerBound + place.y - rows.y
        guard rows.contains(place), shown.contains(row) else { return false }
        self.part = part
        self.cursors[part] = row
        return true
    }

    private func paint(
        _ part: Part, of overview: Overview, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let names = around.nodeNames(at: self.node, rows: [])
        switch part {
        case .attention:
            AttentionBox(overview: overview, cursor: self.boxCursor(part, around), names: names).paint(&painter, area)
        case .destinations: self.ages(overview, around).paint(&painter, area, RowLook(around))
        case .failures: self.failures(overview, around)?.paint(&painter, area)
        case .facts:
            FactsBox(
                facts: self.facts, cursor: self.boxCursor(part, around), names: names, openKey: around.label(of: .open)
            ).paint(&painter, area)
        }
    }

    private func boxCursor(_ part: Part, _ around: Surroundings) -> BoxCursor {
        // Without the keys the facts are the newest, wherever their cursor was left.
        let isAtRest = part == .facts && self.part != part
        return BoxCursor(row: isAtRest ? 0 : self.cursor(part, around), isFocused: self.part == part)
    }
    private func ages(_ overview: Overview, _ around: Surroundings) -> AgesBox {
        AgesBox(
            rows: self.rows(around), more: self.isByDomain ? 0 : overview.moreDestinations,
            isByDomain: self.isByDomain && overview.domains != nil,
            otherKey: overview.domains.map { _ in around.label(of: .agesByDomain) },
            openKey: around.label(of: .open),
            cursor: self.boxCursor(.destinations, around),
            emptyWords: Words.nothingQueued(around.nodes[self.node]))
    }
    private func failures(_ overview: Overview, _ around: Surroundings) -> FailuresBox? {
        overview.failures.map {
            FailuresBox(
                failures: $0, cursor: self.boxCursor(.failures, around), now: around.now,
                openKey: around.label(of: .open))
        }
    }
}

extension Command {
    static let agesByDomain = Command(
        "by-domain", ["o", .function(5)], "the queue by the domains that its mail is for, or by next hops",
        hint: "by domain")
}
