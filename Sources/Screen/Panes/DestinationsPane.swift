import Mail
import Monitor

extension View {
    static let destinations = View(
        "destinations", digit: "4", title: "Destinations", summary: "next hops: what waits, how they are tried",
        make: { DestinationsPane(node: $0, feed: $1) })
}

extension DestinationRow: ListedRow {
    static func identity(of ref: DestinationRef) -> String { ref.node + "/" + ref.id }
    var node: String { self.ref.node }
}

/// Next hops as a list.
enum DestinationList: ListKind {
    static let fields = FilterField.ofDestinations
    static let nodePlace = 1
    static let newestFirst: (sort: DestinationQuery.SortKey, descending: Bool)? = nil

    static let columns: [Column<DestinationRow>] = [
        Column("NEXT HOP", .share(14, weight: 3), sort: "name") { row, look in
            let name = row.name == noRoute ? row.name : row.ref.id
            return TableCell(look.place(row.name, name), row.waiting > 0 || row.connections > 0 ? .title : .muted)
        },
        Column("STATE", .fixed(15), sort: "state") { row, look in
            let isIdle = row.condition == .ok && row.waiting == 0 && !row.isLimited
            let role: Role = isIdle ? .muted : row.condition == .ok && row.isLimited ? .limited : row.condition.role
            let glyph: Glyph = role == .limited ? .limited : row.condition.glyph
            return TableCell("\(look.glyphs[glyph]) \(row.stateWords(look.now))", role)
        },
        Column("WAIT", .fixed(7), isRight: true, sort: "waiting") { row, look in
            TableCell(look.count(row.waiting, columns: 7), row.waiting == 0 ? .muted : .title)
        },
        Column("DUE", .fixed(7), isRight: true, from: 100) { Self.count($0, .queued, $1) },
        Column("DEFER", .fixed(7), isRight: true, from: 100) { Self.count($0, .deferred, $1) },
        Column("HOLD", .fixed(5), isRight: true, from: 100) { Self.count($0, .hold, $1) },
        Column("OLDEST", .fixed(7), isRight: true, sort: "oldest", from: 50) { row, look in
            TableCell(row.oldest.map { Format.roughAge(milliseconds: look.now.since($0)) } ?? "-", .muted)
        },
        Column("SESS", .fixed(6), isRight: true, sort: "sessions", from: 60) { row, _ in
            TableCell(row.sessionWords, row.isLimited ? .limited : row.connections == 0 ? .muted : .active)
        },
        Column("TRIED", .fixed(5), isRight: true, from: 120) { row, _ in
            TableCell(row.window.map(Format.count) ?? "-", .muted)
        },
        Column("LAST REPLY", .share(8, weight: 4), from: 60) { row, look in
            TableCell(
                row.condition == .suspended
                    ? Run("by \(row.by ?? "somebody")\(row.reason.map { ": \($0)" } ?? "")", .hold)
                    : (row.lastReply ?? row.reason).map { look.reply($0, host: row.ref.id) } ?? Run("", .muted))
        },
    ]

    private static func count(_ row: DestinationRow, _ state: RecipientState, _ look: RowLook) -> TableCell {
        let count = row.recipients[state]
        let columns = state == .hold ? 5 : 7
        return TableCell(
            count == 0 ? "-" : look.count(count, columns: columns), count == 0 ? .muted : state.role)
    }

    static func window(
        _ feed: any MonitorFeed, _ query: DestinationQuery, _ request: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> { try await feed.destinations(query, window: request) }
    static func detail(_ feed: any MonitorFeed, of ref: DestinationRef) async throws -> Never? { nil }
    static func find(
        _ feed: any MonitorFeed, _ search: SearchRequest, _ query: DestinationQuery
    ) async throws -> SearchHit<DestinationRef>? { try await feed.find(search, in: query) }
}

/// View 4: next hops, what waits for them, and how they are tried.
final class DestinationsPane: ListPane<DestinationList> {
    override var name: String { "destinations" }
    override var areas: Set<FeedChange.Area> { [.queue, .connections, .facts] }
    override var commands: [Command] { Self.commands }
    private static let commands: [Command] =
        [
            .open, .retry, .retryHow, .filter, .sort, .sortLeft, .sortRight, .invert, .problems,
        ] + Command.ofLists

    override func destination(_ around: Surroundings) -> String? {
        self.list.selected.flatMap { $0.name == noRoute ? nil : $0.name }
    }

