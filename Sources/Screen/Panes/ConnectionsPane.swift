import Mail
import Monitor
import SMTP

extension View {
    static let connections = View(
        "connections", digit: "3", title: "Connections", summary: "sessions, in and out",
        make: { ConnectionsPane(node: $0, feed: $1) })
}

/// Live sessions as a list.
enum ConnectionList: ListKind {
    static let fields = FilterField.ofConnections
    static let nodePlace = 1
    static let newestFirst: (sort: ConnectionQuery.SortKey, descending: Bool)? = (.started, true)

    static let columns: [Column<ConnectionRow>] = [
        Column("SESSION", .fixed(9), sort: "started") { row, _ in
            TableCell(row.ref.id, row.ended == nil ? .title : .muted)
        },
        Column("PEER", .share(10, weight: 3), sort: "peer") { row, look in
            TableCell(look.place(row.peer, row.peerWords), row.ended == nil ? .base : .muted)
        },
        Column("PHASE", .fixed(11), sort: "phase", cell: Self.phase),
        Column("PROGRESS", .share(10, weight: 1), from: 60, cell: Self.progress),
        Column("CTMRD", .fixed(5), from: 116) { row, look in
            guard let phases = row.phases else { return TableCell("") }
            let strip = PhaseStrip(phases, until: row.ended ?? look.now)
            return TableCell(strip.text(look.glyphs), strip.isSlow ? .slow : row.ended == nil ? .active : .muted)
        },
        Column("RATE", .fixed(6), isRight: true, from: 88) { row, look in
            TableCell(row.rate(look.now).map { Format.octets($0) + "/s" } ?? "-", .muted)
        },
        Column("MESSAGE", .fixed(11), from: 76) { row, _ in TableCell(row.message ?? "", .muted) },
        Column("MSGS", .fixed(5), isRight: true, sort: "messages", from: 50) { row, _ in TableCell("\(row.messages)") },
        Column("IDLE", .fixed(5), isRight: true, sort: "idle") { row, look in
            if row.ended != nil { return TableCell("-", .muted) }
            let idle = look.now.since(row.lastActivity)
            return TableCell(Format.roughAge(milliseconds: idle), idle > 60_000 ? .limited : .muted)
        },
        Column("AGE", .fixed(5), isRight: true, from: 94) { row, look in
            // What is over has the time that it took.
            let age = row.ended.map { Format.age(milliseconds: $0.since(row.started)) }
            return TableCell(age ?? Format.roughAge(milliseconds: look.now.since(row.started)), .muted)
        },
        Column("USER", .share(6, weight: 1), from: 104) { row, _ in TableCell(row.user ?? "-", .muted) },
        Column("TLS", .fixed(7), from: 96) { row, _ in TableCell(row.tls ?? "-", .muted) },
    ]

    @Sendable static func phase(_ row: ConnectionRow, _ look: RowLook) -> TableCell {
        let sign = row.direction == .inbound ? look.glyphs.sign("◂", "<") : look.glyphs.sign("▸", ">")
        if let ended = row.ended { return TableCell("\(sign) \(Format.clock(ended))", .muted) }
        return look.isDeparted
            ? TableCell("\(sign) ended", .muted) : TableCell("\(sign) \(row.phaseWords)", row.flow.role)
    }
    @Sendable static func progress(_ row: ConnectionRow, _ look: RowLook) -> TableCell {
        if row.ended != nil { return TableCell(row.outcomeWords, row.outcomeRole) }
        if let remark = row.remark { return TableCell(remark, .muted) }
        if look.isDeparted { return TableCell("") }
        if row.phase == .rcpt, row.recipientsDone > 0 {
            return TableCell(Format.plural(row.recipientsDone, "recipient"), .active)
        }
        return TableCell("", bar: row.contentShare)
    }

    static func window(
        _ feed: any MonitorFeed, _ query: ConnectionQuery, _ request: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { try await feed.connections(query, window: request) }
    static func detail(_ feed: any MonitorFeed, of ref: SessionRef) async throws -> Never? { nil }
    static func find(
        _ feed: any MonitorFeed, _ search: SearchRequest, _ query: ConnectionQuery
    ) async throws -> SearchHit<SessionRef>? { try await feed.find(search, in: query) }
}

/// View 3: sessions, in and out.
final class ConnectionsPane: ListPane<ConnectionList> {
    override var name: String { "connections" }
    override var areas: Set<FeedChange.Area> {
        self.tail.session == nil ? [.connections] : [.connections, .transcripts]
    }
    /// What was said last in the session that the cursor is on.
    private lazy var tail = DialogueTail(self.feed)
    /// Sessions that ended were shown before those in trouble were asked for.
    private var showedEnded = false
    override var commands: [Command] { Self.commands }
    private static let commands: [Command] =
        [
            .open, .endSession, .transcript, .filter, .sort, .sortLeft, .sortRight, .invert, .ended, .problems, .follow,
            .outline,
        ] + Command.ofLists

    // MARK: Reading

    override func reads(_ around: Surroundings) -> [Read] {
        super.reads(around) + (self.tail.session == nil ? [] : [self.tail.read(self)])
    }
    override func missing(_ around: Surroundings) -> [Read] { super.missing(around) + self.missingLines(around) }
    override func took(_ rows: [ConnectionRow], _ detail: Never?, _ around: Surroundings) -> [Effect] {
        self.missingLines(around).map(Effect.read)
    }

