import Mail
import Monitor

extension View {
    static let queue = View(
        "queue", digit: "2", title: "Queue", summary: "every message that is still here",
        make: { QueuePane(node: $0, feed: $1) })
}

/// The queue as a list.
enum QueueList: ListKind {
    static let fields = FilterField.ofQueue
    static let nodePlace = 2

    static let columns: [Column<QueueRow>] = [
        Column("", .fixed(1)) { TableCell($1.isTagged ? $1.glyphs[.tag] : " ", .tagged) },
        Column("ID", .fitting(4...13) { $0.ref.id.count }) { TableCell($0.ref.id, $1.isTagged ? .tagged : .title) },
        Column("AGE", .fixed(5), isRight: true, sort: "age") {
            TableCell(Format.age(milliseconds: $1.now.since($0.arrived)))
        },
        Column("SIZE", .fixed(5), isRight: true, sort: "size", from: 90) { row, _ in
            TableCell(row.contentOctets.map(Format.octets) ?? "-", .muted)
        },
        Column("TRY", .fixed(4), isRight: true, sort: "tries", from: 60) { row, _ in
            TableCell("\(row.tries)", row.tries == 0 ? .muted : .base)
        },
        Column("NEXT", .fixed(5), isRight: true, sort: "next", from: 50) { row, look in
            look.isDeparted
                ? TableCell("-", .muted) : TableCell(row.next(look.now), row.state == .deferred ? .base : .muted)
        },
        Column("STATE", .fixed(10), sort: "state") { row, look in
            look.isDeparted ? TableCell("moved on", .muted) : TableCell(Run(state: row.state, look.glyphs))
        },
        Column("FROM", .share(6, weight: 3), sort: "from", from: 70) { row, _ in
            TableCell(Run(address: row.from, .muted))
        },
        Column("TO", .share(6, weight: 4), sort: "to") { row, _ in
            let others = row.recipients.total - 1
            return TableCell(Run(address: row.to, before: others > 0 ? "(+\(others)) " : ""))
        },
        Column("LAST REPLY", .share(10, weight: 4), from: 60) { row, look in
            if look.isDeparted { return TableCell("") }
            if let progress = row.progress { return TableCell(progress.words, .active, bar: progress.share) }
            if let words = row.why?.words(look.now) { return TableCell(words, .muted) }
            return TableCell(
                row.lastReply.map(Run.init(reply:)) ?? Run(row.destination == nil ? "no route" : "", .muted))
        },
    ]

    static func window(
        _ feed: any MonitorFeed, _ query: QueueQuery, _ request: WindowRequest<MessageRef>
    ) async throws -> Window<QueueRow> { try await feed.queue(query, window: request) }
    static func detail(_ feed: any MonitorFeed, of ref: MessageRef) async throws -> MessageDetail? {
        try await feed.message(ref)
    }
    static func find(
        _ feed: any MonitorFeed, _ search: SearchRequest, _ query: QueueQuery
    ) async throws -> SearchHit<MessageRef>? { try await feed.find(search, in: query) }
}

/// View 2: every message that is still here.
final class QueuePane: ListPane<QueueList> {
    private var tags = Tags.none
    /// The message that the cursor is on, in full.
    private var preview: MessageDetail?

    override var name: String { "queue" }
    override var areas: Set<FeedChange.Area> { [.queue, .facts] }
    override var commands: [Command] { Self.commands }
    private static let commands: [Command] = [
        .open, .tag, .retry, .hold, .drop, .bounce, .release, .transcript, .filter, .sort, .sortLeft, .sortRight,
        .invert, .tagAll, .untag, .untagAll, .problems,
    ]

    // MARK: Reading

    override func wantsDetail(_ around: Surroundings) -> Bool { Self.hasPreview(around) }

    override func missing(_ around: Surroundings) -> [Read] { super.missing(around) + self.missingPreview(around) }
    private func missingPreview(_ around: Surroundings) -> [Read] {
        guard Self.hasPreview(around), let selected = self.list.selected, !self.shows(selected)
        else { return [] }
        return [self.readPreview()]
    }

    private func readPreview() -> Read {
        let feed = self.feed
        return Read(
            self.key("preview"),
            begin: {
                guard let ref = self.list.selected?.ref else { return nil }
                return { try await QueueList.detail(feed, of: ref) }
            },
            take: { (detail: MessageDetail?, around) in
                self.preview = detail
                self.agree()
                // The cursor may have gone on meanwhile.
                return detail == nil ? [] : self.missingPreview(around).map(Effect.read)
            })
    }

