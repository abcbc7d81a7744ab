import DequeModule
import Mail
import Monitor

/// One trace: it reads what sessions have said since it looked last, when somebody takes it and not before.
actor Tracer {
    /// So many lines at a time, and what is left of the session that has the last of them.
    private static let linesAtOnce = 2000

    private let query: TraceQuery
    private let registry: SessionRegistry
    private let watch: TraceWatch
    private let clock: Clock
    private var wakes: AsyncStream<Void>.AsyncIterator
    /// Sessions that had ended before, the next one last.
    private var kept: [SessionRef]
    private var work: TraceWatch.Work
    /// The node stops, or nobody takes the events any more.
    private var isOver = false

    /// - Parameters:
    ///   - live: all sessions there are.
    ///   - kept: those that have ended and are wanted, in their order.
    init(
        _ query: TraceQuery, _ watch: TraceWatch, in registry: SessionRegistry, live: Set<SessionRef>,
        kept: [SessionRef], clock: Clock
    ) {
        self.query = query
        self.registry = registry
        self.watch = watch
        self.clock = clock
        self.wakes = watch.wakes.makeAsyncIterator()
        self.kept = kept.reversed()
        self.work = TraceWatch.Work(changed: live)
    }

    deinit { self.registry.traces.close(self.watch) }

    /// - Returns: in the order in which it happened; `nil` when nothing more comes.
    func next() async -> [TraceEvent]? {
        while true {
            let events = self.collect()
            if !events.isEmpty { return events }
            guard !self.isOver else { return nil }
            var wakes = self.wakes
            self.isOver = await wakes.next(isolation: self) == nil
            self.wakes = wakes
            self.work = self.watch.take()
        }
    }

    private func collect() -> [TraceEvent] {
        var told = Account()
        while told.lines < Self.linesAtOnce {
            if let ref = self.kept.popLast() {
                if let record = self.registry.find(ref) { self.tell(record, isLast: true, &told) }
            } else if let ref = self.work.changed.popFirst() {
                // One that has ended meanwhile is told with its end.
                if let record = self.registry.live(ref) { self.tell(record, isLast: false, &told) }
            } else if let record = self.work.ended.popFirst() {
                self.tell(record, isLast: true, &told)
            } else {
                break
            }
        }
        var events = told.events
        if self.work.missed > 0 {
            events.append(.missed(session: nil, lines: self.work.missed))
            events += self.work.cut.map { .ended(session: $0) }
            self.work.missed = 0
            self.work.cut = []
        }
        return events
    }

    private func tell(_ record: SessionRecord, isLast: Bool, _ told: inout Account) {
        record.forgetTelling(self.watch.bit)
        let (row, hasFailed) = record.glance
        let place = self.watch[record.ref]
        guard place != nil || self.query.matches(row, hasFailed: hasFailed, at: self.clock.now()) else { return }
        let from = place ?? 0
        let said = record.said(from: from, of: self.query.message)
        guard place != nil || self.query.message == nil || !said.lines.isEmpty else { return }
        if place == nil { told.add(.began(session: row), at: row.started) }
        told.add(said.lines, of: row, from: from, missed: said.missed)
        if isLast { told.add(.ended(session: row), at: row.ended ?? row.lastActivity) }
        self.watch[record.ref] = isLast ? nil : said.next
    }

    /// What is told at once, session by session, and then put into the order of time.
    private struct Account {
        private enum Item { case event(TraceEvent), line(SessionRef, TranscriptLine) }
        private var items: [(at: Timestamp, place: Int, item: Item)] = []
        private(set) var lines = 0

        mutating func add(_ event: TraceEvent, at: Timestamp) {
            self.add(.event(event), at)
            self.lines += 1
        }

        /// - Parameter missed: so many of the lines from line `from` on are gone; they are in one place.
        mutating func add(_ lines: [TranscriptLine], of row: ConnectionRow, from: Int, missed: Int) {
            // The clock may be set back; a session's lines keep their order all the same.
            var at = row.started
            var next = from
            for line in lines {
                at = max(at, line.at)
                if missed > 0, line.number > next { self.add(.event(.missed(session: row.ref, lines: missed)), at) }
                next = line.number + 1
                self.add(.line(row.ref, line), at)
            }
            self.lines += lines.count
        }

        private mutating func add(_ item: Item, _ at: Timestamp) { self.items.append((at, self.items.count, item)) }

        var events: [TraceEvent] {
            var events: [TraceEvent] = []
            var run: [TranscriptLine] = []
            var speaking: SessionRef?
            func endRun() {
                if let session = speaking { events.append(.lines(session: session, lines: run)) }
                speaking = nil
                run = []
            }
            for (_, _, item) in self.items.sorted(by: { ($0.at, $0.place) < ($1.at, $1.place) }) {
                switch item {
                case .event(let event):
                    endRun()
                    events.append(event)
                case .line(let session, let line):
                    if speaking != session { endRun() }
                    speaking = session
                    run.append(line)
                }
            }
            endRun()
            return events
        }
    }
}