    /// Reads what was said where the cursor is on another session.
    private func missingLines(_ around: Surroundings) -> [Read] {
        let session = self.hasLines(around) ? self.list.selected?.ref : nil
        guard session != self.tail.session else { return [] }
        self.tail.follow(session)
        return session == nil ? [] : [self.tail.read(self)]
    }

    /// Sessions have other names now.
    override func forget() { self.tail.follow(nil) }

    // MARK: Commands

    /// A session with a next hop has that one's name.
    override func destination(_ around: Surroundings) -> String? {
        self.list.selected.flatMap { $0.direction == .outbound ? $0.name : nil }
    }

    override func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open, .transcript:
            guard let row = self.list.selected else { return [] }
            return TranscriptPane.open(TranscriptPart(session: row.ref), node: self.node, self.feed, around)
        case .endSession: return TranscriptPane.askEnd(self.list.selected, node: self.node)
        case .ended:
            guard let word = call.argument else { return self.change(around) { $0.includesEnded.toggle() } }
            guard let wanted = Command.Ended(rawValue: word) else {
                let known = Command.Ended.allCases.map(\.rawValue).joined(separator: " or ")
                return [.say("sessions that ended can be \(known)", .warning)]
            }
            return self.change(around) { $0.includesEnded = wanted == .shown }
        case .problems:
            return self.change(around) { query in
                let isShown = query.filter == Self.troubled
                if !isShown { self.showedEnded = query.includesEnded }
                query.filter = isShown ? .all : Self.troubled
                // What went wrong is known of sessions that ended.
                query.includesEnded = isShown ? self.showedEnded : true
            }
        case .outline:
            guard let word = call.argument else {
                return [.ask(SessionGrouping.menu { grouping, _ in self.groups(by: grouping) })]
            }
            guard let grouping = SessionGrouping(rawValue: word) else {
                let known = SessionGrouping.allCases.map(\.rawValue).joined(separator: ", ")
                return [.say("no session is grouped by \(SafeText(word)): \(known)", .warning)]
            }
            return self.groups(by: grouping)
        default: return super.perform(call, around)
        }
    }

    private func groups(by grouping: SessionGrouping) -> [Effect] {
        [.open(SessionGroupsPane(grouping, of: self.query, node: self.node, feed: self.feed))]
    }

    /// What went wrong in, and what has said nothing for as long as is marked.
    private static let troubled = FilterExpression(anyOf: [
        FilterExpression([(.idle, ">", "60s")]), (try? FilterExpression(parsing: "reply:/./")) ?? .all,
    ])

    override func arguments(of command: Command) -> [String] {
        switch command {
        case .ended: Command.Ended.allCases.map(\.rawValue)
        case .outline: SessionGrouping.allCases.map(\.rawValue)
        default: super.arguments(of: command)
        }
    }

    // MARK: Painting

    private func hasLines(_ around: Surroundings) -> Bool {
        around.rows >= 24 && around.columns >= 70
            && around.nodes[self.node].capabilities?.areas.contains(.transcripts) != false
    }
    override func aside(_ area: Rect, _ around: Surroundings) -> Rect? {
        self.hasLines(around) ? area.bottom(max(6, area.height / 3)) : nil
    }

    override func paintAside(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let row = self.list.selected else {
            painter.box(area, title: "")
            return
        }
        let inner = painter.box(
            area, title: [Run(row.ref.id, .title), Run("  last lines", .muted)],
            right: around.sentence(.transcript, "transcript"))
        guard self.tail.session == row.ref, !self.tail.dialogue.lines.isEmpty else {
            let words =
                self.tail.isGone
                ? "its dialogue is no longer kept" : self.tail.isRead ? "nothing was said yet" : "..."
            painter.text(words, x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        self.tail.dialogue.paint(
            0..<self.tail.dialogue.lines.count, isOver: row.ended != nil, &painter, inner.inset(1, 0), around)
    }

    override func remarks(_ around: Surroundings) -> (left: [Run], right: String) {
        let counts = around.nodes[self.node].overview.map { "\($0.sessionsIn) in  \($0.sessionsOut) out   " } ?? ""
        let which = self.query.includesEnded ? "live and ended" : "live only"
        return ([], counts + "\(which) (\(around.label(of: .ended)))")
    }

    override func emptyWords(_ around: Surroundings) -> [String] {
        guard self.list.isLoaded else { return ["reading"] }
        if self.query.filter == Self.troubled {
            guard self.query.includesEnded else {
                return [
                    "nothing is wrong with sessions that are live",
                    around.sentence(.ended, "shows sessions that ended"),
                ]
            }
            return ["nothing went wrong, and nobody is silent", around.sentence(.problems, "shows all")]
        }
        if !self.query.filter.matchesAll {
            return ["no session matches the filter", around.sentence(.filter, "changes it")]
        }
        var lines = ["nobody is connected"]
        if let listening = around.nodes[self.node].overview?.listening, !listening.isEmpty {
            lines.append("listening on \(listening.joined(separator: ", "))")
        }
        if !self.query.includesEnded { lines.append(around.sentence(.ended, "shows sessions that ended")) }
        return lines
    }
}

extension Command {
    static let ended = Command("ended", ["e"], "also sessions that ended", hint: "ended", argument: "shown")

    /// What may follow it; without one of them it turns round what is.
    enum Ended: String, CaseIterable { case shown, hidden }
}

extension ConnectionRow {
    /// Of one that is over: what went wrong stands out, and so does that mail went over.
    fileprivate var outcomeRole: Role { self.remark != nil ? .failed : self.messages > 0 ? .ok : .muted }
}
