import Mail
import Monitor
import OrderedCollections

/// Asks one node what a front end could want to know, as often as that costs the node little, and writes down what is new.
actor NodeRecorder {
    private let feed: any MonitorFeed
    private let node: Int
    private let rows: Int
    private let tape: Tape
    private var picture = NodePicture()

    /// What may have changed since it was asked about.
    private var changed = Set(FeedChange.Area.allCases)
    private var factsEnd: String?
    private var questions = DetailQuestions()
    private var queuePace = Pace()
    private var sessionsPace = Pace()
    private var roundPace = Pace()

    /// Between two looks; longer where a look takes long.
    private static let pauses: ClosedRange<Duration> = .milliseconds(500)...Duration.seconds(3)
    /// What messages, and what dialogues, may take of a look.
    private static let share = Duration.milliseconds(4)
    /// Rows of one answer.
    private static let rowsOfPage = 1000
    /// Of facts that one look reads; the next goes on there.
    private static let pagesOfLook = 20
    private static let overlap = 50
    private static let linesOfPage = 500
    /// Octets, of each node.
    private static let messagesKept = 2 << 20
    private static let dialoguesKept = 2 << 20

    init(_ feed: any MonitorFeed, node: Int, rows: Int, tape: Tape) {
        self.feed = feed
        self.node = node
        self.rows = rows
        self.tape = tape
    }

    /// - Returns: whether the file has its size; false: the task was cancelled.
    func run() async throws -> Bool {
        let changes = self.feed.changes()
        let following = Task { [weak self] in for await change in changes { await self?.note(change) } }
        defer { following.cancel() }
        while !Task.isCancelled {
            self.roundPace.begin()
            guard try await self.round(isLast: false) else { return true }
            self.roundPace.end()
            try? await Task.sleep(for: self.roundPace.wait(within: Self.pauses))
        }
        return false
    }

    private func note(_ change: FeedChange) {
        switch change {
        case .changed(let areas): self.changed.formUnion(areas)
        case .missed: self.changed.formUnion(FeedChange.Area.allCases)
        }
    }

    /// One look at the node.
    ///
    /// - Parameter isLast: asks about all of it, whatever that costs.
    /// - Returns: whether there is room for more.
    func round(isLast: Bool) async throws -> Bool {
        var changes: [RecordedChange] = []
        do {
            try await self.news(isLast, &changes)
        } catch {
            // What was learned before it fell silent counts as well.
            let words = SafeText((error as? FeedError)?.description ?? "\(error)").description
            self.changed = Set(FeedChange.Area.allCases)
            if self.picture.silence != words, !Task.isCancelled { changes.append(.silent(words)) }
        }
        for change in changes { self.picture.apply(change) }
        let excess = self.picture.excess(messages: Self.messagesKept, lines: Self.dialoguesKept)
        for change in excess { self.picture.apply(change) }
        guard !(changes + excess).isEmpty else { return true }
        return try await self.tape.write(changes + excess, of: self.node)
    }

    // MARK: Questions

    private func news(_ isLast: Bool, _ changes: inout [RecordedChange]) async throws {
        let isKnown = self.picture.capabilities != nil && self.picture.silence == nil
        if !isKnown { changes.append(.capabilities(try await self.feed.capabilities())) }
        let areas = isLast ? Set(FeedChange.Area.allCases) : self.changed
        self.changed = []
        changes += try await self.overview(areas)
        if self.picture.silence != nil { changes.append(.silent(nil)) }
        if areas.contains(.facts) { try await self.facts(isLast, &changes) }
        if areas.contains(.queue) { changes += try await self.queue(isLast) }
        if !areas.isDisjoint(with: [.connections, .transcripts]) { changes += try await self.sessions(isLast) }
        let share = isLast ? Duration.seconds(1) : Self.share
        var budget = DetailQuestions.Budget(share)
        while budget.isLeft, let id = self.questions.nextMessage() { changes += try await self.message(id) }
        budget = DetailQuestions.Budget(share)
        while budget.isLeft, let session = self.questions.nextSession() { changes += try await self.lines(of: session) }
        if isLast { self.questions.giveUp() }
        if self.questions.missed != self.picture.missed { changes.append(.missed(self.questions.missed)) }
    }

    /// Also while its bars move, which they do by the clock.
    private func overview(_ areas: Set<FeedChange.Area>) async throws -> [RecordedChange] {
        let known = self.picture.overview
        let flows = known.map { [$0.received, $0.relayed, $0.deferred, $0.bounced] } ?? []
        guard !areas.isEmpty || flows.contains(where: { $0.contains { $0 > 0 } }) else { return [] }
        let overview = try await self.feed.overview()
        var changes: [RecordedChange] = [.overview(overview)]
        // It was started anew, and counts its sessions from 1 again.
        if let known, known.started < overview.started {
            changes += self.picture.dialogues.keys.map { .erased($0) }
            self.questions.forgetSessions()
        }
        return changes
    }

    /// All that happened since, page by page; nothing else is waited for, so none is left out that the node still has.
    private func facts(_ isLast: Bool, _ changes: inout [RecordedChange]) async throws {
        var told = self.picture.factsBefore + self.picture.entries.count
        var isAboutRules = false
        var pages = isLast ? Self.pagesOfLook * 10 : Self.pagesOfLook
        var isWhole = false
        while pages > 0, !isWhole {
            let isFirst = self.factsEnd == nil
            let count = isFirst ? NodePicture.factsKept : Self.rowsOfPage
            let page = try await self.feed.facts(after: self.factsEnd, count: count)
            if page.missing > 0 {
                told += page.missing
                self.questions.missed.facts += page.missing
                changes.append(.facts(told))
            }
            isWhole = isFirst || page.rows.count < count
            self.factsEnd = page.end
            told += page.rows.count
            pages -= 1
            changes += page.rows.map { .fact($0) }
            for fact in page.rows { self.questions.happened(fact, isBefore: isFirst) }
            isAboutRules = isAboutRules || page.rows.contains { $0.kind == .ruleSet || $0.kind == .ruleEnded }
        }
        if !isWhole { self.changed.insert(.facts) }
        if isAboutRules || !self.picture.rules.isEmpty || self.picture.capabilities == nil {
            let rules = try await self.rules()
            if rules != self.picture.rules { changes.append(.rules(rules)) }
        }
    }

    private func rules() async throws -> [RuleRow] {
        do { return try await self.feed.rules() } catch let error as FeedError where error.code == .unsupported {
            return []
        }
    }

    // MARK: Lists

    private func queue(_ isLast: Bool) async throws -> [RecordedChange] {
        guard isLast || self.queuePace.isDue else {
            self.changed.insert(.queue)
            return []
        }
        self.queuePace.begin()
        defer { self.queuePace.end() }
        let oldest = try await self.rows(QueueQuery(), self.rows)
        var rows = oldest.rows
        if oldest.matched > self.rows {
            rows = Array(rows.prefix(self.rows / 2))
            rows += try await self.rows(QueueQuery(sort: .age, descending: false), self.rows / 4).rows
            rows += try await self.rows(QueueQuery(sort: .next, descending: false), self.rows / 4).rows
        }
        let total = oldest.total
        let known = Dictionary(rows.map { ($0.ref.id, $0) }, uniquingKeysWith: { first, _ in first })
        let changes = self.picture.changes(to: known)
        for case .row(let row) in changes { self.questions.changed(row, from: self.picture.rows[row.ref.id]) }
        return (total == self.picture.queued ? [] : [.queued(total)]) + changes
    }

    /// The first rows of an order, page by page. Pages overlap, so that a row is not missed for others that left meanwhile.
    private func rows(_ query: QueueQuery, _ count: Int) async throws -> Window<QueueRow> {
        var rows: [QueueRow] = []
        var end = 0
        while true {
            let start = max(0, end - Self.overlap)
            let request = WindowRequest<MessageRef>(.row(number: start), count: min(count, Self.rowsOfPage))
            var page = try await self.feed.queue(query, window: request)
            end = page.first + page.rows.count
            rows += page.rows
            guard end < min(count, page.matched), !page.rows.isEmpty else {
                page.rows = rows
                return page
            }
        }
    }

    private func sessions(_ isLast: Bool) async throws -> [RecordedChange] {
        guard isLast || self.sessionsPace.isDue else {
            self.changed.insert(.connections)
            return []
        }
        self.sessionsPace.begin()
        defer { self.sessionsPace.end() }
        let window = try await self.feed.connections(
            ConnectionQuery(descending: true, includesEnded: true),
            window: WindowRequest(.row(number: 0), count: Self.rowsOfPage))
        let known = Dictionary(window.rows.map { ($0.ref.id, $0) }, uniquingKeysWith: { first, _ in first })
        let changes = self.picture.changes(to: known)
        let isFirst = self.picture.capabilities == nil
        for case .session(let row) in changes { self.questions.changed(row, isBefore: isFirst) }
        return changes
    }

    // MARK: What a row opens

    private func message(_ id: String) async throws -> [RecordedChange] {
        guard let detail = try await self.feed.message(id) else {
            self.questions.lost(message: id)
            return []
        }
        return detail == self.picture.messages[id] ? [] : [.message(detail)]
    }

    private func lines(of session: SessionRef) async throws -> [RecordedChange] {
        guard self.picture.capabilities?.areas.contains(.transcripts) != false else { return [] }
        let known = self.questions.end(of: session)
        guard let page = try await self.feed.transcript(session, from: known, count: Self.linesOfPage) else {
            self.questions.lost(session)
            return []
        }
        let end = page.lines.last.map { $0.number + 1 } ?? page.end
        self.questions.heard(session, upTo: end, isWhole: end >= page.end || page.lines.isEmpty)
        guard !page.lines.isEmpty else { return [] }
        return [
            .lines(RecordedLines(session: page.session, lines: page.lines, end: page.end, elided: page.elided))
        ]
    }
}

/// Asks the seldomer the longer an answer takes: what is asked takes an eightieth of the time.
struct Pace {
    private static let factor = 80
    private let clock = ContinuousClock()
    private var begun: ContinuousClock.Instant
    private var taken = Duration.zero
    private var due: ContinuousClock.Instant
    init() {
        self.begun = self.clock.now
        self.due = self.begun
    }
    var isDue: Bool { self.clock.now >= self.due }
    mutating func begin() { self.begun = self.clock.now }
    mutating func end() {
        self.taken = self.clock.now - self.begun
        self.due = self.clock.now + self.taken * Self.factor
    }
    /// What is to be waited behind what took so long.
    func wait(within bounds: ClosedRange<Duration>) -> Duration {
        min(max(self.taken * Self.factor, bounds.lowerBound), bounds.upperBound)
    }
}
