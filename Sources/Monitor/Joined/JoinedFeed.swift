public import Mail
import Synchronization

/// The feeds of several nodes as the feed of one.
///
/// Counts are added up, lists are merged in their own order, and what is done goes to the nodes that the references name.
/// A node that does not answer hides no other: what is missing is said with each value that lacks it.
public final class JoinedFeed: MonitorFeed {
    let nodes: JoinedNodes
    /// `3 nodes`; no host is called so.
    let name: String
    let names = Mutex(JoinedNames())
    private let messageHints = Mutex(JoinedHints<QueueQuery>())
    private let sessionHints = Mutex(JoinedHints<ConnectionQuery>())
    private let destinationHints = Mutex(JoinedHints<DestinationQuery>())
    private let relay = ChangeRelay()

    /// - Parameters:
    ///   - feeds: with what each is called until its node has told its name.
    ///   - patience: so long an answer is waited for; then the others are shown without it.
    public init(
        _ feeds: [(name: String, feed: any MonitorFeed)], patience: Duration = .seconds(3),
        clock: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        let relay = self.relay
        self.nodes = JoinedNodes(
            feeds.map { name, feed in
                JoinedNode(name, feed, patience: patience, clock: clock) { relay.tell(.missed(events: 0)) }
            })
        self.name = feeds.count == 1 ? "1 node" : "\(feeds.count) nodes"
    }

    /// What is never meant for all nodes at once.
    private static let ofOneNode: Set<FeedCapabilities.Ability> = [.purge, .shutdown]

    public func capabilities() async throws -> FeedCapabilities {
        let answers = try await self.nodes.ask { try await $0.capabilities() }
        for answer in answers.values { self.nodes.all[answer.index].learn(answer.value) }
        let all = answers.values.map(\.value)
        return FeedCapabilities(
            node: self.name, software: Set(all.map(\.software)).sorted().joined(separator: ", "),
            // What one of them lacks, it says when it is asked.
            areas: all.reduce(into: []) { $0.formUnion($1.areas) },
            abilities: all.reduce(into: []) { $0.formUnion($1.abilities.subtracting(Self.ofOneNode)) },
            notes: Array(all.reduce(into: Set()) { $0.formUnion($1.notes) }), nodes: self.nodes.all.map(\.name),
            takesReasons: all.contains { $0.takesReasons == true } ? true : nil)
    }

    public func overview() async throws -> Overview {
        let answers = try await self.nodes.ask { try await $0.overview() }
        let first = self.nodes.firstOfEachQueue(among: answers.values.map(\.index))
        let overviews = answers.values.map { ($0.node, first.contains($0.index) ? $0.value : $0.value.withoutQueue) }
        return Overview(joining: overviews, absent: answers.absent, as: self.name)
    }

    public func changes() -> AsyncStream<FeedChange> { self.relay.changes(of: self.nodes.all.map(\.feed)) }

    // MARK: lists

    public func queue(_ query: QueueQuery, window: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        try await self.window(query, window, self.messageHints).window
    }
    public func connections(
        _ query: ConnectionQuery, window: WindowRequest<SessionRef>
    ) async throws -> Window<ConnectionRow> { try await self.window(query, window, self.sessionHints).window }
    public func destinations(
        _ query: DestinationQuery, window: WindowRequest<DestinationRef>
    ) async throws -> Window<DestinationRow> { try await self.window(query, window, self.destinationHints).window }
    public func groups(_ query: QueueQuery, by grouping: QueueGrouping) async throws -> QueueGroups {
        let answers = try await self.nodes.byShares { shares in
            try await self.nodes.ask(self.nodes.all.indices) { index, feed in
                try await feed.groups(query.narrowed(to: shares[index]), by: grouping)
            }
        }
        return QueueGroups(joining: answers.values.map(\.value), absent: answers.isAbsent)
    }
    public func route(_ address: String) async throws -> [RouteAnswer] {
        try await self.nodes.ask { try await $0.route(address) }.values.flatMap(\.value)
    }
    public func find(_ search: SearchRequest, in query: QueueQuery) async throws -> SearchHit<MessageRef>? {
        try await self.find(search, query, self.messageHints)
    }
    public func find(_ search: SearchRequest, in query: ConnectionQuery) async throws -> SearchHit<SessionRef>? {
        try await self.find(search, query, self.sessionHints)
    }
    public func find(_ search: SearchRequest, in query: DestinationQuery) async throws -> SearchHit<DestinationRef>? {
        try await self.find(search, query, self.destinationHints)
    }

    // MARK: facts

