import Mail
import Monitor
import OrderedCollections

/// A node in a time that is over, as its journal tells of it, moment by moment.
struct PastNode {
    private let feed: any MonitorFeed
    private let capabilities: FeedCapabilities
    private let since: Timestamp
    private let entries: [JournalEntry]
    private var messages: [String: PastMessage] = [:]
    private var heard: Set<SessionRef> = []
    private var place = 0
    private var lastOverview: Timestamp?
    private var picture = NodePicture()
    private var flow = Flow()

    /// More is no incident, and would not be looked at.
    static let entriesAtMost = 500_000
    /// Messages that came in and waited; the node is asked whom they are for.
    private static let askedAtMost = 2000
    private static let rowsOfPage = 1000
    private static let linesOfDialogue = 2000
    private static let messagesKept = 2 << 20
    private static let dialoguesKept = 2 << 20

    /// Reads the journal.
    ///
    /// - Throws: ``RecordingError`` where there is too much of it; ``FeedError``.
    init(_ feed: any MonitorFeed, since: Timestamp, until: Timestamp) async throws {
        self.feed = feed
        self.since = since
        self.capabilities = try await feed.capabilities()
        let query = JournalQuery(since: since, until: until, newestFirst: false)
        var entries: [JournalEntry] = []
        var place: String?
        while true {
            let window = try await feed.journal(query, window: JournalRequest(behind: place, count: Self.rowsOfPage))
            entries += window.rows
            place = window.end
            guard entries.count <= Self.entriesAtMost else {
                throw RecordingError(
                    "more than \(Self.entriesAtMost) things happened from \(since.rfc3339) to \(until.rfc3339): "
                        + "name a shorter time")
            }
            if window.isComplete { break }
            try Task.checkCancellation()
        }
        // The journal has them in the order in which they were written down.
        self.entries = entries.sorted { $0.fact.at < $1.fact.at }
        let name = self.capabilities.node
        let ofMessages = self.entries.filter { $0.fact.message != nil }
        self.messages = Dictionary(grouping: ofMessages) { $0.fact.message ?? "" }
            .reduce(into: [:]) { $0[$1.key] = PastMessage($1.key, $1.value, node: name) }
        for id in self.messages.filter(\.value.isUnnamed).keys.sorted().suffix(Self.askedAtMost) {
            if let detail = try await feed.message(id) { self.messages[id]?.name(detail) }
        }
    }

    /// When something happens next; `nil`: never.
    var next: Timestamp? { self.place < self.entries.count ? self.entries[self.place].fact.at : nil }
    var isEmpty: Bool { self.entries.isEmpty }

    /// How it was at the beginning: what of the mail was in the queue already of which more is told.
    mutating func begin() -> [RecordedChange] {
        let rows = self.messages.values.filter(\.isOlder).compactMap(\.row)
        return self.applied([.capabilities(self.capabilities)] + rows.map { RecordedChange.row($0) }, at: self.since)
    }

    /// What happens next, with what happens in the same tenth of a second.
    mutating func step() async throws -> [RecordedChange] {
        guard let start = self.next else { return [] }
        var changes: [RecordedChange] = []
        var touched: OrderedSet<String> = []
        while self.place < self.entries.count, self.entries[self.place].fact.at.since(start) < 100 {
            let entry = self.entries[self.place]
            self.place += 1
            changes.append(.entry(entry))
            self.flow.count(entry.fact)
            if let id = entry.fact.message, var message = self.messages[id] {
                message.apply(entry)
                self.messages[id] = message
                touched.append(id)
            }
            if let session = entry.fact.session, self.heard.insert(session).inserted {
                changes += try await self.dialogue(session)
            }
        }
        for case let (id, message?) in touched.map({ ($0, self.messages[$0]) }) {
            changes.append(message.row.map { RecordedChange.row($0) } ?? .departed(id))
            changes.append(.message(message.detail))
        }
        return self.applied(changes, at: start)
    }