    override func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open:
            guard let row = self.list.selected else { return [] }
            return [.show(view: View.queue, [Call(command: .filter, argument: row.door.text)])]
        case .problems:
            return self.change(around) { $0.filter = $0.filter == Self.troubled ? .all : Self.troubled }
        case .retry: return [self.list.selected.map(self.retry) ?? .say("nothing to retry", .plain)]
        case .suspend where call.argument == nil:
            guard let row = self.list.selected else { return [.say("there is no next hop here", .plain)] }
            // The row says which of the two the key does.
            return StandingCommand(
                node: self.node, feed: self.feed, around: around,
                destination: row.suspendedName ?? self.destination(around), chosen: nil,
                isSuspended: row.condition == .suspended
            ).perform(call)
        case .reroute where call.argument == nil, .retryHow:
            // Here the whole destination is meant, and not some of its mail.
            guard let name = self.destination(around) else { return [.say("nothing to reroute", .plain)] }
            return [.ask(around.palette(self).prompt("reroute \(name) to "))]
        default: return super.perform(call, around)
        }
    }

    private static let troubled = (try? FilterExpression(parsing: "!state:ok")) ?? .all

    /// Asks which recipients there are now, so that the order touches exactly those.
    private func retry(_ row: DestinationRow) -> Effect {
        self.freeze(
            QueueQuery(filter: row.door), of: self.feed, name: row.name, limits: "all that wait for \(row.name)"
        ) { [.order(Order(action: .retry, chosen: $0, node: self.node, asks: false))] }
    }

    // MARK: Painting

    private static func hasDetail(_ around: Surroundings) -> Bool { around.rows >= 24 && around.columns >= 70 }
    override func aside(_ area: Rect, _ around: Surroundings) -> Rect? {
        Self.hasDetail(around) ? area.bottom(7) : nil
    }

    override func status(_ around: Surroundings) -> [Run] {
        guard let name = self.destination(around) else { return super.status(around) }
        return [Run("acts on: ", .muted), Run(name), Run("   ", .muted)] + super.status(around)
    }

    override func remarks(_ around: Surroundings) -> (left: [Run], right: String) {
        guard let row = self.list.selected, row.name != noRoute else { return ([], "") }
        let isSuspended = row.condition == .suspended
        let words = around.sentence(.suspend, isSuspended ? row.resumes("resumes") : "suspends")
        return ([], isSuspended ? words : "\(words)  \(around.sentence(.retryHow, "reroutes"))  :limit")
    }

    override func emptyWords(_ around: Surroundings) -> [String] {
        guard self.list.isLoaded else { return [around.nodes[self.node].trouble ?? "reading"] }
        if !self.query.filter.matchesAll {
            return ["no next hop matches the filter", around.sentence(.filter, "changes it")]
        }
        return ["there is no next hop"] + (around.nodes[self.node].capabilities?.notes.map(\.words) ?? [])
    }

    override func paintAside(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let row = self.list.selected else {
            painter.box(area, title: "")
            return
        }
        let inner = painter.box(
            area, title: row.name == noRoute ? row.name : row.ref.id,
            right: around.sentence(.open, "shows its mail"))
        for (index, line) in row.lines(around).prefix(inner.height).enumerated() {
            painter.text(line.0, x: inner.x + 1, y: inner.y + index, columns: 8, role: .muted)
            painter.runs([line.1], x: inner.x + 10, y: inner.y + index, columns: inner.width - 11)
        }
    }
}

extension DestinationRow {
    /// What the key does where it is suspended, which names the host that is resumed in its place.
    fileprivate func resumes(_ words: String) -> String {
        self.suspendedHost.map { "resumes \(SafeText($0))" } ?? words
    }

    /// What is known of it, each line behind its name.
    fileprivate func lines(_ around: Surroundings) -> [(String, Run)] {
        let wayOut = self.condition == .suspended ? " \(around.sentence(.suspend, self.resumes("resumes it")))." : ""
        var lines: [(String, Run)] = [("Why", Run(self.whyWords(around.now) + wayOut))]
        if let reply = self.lastReply { lines.append(("Reply", Run(reply: reply))) }
        if self.name != noRoute { lines.append(("Sessions", Run(self.limitWords))) }
        if let terms = self.terms { lines.append(("Terms", Run(terms.words))) }
        if !self.otherHosts.isEmpty { lines.append(("Then", Run(self.otherHosts.joined(separator: ", ")))) }
        return lines
    }
}