    public func facts(after cursor: String?, count: Int) async throws -> FactWindow {
        let start = cursor.map { JoinedCursor($0) } ?? JoinedCursor([:])
        guard let start else { throw FeedError(.invalid, "this is no cursor of facts") }
        let answers = try await self.nodes.askFirst { index, feed in
            try await feed.facts(after: start.ends[self.nodes.all[index].name], count: count)
        }
        // Of a node that was not read before, the newest are of interest, and not how it came to them.
        let isNew = answers.values.map { start.ends[$0.node] == nil }
        let pages = answers.values.map { ($0.node, $0.value.rows) }
        let fresh = JoinedFacts(pages.indices.filter { isNew[$0] }.map { pages[$0] }, count: .max)
        let known = JoinedFacts(
            pages.enumerated().map { isNew[$0.offset] ? ($0.element.0, []) : $0.element },
            count: max(count - fresh.rows.count, 0))
        var (ends, missing) = (start.ends, 0)
        for (place, answer) in answers.values.enumerated() {
            let taken = known.taken[place]
            var page = answer.value
            if !isNew[place], taken < page.rows.count {
                guard taken > 0 else { continue }
                // The place behind some of a page is the end of a shorter one.
                page = try await self.nodes.ask(answer.index) { feed in
                    try await feed.facts(after: start.ends[answer.node], count: taken)
                }
            }
            missing += page.missing
            // The facts of one queue have the same places wherever they are read.
            for name in self.nodes.names(sharedWith: answer.index) { ends[name] = page.end }
        }
        let rows = JoinedFacts([(self.name, fresh.rows.suffix(count)), (self.name, known.rows)], count: .max).rows
        return FactWindow(rows: rows, end: JoinedCursor(ends).description, missing: missing)
    }

    // MARK: the journal

    /// Entries by time, each node's in the order that it has them in.
    public func journal(_ query: JournalQuery, window request: JournalRequest) async throws -> JournalWindow {
        let place = request.place.map { JoinedPlace($0) } ?? JoinedPlace()
        guard let place else { throw FeedError(.invalid, "this is no place in a journal") }
        let count = max(request.count, 0)
        let answers = try await self.nodes.askFirst { index, feed in
            let own = place.end(of: self.nodes.all[index].name)
            return try await feed.journal(
                place.rest(of: query, behind: own), window: JournalRequest(behind: own, count: count))
        }
        let windows = answers.values.map(\.value)
        var merged = JoinedEntries(windows, newestFirst: query.newestFirst)
        merged.merge(count: count)
        var (start, end) = (place, place)
        end.told = merged.rows.last?.fact.at ?? place.told
        for (index, answer) in answers.values.enumerated() {
            let own = place.end(of: answer.node)
            let taken = merged.taken[index]
            var window = answer.value
            // The place behind some of a window is the end of a shorter one.
            if taken < window.rows.count {
                window = try await self.nodes.ask(answer.index) { feed in
                    try await feed.journal(
                        place.rest(of: query, behind: own),
                        window: JournalRequest(behind: answer.value.start, count: taken))
                }
            }
            let names = self.nodes.names(sharedWith: answer.index)
            end.go(to: window.end, of: answer.node, among: names)
            // Where it began by a time, it begins by that again.
            if own != nil || place.told == nil { start.go(to: answer.value.start, of: answer.node, among: names) }
        }
        return JournalWindow(
            rows: merged.rows, start: start.description, end: end.description,
            isComplete: merged.isComplete, reached: merged.reached,
            total: windows.reduce(0) { $0 + $1.total }, at: windows.map(\.at).max() ?? Timestamp(milliseconds: 0),
            absent: answers.isAbsent)
    }

    public func journalStatus() async throws -> JournalStatus {
        let answers = try await self.nodes.ask { try await $0.journalStatus() }
        return JournalStatus(joining: answers.values.map { ($0.node, $0.value) }, absent: answers.isAbsent)
    }

    // MARK: one thing

    /// A queue ID may be several nodes' own: that of what is still queued goes first, then what is newest.
    public func message(_ id: String) async throws -> MessageDetail? {
        let answers = try await self.nodes.ask { try await $0.message(id) }
        let found = answers.values.compactMap(\.value)
        if found.isEmpty, let absent = answers.absent.first {
            throw FeedError(.unavailable, "\(absent.node) is not asked for \(id): \(absent.reason)")
        }
        return found.min { left, right in
            (left.isSettled ? 1 : 0, right.arrived) < (right.isSettled ? 1 : 0, left.arrived)
        }
    }
    public func message(_ ref: MessageRef) async throws -> MessageDetail? {
        let index = self.nodes.standIn(for: try await self.nodes.index(of: ref.node))
        return try await self.nodes.ask(index) { try await $0.message(ref) }
    }
    public func content(of ref: MessageRef, from offset: Int, count: Int) async throws -> ContentPage? {
        let index = self.nodes.standIn(for: try await self.nodes.index(of: ref.node))
        return try await self.nodes.ask(index) { try await $0.content(of: ref, from: offset, count: count) }
    }
    public func transcript(_ session: SessionRef, from: Int, count: Int) async throws -> TranscriptPage? {
        try await self.nodes.ask(try await self.nodes.index(of: session.node)) {
            try await $0.transcript(session, from: from, count: count)
        }
    }
}