    private func dialogue(_ session: SessionRef) async throws -> [RecordedChange] {
        guard self.capabilities.areas.contains(.transcripts),
            let page = try await self.feed.transcript(session, from: 0, count: Self.linesOfDialogue)
        else { return [] }
        let lines = RecordedLines(session: page.session, lines: page.lines, end: page.end, elided: page.elided)
        return [.session(page.session), .lines(lines)]
    }

    /// With what follows: the picture, and once a second its bounds and the overview, which cost more.
    private mutating func applied(_ changes: [RecordedChange], at now: Timestamp) -> [RecordedChange] {
        for change in changes { self.picture.apply(change) }
        guard self.next == nil || self.lastOverview.map({ now.since($0) >= 1000 }) ?? true else { return changes }
        self.lastOverview = now
        let more =
            [RecordedChange.queued(self.picture.rows.count), .overview(self.overview(at: now))]
            + self.picture.excess(messages: Self.messagesKept, lines: Self.dialoguesKept)
        for change in more { self.picture.apply(change) }
        return changes + more
    }

    private mutating func overview(at now: Timestamp) -> Overview {
        let rows = self.picture.rows.values
        var recipients = RecipientCounts()
        for row in rows {
            for state in RecipientState.allCases { recipients[state] += row.recipients[state] }
        }
        let flows = self.flow.minute(at: now)
        return Overview(
            node: self.capabilities.node, started: self.since, at: now, queuedMessages: rows.count,
            queuedOctets: rows.reduce(0) { $0 + ($1.contentOctets ?? 0) }, recipients: recipients,
            totals: self.flow.totals, received: flows[0], relayed: flows[1], deferred: flows[2], bounced: flows[3],
            oldest: rows.map(\.arrived).min(), destinations: Self.destinations(of: rows, at: now))
    }

    private static func destinations(of rows: some Collection<QueueRow>, at now: Timestamp) -> [DestinationAges] {
        Dictionary(grouping: rows) { $0.destination ?? noRoute }.map { name, rows in
            var ages = AgeCounts()
            for row in rows {
                let column = AgeCounts.column(minutes: max(now.since(row.arrived), 0) / 60_000)
                ages.add(row.recipients.unsettled, column: column)
            }
            let isDeferred = rows.contains { $0.state == .deferred }
            return DestinationAges(
                destination: name, condition: isDeferred ? .deferring : .ok,
                reason: isDeferred ? rows.lazy.filter { $0.state == .deferred }.compactMap(\.lastReply).first : nil,
                total: ages.total, ages: ages)
        }.sorted { ($1.total, $0.destination) < ($0.total, $1.destination) }.prefix(200).map { $0 }
    }
}

/// What happened each second of the last minute, and since the beginning.
private struct Flow {
    private(set) var totals = Overview.Totals()
    /// Received, relayed, deferred, bounced, by their seconds.
    private var seconds: [Int64: [Int]] = [:]

    mutating func count(_ fact: FactRow) {
        let kind: Int
        switch fact.kind {
        case .accepted:
            kind = 0
            self.totals.received += 1
        case .relayed:
            kind = 1
            self.totals.relayed += 1
        case .deferred:
            guard fact.endsAttempt else { return }
            kind = 2
            self.totals.deferredAttempts += 1
        case .bounced, .expired:
            kind = 3
            if fact.kind == .bounced { self.totals.bounced += 1 } else { self.totals.expired += 1 }
        case .dropped:
            self.totals.dropped += 1
            return
        case .held, .released, .retried, .restored, .reported, .refused, .damaged, .rerouted, .readdressed, .ruleSet,
            .ruleEnded, .limited, .purged, .closed, .drained, .undrained, .forgotten, .reloaded, .shutdown,
            .reloadFailed:
            return
        }
        self.seconds[fact.at.milliseconds / 1000, default: [0, 0, 0, 0]][kind] += 1
    }

    /// - Returns: for each of the four, a value a second, oldest first.
    mutating func minute(at now: Timestamp) -> [[Int]] {
        let last = now.milliseconds / 1000
        self.seconds = self.seconds.filter { $0.key > last - 60 }
        return (0..<4).map { kind in (last - 59...last).map { self.seconds[$0]?[kind] ?? 0 } }
    }
}
