import Mail
import Monitor

/// The queue as a list.
enum QueueList: ListKind {
    static let fields = FilterField.ofQueue
    static let nodePlace = 2
    static func nodes(_ capabilities: FeedCapabilities?) -> [String] { capabilities?.sharing ?? [] }
    static let newestFirst: (sort: QueueQuery.SortKey, descending: Bool)? = (.age, false)

    static let columns: [Column<QueueRow>] = [
        Column("", .fixed(1)) {
            TableCell($1.isTagged ? $1.glyphs[.tag] : $1.isInRange ? $1.glyphs.sign("│", "|") : " ", .tagged)
        },
        Column("ID", .fitting(4...13) { $0.ref.id.count }) { TableCell($0.ref.id, $1.isTagged ? .tagged : .title) },
        Column("AGE", .fixed(5), isRight: true, sort: "age") {
            TableCell(Format.roughAge(milliseconds: $1.now.since($0.arrived)))
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
        Column("FROM", .upTo(6, weight: 3) { Self.from($0).text.columns }, sort: "from", from: 70) { row, _ in
            TableCell(Self.from(row))
        },
        Column("TO", .upTo(6, weight: 4) { Self.to($0).text.columns }, sort: "to") { row, _ in
            TableCell(Self.to(row))
        },
        Column("NEXT HOP", .upTo(8, weight: 3) { ($0.destination ?? noRoute).count }, from: 140) { row, look in
            TableCell(row.destination.map { look.place($0, $0) } ?? noRoute, .muted)
        },
        Column("USER", .upTo(4, weight: 1) { $0.user?.count ?? 1 }, from: 190) { row, _ in
            TableCell(row.user ?? "-", .muted)
        },
        Column("CTMRD", .fixed(5), from: 180) { row, look in
            guard let phases = row.progress?.phases, !look.isDeparted else { return TableCell("") }
            let strip = PhaseStrip(phases, until: look.now)
            return TableCell(strip.text(look.glyphs), strip.isSlow ? .slow : .active)
        },
        Column("LAST REPLY", .share(10, weight: 4), from: 60) { row, look in
            if look.isDeparted { return TableCell("") }
            if let progress = row.progress { return TableCell(progress.words, .active, bar: progress.share) }
            if let words = row.why?.words(look.now) { return TableCell(words, .muted) }
            let reply = row.lastReply.map { look.reply($0, to: row.to) }
            return TableCell(reply ?? Run(row.destination == nil ? "no route" : "", .muted))
        },
    ]

    private static func from(_ row: QueueRow) -> Run { Run(address: row.from, .muted) }
    private static func to(_ row: QueueRow) -> Run {
        let others = row.recipients.total - 1
        return Run(address: row.to, before: others > 0 ? "(+\(others)) " : "")
    }

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