    override func took(_ rows: [QueueRow], _ detail: MessageDetail?, _ around: Surroundings) -> [Effect] {
        self.tags.refresh(rows, under: self.query.filter)
        if let detail { self.preview = detail }
        self.agree()
        return self.missingPreview(around).map(Effect.read)
    }

    override func forget() { self.preview = nil }

    private func shows(_ row: QueueRow) -> Bool {
        self.preview.map { QueueRow.identity(of: $0.ref) == row.identity } ?? false
    }

    /// The cursor's row and its preview are of one moment, that of the newer one.
    private func agree() {
        guard let row = self.list.selected, let preview = self.preview, self.shows(row) else { return }
        if preview.ref.generation < row.ref.generation {
            self.preview = nil
        } else {
            self.replace(row.updated(from: preview, isFiltered: !self.query.filter.matchesAll))
        }
    }

    // MARK: Commands

    override func asked() {
        if case .frozen = self.tags { self.tags = .none }
    }

    override func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open: return self.list.selected.map { [self.opened($0.ref)] } ?? []
        case .transcript: return self.openTranscript(around)
        case .tag:
            let effects = self.tag(nil)
            if effects.isEmpty { self.move(.by(1), around) }
            return effects
        case .untag: return self.tag(false)
        case .untagAll:
            self.tags = .none
            return []
        case .tagAll: return [.read(self.readFrozen())]
        case .problems:
            return self.change(around) { $0.filter = $0.filter == Self.troubled ? .all : Self.troubled }
        default: return self.order(call, around) ?? super.perform(call, around)
        }
    }

    /// What was put off, and what goes nowhere.
    private static let troubled = FilterExpression(
        anyOf: [
            FilterExpression(.state, is: RecipientState.deferred.word), FilterExpression(.dest, is: noRoute),
        ])

    private func opened(_ ref: MessageRef) -> Effect {
        .open(MessagePane(ref.id, of: ref.node, node: self.node, feed: self.feed))
    }

    private func openTranscript(_ around: Surroundings) -> [Effect] {
        guard let row = self.list.selected else { return [] }
        let preview = self.shows(row) ? self.preview : nil
        let session = row.progress?.session
        if session == nil, preview == nil {
            // The message tells which session it was.
            let feed = self.feed
            return [
                .read(
                    Read(
                        self.key("transcript"), isInstead: true, begin: { { try await feed.message(row.ref) } },
                        take: { detail, around in
                            TranscriptPane.open(TranscriptPart(of: detail, row.to), node: self.node, feed, around)
                        }))
            ]
        }
        let part = session.map { TranscriptPart(session: $0) } ?? TranscriptPart(of: preview, row.to)
        return TranscriptPane.open(part, node: self.node, self.feed, around)
    }

    // MARK: Tags

    /// Tags the row at the cursor; `nil` turns its tag round.
    private func tag(_ value: Bool?) -> [Effect] {
        guard let row = self.list.selected else { return [] }
        guard self.tags.set(row, to: value, under: self.query.filter) else {
            return [.say("all that matched are tagged: U untags them", .plain)]
        }
        return []
    }

    /// Freezes what the filter matches now: an action touches exactly those.
    private func readFrozen() -> Read {
        let feed = self.feed
        let query = self.query
        return Read(
            self.key("freeze"), isInstead: true, begin: { { try await feed.freeze(query) } },
            take: { set, around in
                guard query.filter == self.query.filter else { return [] }
                self.tags = .frozen(set, query.filter, at: around.now)
                let words = "tagged \(Words.counts(set.recipients, set.messages)), as of now"
                return [.say(words + (set.absent?.withoutWords ?? ""), set.absent == nil ? .plain : .warning)]
            }, failed: { [.say($0, .failure)] })
    }

    override func chosen(_ around: Surroundings) -> Chosen? {
        self.tags.chosen { self.tags = .none }
            ?? self.list.selected.map { row in
                let all = row.recipients.unsettled
                let some = row.matching < all ? ", \(row.matching) of its \(all) recipients" : ""
                let place = around.nodeNames(at: self.node, rows: []).map { " at \($0[row.ref.node])" } ?? ""
                return Chosen(
                    targets: [.messages(references: [row.ref], matching: self.query.filter)],
                    recipients: row.matching, messages: 1, words: row.ref.id + place + some,
                    limits: some.isEmpty ? nil : "those that match \(self.query.filter.text)",
                    sample: [Words.sample(row)], isHeld: row.state == .hold)
            }
    }

    override func destination(_ around: Surroundings) -> String? { self.list.selected?.destination }

    override func look(at row: QueueRow, _ look: inout RowLook) { look.isTagged = self.tags.contains(row) }

    // MARK: Painting

    private static func hasPreview(_ around: Surroundings) -> Bool { around.rows >= 24 && around.columns >= 70 }
    override func footRows(_ around: Surroundings) -> Int { Self.hasPreview(around) ? 6 : 0 }

    override func remarks(_ around: Surroundings) -> (left: [Run], right: String) {
        guard !self.tags.isEmpty else { return ([], "") }
        return ([Run("   \(Format.count(self.tags.messages)) tagged", .tagged)], "")
    }

    override func status(_ around: Surroundings) -> [Run] {
        guard self.list.matched > 0, let chosen = self.chosen(around) else { return [] }
        return [
            Run("acts on: ", .muted), Run(chosen.words, self.tags.isEmpty ? .base : .tagged), Run("   ", .muted),
        ] + super.status(around)
    }

    override func emptyWords(_ around: Surroundings) -> [String] {
        guard self.list.isLoaded else { return ["reading the queue"] }
        if !self.query.filter.matchesAll {
            return ["nothing matches the filter", "f changes it; f, Ctrl-U, Enter shows all"]
        }
        return Words.nothingQueued(around.nodes[self.node])
    }

    override func paintFoot(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let row = self.list.selected else {
            painter.box(area, title: "")
            return
        }
        let inner = painter.box(
            area,
            title: [Run("\(row.ref.id)  ", .title), Run(address: row.from, .title)]
                + [Run(" \(painter.glyphs.arrow) ", .title), Run(address: row.to, .title)],
            right: "Enter opens  t transcript")
        guard let detail = self.preview, self.shows(row) else {
            painter.text("...", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        var lines: [(String, [Run])] = []
        if let recipient = detail.recipients.first(where: { $0.forwardPath == row.to }) ?? detail.recipients.first {
            let way = Way(of: detail, recipient, at: self.node, joined: [:], around)
            lines.append(("Path", way.lines(columns: .max, painter.glyphs).first?.path ?? []))
            lines.append(("Why", [Run(recipient.whyWords(around.now))]))
            if let reply = recipient.lastReply { lines.append(("Reply", [Run(reply: reply)])) }
        }
        if let subject = detail.subject { lines.insert(("Subject", [Run(subject)]), at: min(2, lines.count)) }
        for (index, line) in lines.prefix(inner.height).enumerated() {
            painter.text(line.0, x: inner.x + 1, y: inner.y + index, columns: 8, role: .muted)
            painter.runs(line.1, x: inner.x + 10, y: inner.y + index, columns: inner.width - 11)
        }
    }
}

extension Command {
    static let tagAll = Command("tag-all", ["T"], "tag all that match, exactly those of now")
}

extension QueueRow {
    /// The row as a newer look at its message shows it.
    ///
    /// - Parameter isFiltered: only some of the recipients may match, so the row stays with the one it is about.
    func updated(from detail: MessageDetail, isFiltered: Bool) -> QueueRow {
        var row = self
        row.ref = detail.ref
        row.recipients = RecipientCounts()
        for recipient in detail.recipients { row.recipients[recipient.state] += 1 }
        let unsettled = row.recipients.unsettled
        row.matching = isFiltered ? min(row.matching, unsettled) : unsettled
        var own = detail.recipients.first { $0.forwardPath == self.to }
        if !isFiltered {
            let worst = detail.recipients.max { $0.state.unhappiness < $1.state.unhappiness }
            if let worst, worst.state.unhappiness > own?.state.unhappiness ?? -1 { own = worst }
        }
        guard let own else { return row }
        row.to = own.forwardPath
        row.state = own.state
        row.tries = own.tries
        row.nextAttempt = own.nextAttempt
        row.lastReply = own.lastReply
        row.why = own.why
        row.progress = own.progress
        return row
    }
}
