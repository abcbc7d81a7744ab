import DequeModule
import Mail
import Monitor
import SMTP
import Spool

/// Which recipients of which message go where, and when, as a value: it is told what happened and says what to do.
///
/// It has no event loop, no clock, no spool and no sockets, and no chance of its own: time and random numbers are arguments.
/// After each event its driver pulls ``next()`` until there is nothing more to do.
struct Scheduler: Sendable {
    enum Action: Equatable, Sendable {
        /// Makes an attempt on a session, which is opened for it when it is new; `attemptEnded` tells what became of it.
        case begin(attempt: Int, message: QueueID, session: Int, isNew: Bool)
        /// Writes down what became of recipients; `settlementWritten` and the like say how that went.
        case settle(Int, message: QueueID, [Settlement.Outcome])
        /// Reads a message anew, since the spool knows better; `messageRead` tells what is there.
        case read(QueueID)
        /// Nothing of the message is left to do.
        case forget(QueueID)
        /// Ends a session when its transaction is over.
        case quit(session: Int)
        /// Forgets drops that can no longer be taken back.
        case purge
        /// Tells `timePassed` then; a time that is past means as soon as others had their turn.
        case wake(at: Timestamp)
    }

    /// Of a scan through all messages: this many in one event, so that a million do not hold up the others.
    private static let slotsInPart = 8192
    private static let duesInPart = 10_000
    /// All mail to a hop that is gone may lose its sender's patience at once.
    private static let settlementsAtOnce = 200
    /// What one report can tell of, so that it stays small enough for the spool's transaction.
    static let recipientsInReport = 100

    private(set) var configuration: RelayConfiguration
    private var schedule: RetrySchedule
    private(set) var index = QueueIndex()
    private(set) var destinations: DestinationTable
    private(set) var claims = Claims()
    private var agenda = Agenda()
    /// The destination of each session.
    private var sessions: [Int: QueueIndex.DestinationIndex] = [:]
    private var lastSession = 0
    /// What is relayed while nothing can be written down would be relayed again after a restart.
    private var canWrite = true
    private(set) var isStopping = false
    /// When mail is next looked through for what waited too long, and how far that is.
    private var sweep: (at: Timestamp, place: Int?)
    /// Since when mail is looked through for new routes, and how far that is.
    private var rerouting: (since: Timestamp, place: Int)?
    /// The driver will wake us then, at the latest.
    private var wakeAt: Timestamp?
    private var actions: Deque<Action> = []

    init(_ configuration: RelayConfiguration, at now: Timestamp) {
        self.configuration = configuration
        self.schedule = RetrySchedule(configuration.retry)
        self.destinations = DestinationTable(configuration)
        self.sweep = (now, nil)
        self.sweep.at = self.nextSweep(after: now)
    }

    /// The next thing to do, or `nil` until something happens.
    mutating func next() -> Action? {
        if let action = self.actions.popFirst() { return action }
        guard !self.isStopping, let at = self.nextLook, self.wakeAt.map({ at < $0 }) ?? true else { return nil }
        self.wakeAt = at
        return .wake(at: at)
    }

    private var nextLook: Timestamp? {
        var next = self.agenda.next ?? .max
        if self.sweep.place == nil || self.claims.settlements < Self.settlementsAtOnce {
            next = min(next, self.sweep.at.milliseconds)
        }
        if let rerouting = self.rerouting { next = min(next, rerouting.since.milliseconds) }
        return next == .max ? nil : Timestamp(milliseconds: next)
    }

    /// Whether nothing is under way.
    var isQuiet: Bool { self.claims.isEmpty && self.sessions.isEmpty }

    // MARK: mail

    /// A message is durable, and ours.
    mutating func accepted(_ message: SpooledMessage, at now: Timestamp) {
        let destinations = message.recipients.map { self.destinations.route($0.forwardPath) }
        self.index.makeRoom(forDestinations: self.destinations.capacity)
        guard let slot = self.index.add(message, destinations: destinations, at: now) else {
            for destination in destinations { self.removeIfIdle(destination, at: now) }
            return
        }
        for row in self.index.rows(of: slot) { self.plan(row, at: now) }
        if let by = message.deliverBy {
            self.agenda.add(
                Agenda.Deadline(at: message.deadline(by).milliseconds, message: message.id, mode: by.mode))
        }
    }

    /// A message as the spool has it; `nil` when it is not there. What is being tried stays as it is: its end will tell.
    mutating func messageRead(_ id: QueueID, _ message: SpooledMessage?, at now: Timestamp) {
        let left = message.flatMap { $0.recipients.allSatisfy(\.state.isSettled) ? nil : $0 }
        guard let slot = self.index.slot(of: id) else {
            if let left { self.accepted(left, at: now) }
            return
        }
        let rows = Array(self.index.rows(of: slot))
        guard let left else {
            if !rows.contains(where: { self.claims.has($0) }) { self.forget(slot, at: now) }
            return
        }
        for recipient in left.recipients {
            guard let row = self.index.row(among: rows, index: recipient.index), !self.claims.has(row) else { continue }
            self.index.update(row, to: recipient, messageGeneration: left.generation)
            self.reroute(row, at: now)
            self.plan(row, at: now)
        }
    }

    /// A message cannot be read: its recipients are on hold in memory alone, but for those that are being tried.
    mutating func messageDamaged(_ id: QueueID, _ reason: String) {
        guard let slot = self.index.slot(of: id) else { return }
        for row in self.index.rows(of: slot) where !self.claims.has(row) { self.index.hold(row, reason: reason) }
    }

    private mutating func forget(_ slot: QueueIndex.Slot, at now: Timestamp) {
        let id = self.index.id(slot)
        let rows = self.index.rows(of: slot)
        for row in rows where self.claims.has(row) { self.claims.forget(row) }
        self.index.remove(slot)
        var last = QueueIndex.unrouted
        for row in rows {
            let destination = self.index.destinations[Int(row)]
            if destination != last { self.removeIfIdle(destination, at: now) }
            last = destination
        }
        self.actions.append(.forget(id))
    }

    // MARK: time

    /// It is that late, whether or not a timer ran: a machine may sleep.
    mutating func timePassed(at now: Timestamp) {
        self.wakeAt = nil
        guard !self.isStopping else { return }
        var budget = Self.duesInPart
        while budget > 0, let due = self.agenda.takeDue(at: now) {
            budget -= 1
            if self.index.stamps[Int(due.row)] == due.stamp { self.plan(due.row, at: now) }
        }
        while let over = self.agenda.takeBackOff(at: now) {
            self.pump(over.destination, at: now)
            self.removeIfIdle(over.destination, at: now)
        }
        while let deadline = self.agenda.takeDeadline(at: now) { self.passed(deadline, at: now) }
        self.goOnSweeping(at: now)
        self.goOnRerouting(at: now)
    }

    /// The time of day jumped by this many milliseconds. How long mail has waited, and has still to wait, is counted in time
    /// that really passed, so that nothing expires by a jump, or sleeps through one.
    mutating func clockJumped(by jump: Int64, to now: Timestamp) {
        self.index.shift(by: jump, to: now)
        self.destinations.shift(by: jump)
        self.agenda.shift(by: jump)
        self.sweep.at = self.sweep.at.adding(milliseconds: jump)
        self.rerouting?.since = now
        self.wakeAt = self.wakeAt?.adding(milliseconds: jump)
    }

    /// Once a minute, or oftener when patience is short.
    private func nextSweep(after now: Timestamp) -> Timestamp {
        now.adding(milliseconds: min(max(self.configuration.retry.giveUp / 20, 1000), 60_000))
    }

    private mutating func goOnSweeping(at now: Timestamp) {
        guard self.sweep.place != nil || self.sweep.at <= now else { return }
        var place = self.sweep.place ?? 0
        let end = min(place + Self.slotsInPart, self.index.ids.count)
        while place < end, self.claims.settlements < Self.settlementsAtOnce {
            if self.index.ids[place] != 0 { self.lookAtPatience(QueueIndex.Slot(place), at: now) }
            place += 1
        }
        guard place >= self.index.ids.count else { return self.sweep.place = place }
        self.sweep = (self.nextSweep(after: now), nil)
        self.actions.append(.purge)
    }

    private mutating func lookAtPatience(_ slot: QueueIndex.Slot, at now: Timestamp) {
        let patience = Patience(retry: self.configuration.retry)
        var ended: [EndedWait] = []
        for row in self.index.rows(of: slot) {
            let state = self.index.states[Int(row)]
            guard state == .queued || state == .deferred,
                let verdict = patience.verdict(
                    age: self.index.age(row, at: now), isNoticed: self.index.delayNoticed(row)),
                // There may be nobody to tell (RFC 5321 §4.5.5).
                verdict == .expire || self.index.reversePath(slot) != "<>", !self.claims.has(row)
            else { continue }
            ended.append(EndedWait(row, verdict, self.reason(row, at: now) ?? "no attempt was made"))
        }
        self.settle(ended)
    }

    private mutating func passed(_ deadline: Agenda.Deadline, at now: Timestamp) {
        guard let slot = self.index.slot(of: deadline.message) else { return }
        var ended: [EndedWait] = []
        var isBusy = false
        for row in self.index.rows(of: slot) where !self.index.states[Int(row)].isSettled {
            if self.claims.has(row) || self.index.states[Int(row)] == .active {
                isBusy = true
            } else if let verdict = Patience.verdict(deadline.mode, isNoticed: self.index.delayNoticed(row)) {
                let why = "the time that the sender set (DELIVERBY) is over"
                ended.append(EndedWait(row, verdict, self.reason(row, at: now).map { "\(why); \($0)" } ?? why))
            }
        }
        // An attempt under way may still make it, and else is judged when it ends.
        if isBusy {
            var again = deadline
            again.at = now.milliseconds + 1000
            self.agenda.add(again)
        }
        self.settle(ended)
    }

    /// Returns mail, or tells its sender that it goes on waiting; meanwhile nothing else begins with it.
    private mutating func settle(_ ended: [EndedWait]) {
        guard !ended.isEmpty else { return }
        let outcomes = ended.map { $0.outcome(in: self.index) }
        for wait in ended { self.index.setState(wait.row, .active) }
        self.settle(ended.map(\.row), outcomes)
    }

    // MARK: sessions and attempts

    /// A session waits for a transaction.
    mutating func sessionIdle(_ session: Int, at now: Timestamp) {
        guard let destination = self.sessions[session] else { return }
        if self.isStopping { return self.actions.append(.quit(session: session)) }
        self.destinations[destination].idle.append(session)
        self.pump(destination, at: now)
    }

    /// A session is gone; what became of its last attempt has been told.
    mutating func sessionEnded(_ session: Int, at now: Timestamp) {
        guard let destination = self.sessions.removeValue(forKey: session) else { return }
        self.destinations[destination].sessions -= 1
        self.destinations[destination].idle.removeAll { $0 == session }
        self.pump(destination, at: now)
        self.removeIfIdle(destination, at: now)
    }

    mutating func attemptEnded(
        _ result: JobResult, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) {
        guard let (claim, session) = self.claims.attemptEnded(result.job) else { return }
        // The message may be gone, as far as the spool knows.
        guard let first = claim.rows.first else { return self.notTried(result.job, at: now) }
        switch result.verdict {
        case .untried: return self.notTried(result.job, at: now)
        case .unreachable(let reason): self.unreachable(session.destination, reason, at: now, using: &random)
        case .outcomes(let outcomes):
            // A session that broke is a sign of too many; one that answered, whatever it said of the mail, is not.
            if outcomes.contains(where: \.isBroken) {
                self.destinations[session.destination].congested()
            } else {
                self.destinations[session.destination].succeeded(limit: self.configuration.delivery.connections)
            }
        case .unreadable, .damaged: break
        }
        let rules = AttemptRules(retry: self.configuration.retry, schedule: self.schedule)
        let outcomes = rules.outcomes(of: result, for: claim.rows, in: self.index, at: now, using: &random)
        self.actions.append(.settle(result.job, message: self.index.id(ofRow: first), outcomes))
    }

    /// It did not happen: its recipients, which have been due for longer than the others, go before them again.
    private mutating func notTried(_ number: Int, at now: Timestamp) {
        guard let claim = self.claims.release(number) else { return }
        for row in claim.rows {
            self.index.setState(row, .queued)
            self.goOn(with: row, after: claim, at: now)
        }
        self.ended(claim, at: now)
    }

    /// The destination waits, and with it all that is ready for it.
    private mutating func unreachable(
        _ destination: QueueIndex.DestinationIndex, _ reason: String, at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        guard !self.destinations[destination].isBackingOff(at: now) else { return }
        if self.destinations[destination].sessions > 1 { return self.destinations[destination].congested() }
        let failures = self.destinations[destination].failures + 1
        let end = now.adding(milliseconds: self.schedule.delay(afterFailures: failures, using: &random))
        self.destinations[destination].failed(reason, until: end)
        self.agenda.add(Agenda.BackOff(at: end.milliseconds, destination: destination))
    }

    // MARK: what is written down

    /// The outcomes are on disk.
    ///
    /// - Parameter isGone: with them the whole message.
    mutating func settlementWritten(
        _ number: Int, _ outcomes: [Settlement.Outcome], generation: UInt32, isGone: Bool, at now: Timestamp
    ) {
        guard let claim = self.claims.release(number) else { return }
        if isGone {
            if let row = claim.rows.first { self.forget(self.index.rowSlot[Int(row)], at: now) }
        } else {
            for (row, outcome) in zip(claim.rows, outcomes) {
                self.index.settled(row, outcome, messageGeneration: generation)
                self.goOn(with: row, after: claim, at: now)
            }
        }
        self.ended(claim, at: now)
    }

    /// The spool found something else than we do.
    mutating func settlementStale(_ number: Int, of id: QueueID, at now: Timestamp) {
        guard let claim = self.claims.release(number) else { return }
        self.actions.append(.read(id))
        self.ended(claim, at: now)
    }

    /// The outcomes cannot be written: the recipients are on hold in memory alone, and the next start looks again.
    mutating func settlementKeptAside(
        _ number: Int, _ outcomes: [Settlement.Outcome], _ reason: String, at now: Timestamp
    ) {
        guard let claim = self.claims.release(number) else { return }
        for (row, outcome) in zip(claim.rows, outcomes) {
            self.index.hold(
                row, reason: "\(outcome.state.word), but that could not be written down: \(reason)")
        }
        self.ended(claim, at: now)
    }

    /// Outcomes cannot be written for now, or all of them are.
    mutating func writing(isBlocked: Bool, at now: Timestamp) {
        guard self.canWrite == isBlocked else { return }
        self.canWrite = !isBlocked
        if self.canWrite { for destination in self.destinations.all { self.pump(destination, at: now) } }
    }

    /// Writes as many outcomes at a time as one report can tell of.
    ///
    @discardableResult
    private mutating func settle(
        _ rows: [QueueIndex.Row], _ outcomes: [Settlement.Outcome]
    ) -> [BegunSettlement] {
        stride(from: 0, to: rows.count, by: Self.recipientsInReport).map { start in
            let part = start..<min(start + Self.recipientsInReport, rows.count)
            let number = self.claims.take(
                Array(rows[part]), for: .settlement, routing: self.destinations.routing)
            let id = self.index.id(ofRow: rows[start])
            self.actions.append(.settle(number, message: id, Array(outcomes[part])))
            return BegunSettlement(number: number, message: id, recipients: part.count)
        }
    }

    /// Nobody has the recipient any more.
    private mutating func goOn(with row: QueueIndex.Row, after claim: Claims.Claim, at now: Timestamp) {
        if claim.routing != self.destinations.routing { self.reroute(row, at: now) }
        self.plan(row, at: now)
    }

    private mutating func ended(_ claim: Claims.Claim, at now: Timestamp) {
        guard case .attempt(let session, _) = claim.purpose else { return }
        self.pump(session.destination, at: now)
        self.removeIfIdle(session.destination, at: now)
    }

    // MARK: orders

    /// An operator's order names recipients.
    ///
    /// - Parameter targets: those of one message stand together.
    mutating func orderBegan(on targets: some Sequence<RecipientTarget>) -> BegunOrder {
        let (free, rows, skipped) = self.free(targets)
        let number = self.claims.take(rows, for: .order, routing: self.destinations.routing)
        return BegunOrder(
            number: number, targets: free, skipped: skipped,
            unroutedDomain: rows.first { self.destination(of: $0) == nil }.flatMap { self.unroutedDomain($0) })
    }

    /// The spool did this, or nothing, and the order has ended.
    ///
    /// - Parameter retry: names an order for which one session may be tried in spite of each destination's back-off.
    mutating func orderEnded(_ number: Int, _ changes: [Applied.Change], retry: Int? = nil, at now: Timestamp) {
        guard let claim = self.claims.release(number) else { return }
        var destinations: Set<QueueIndex.DestinationIndex> = []
        for change in changes {
            guard let slot = self.index.slot(of: change.message),
                let row = self.index.row(of: slot, index: change.recipient.index)
            else { continue }
            self.index.update(row, to: change.recipient, messageGeneration: change.generation)
            if let retry, let destination = self.destination(of: row) {
                self.destinations[destination].allowProbe(for: retry)
            }
            if self.index.rows(of: slot).allSatisfy({ self.index.states[Int($0)].isSettled }) {
                self.forget(slot, at: now)
            }
        }
        for row in claim.rows where self.index.rowSlot[Int(row)] >= 0 {
            self.goOn(with: row, after: claim, at: now)
            if let destination = self.destination(of: row) { destinations.insert(destination) }
        }
        self.forgetStale(destinations)
    }

    /// The operator returns mail to its sender: what is free of it is settled with a report.
    ///
    /// - Returns: what is written down for that, and how many were left alone.
    mutating func bounceOrdered(
        on targets: some Sequence<RecipientTarget>, by name: String
    ) -> (settlements: [BegunSettlement], skipped: [SkipReason: Int]) {
        let (free, rows, skipped) = self.free(targets)
        var settlements: [BegunSettlement] = []
        var start = 0
        while start < rows.count {
            let end = free[start...].firstIndex { $0.message != free[start].message } ?? rows.count
            let outcomes = free[start..<end].map {
                Settlement.Outcome(
                    index: $0.index, generation: $0.generation, state: .bounced, countsAsTry: false,
                    reply: "bounced by the operator (\(name))", actor: name)
            }
            settlements += self.settle(Array(rows[start..<end]), outcomes)
            start = end
        }
        return (settlements, skipped)
    }

    private func free(
        _ targets: some Sequence<RecipientTarget>
    ) -> (targets: [RecipientTarget], rows: [QueueIndex.Row], skipped: [SkipReason: Int]) {
        var free: [RecipientTarget] = []
        var rows: [QueueIndex.Row] = []
        var skipped: [SkipReason: Int] = [:]
        var last: (message: QueueID, rows: [QueueIndex.Row])?
        for target in targets {
            if last?.message != target.message {
                last = (
                    target.message, self.index.slot(of: target.message).map { Array(self.index.rows(of: $0)) } ?? []
                )
            }
            guard let row = self.index.row(among: last?.rows ?? [], index: target.index) else {
                skipped[.gone, default: 0] += 1
                continue
            }
            if let reason = self.reasonToSkip(row, target) {
                skipped[reason, default: 0] += 1
            } else {
                free.append(target)
                rows.append(row)
            }
        }
        return (free, rows, skipped)
    }

    private func reasonToSkip(_ row: QueueIndex.Row, _ target: RecipientTarget) -> SkipReason? {
        let state = self.index.states[Int(row)]
        if state == .active { return .active }
        if self.claims.has(row) { return .ordered }
        if state.isSettled { return .settled }
        return self.index.rowGenerations[Int(row)] == target.generation ? nil : .changed
    }

    private mutating func forgetStale(_ destinations: Set<QueueIndex.DestinationIndex>) {
        let index = self.index
        for destination in destinations {
            let waiting = index.countsByDestination[Int(destination)].unsettled
            self.destinations[destination].forgetStale(beyond: waiting) { index.stamps[Int($0.row)] == $0.stamp }
        }
        self.agenda.forgetStale(beyond: index.counts.unsettled) { index.stamps[Int($0.row)] == $0.stamp }
    }

    // MARK: routes, and the end

    /// The operator changed the configuration: what is not under way finds its destination anew, and the rest when it ends.
    mutating func routesChanged(_ configuration: RelayConfiguration, at now: Timestamp) {
        self.configuration = configuration
        self.schedule = RetrySchedule(configuration.retry)
        self.destinations.routesChanged(configuration)
        self.rerouting = (now, 0)
    }

    private mutating func goOnRerouting(at now: Timestamp) {
        guard let place = self.rerouting?.place else { return }
        let end = min(place + Self.slotsInPart, self.index.ids.count)
        for place in place..<max(place, end) where self.index.ids[place] != 0 {
            for row in self.index.rows(of: QueueIndex.Slot(place)) {
                if self.reroute(row, at: now) { self.plan(row, at: now) }
            }
        }
        self.rerouting?.place = end
        if end >= self.index.ids.count { self.rerouting = nil }
    }

    /// - Returns: whether it goes elsewhere now.
    @discardableResult
    private mutating func reroute(_ row: QueueIndex.Row, at now: Timestamp) -> Bool {
        let state = self.index.states[Int(row)]
        guard state != .active, !state.isSettled,
            let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
        else { return false }
        let old = self.index.destinations[Int(row)]
        let destination = self.destinations.route(path)
        guard destination != old else { return false }
        self.index.makeRoom(forDestinations: self.destinations.capacity)
        self.index.setDestination(row, destination)
        self.removeIfIdle(old, at: now)
        return true
    }

    /// Nothing more begins.
    mutating func stopped() {
        self.isStopping = true
        for session in self.sessions.keys.sorted() { self.actions.append(.quit(session: session)) }
    }

    // MARK: what goes next

    /// `nil` without a route.
    func destination(of row: QueueIndex.Row) -> QueueIndex.DestinationIndex? {
        let index = self.index.destinations[Int(row)]
        return index < 0 ? nil : index
    }

    /// Where a session goes.
    func nextHop(ofSession session: Int) -> NextHop? { self.sessions[session].map { self.destinations[$0].nextHop } }

    /// Puts a row where its state says: into the line of its destination, or to sleep until it is due.
    private mutating func plan(_ row: QueueIndex.Row, at now: Timestamp) {
        let place = Int(row)
        switch self.index.states[place] {
        case .queued, .deferred:
            guard let destination = self.destination(of: row) else { return }
            let due = self.index.due[place]
            guard self.isDue(row, at: now) else {
                return self.agenda.add(Agenda.Due(at: due, row: row, stamp: self.index.stamps[place]))
            }
            if self.index.states[place] != .queued { self.index.setState(row, .queued) }
            self.destinations[destination].add(
                Destination.Entry(
                    row: row, stamp: self.index.stamps[place], due: min(due, now.milliseconds),
                    priority: self.index.priority(of: row)))
            self.pump(destination, at: now)
        case .active, .hold, .relayed, .bounced, .expired, .dropped: break
        }
    }

    /// A time that no retry is put off to was written while the clock was wrong.
    private func isDue(_ row: QueueIndex.Row, at now: Timestamp) -> Bool {
        let wait = self.index.due[Int(row)] - now.milliseconds
        return wait <= 0 || wait > 2 * self.schedule.longest && !self.index.wasHeld(row)
    }

    /// Begins as many attempts as the destination may have.
    private mutating func pump(_ destination: QueueIndex.DestinationIndex, at now: Timestamp) {
        guard self.canWrite, !self.isStopping else { return }
        let limit = self.configuration.delivery.connections
        while let first = self.firstReady(destination) {
            let session: Int
            var isNew = false
            if let idle = self.destinations[destination].idle.popLast() {
                session = idle
            } else if self.destinations[destination].sessions
                < self.destinations[destination].allowed(limit: limit, at: now)
            {
                self.destinations[destination].opened()
                self.lastSession += 1
                session = self.lastSession
                self.sessions[session] = destination
                isNew = true
            } else {
                return
            }
            let rows = self.together(with: first, at: now)
            for row in rows { self.index.setState(row, .active) }
            let attempt = self.claims.take(
                rows, for: .attempt(Claims.Claim.Session(number: session, destination: destination), isOver: false),
                routing: self.destinations.routing)
            self.actions.append(
                .begin(attempt: attempt, message: self.index.id(ofRow: first), session: session, isNew: isNew))
        }
    }

    private mutating func firstReady(_ destination: QueueIndex.DestinationIndex) -> QueueIndex.Row? {
        while let first = self.destinations[destination].first {
            if self.index.stamps[Int(first.row)] == first.stamp, !self.claims.has(first.row) { return first.row }
            _ = self.destinations[destination].takeFirst()
        }
        return nil
    }

    /// Those recipients of the message that can go in the same transaction, in their order, and `first` in any case.
    private func together(with first: QueueIndex.Row, at now: Timestamp) -> [QueueIndex.Row] {
        let destination = self.index.destinations[Int(first)]
        let moved = self.index.moved(first)
        let limit = self.configuration.delivery.recipientsPerTransaction
        var rows: [QueueIndex.Row] = []
        var hasFirst = false
        for row in self.index.rows(of: self.index.rowSlot[Int(first)]) {
            if row == first {
                hasFirst = true
            } else if rows.count == limit - (hasFirst ? 0 : 1) || self.index.states[Int(row)] != .queued
                || self.index.destinations[Int(row)] != destination || self.index.moved(row) != moved
                || self.claims.has(row) || !self.isDue(row, at: now)
            {
                continue
            }
            rows.append(row)
            if hasFirst, rows.count == limit { break }
        }
        return rows
    }

    /// A destination with no mail, no sessions and no back-off goes away: there may be as many as there are domains.
    private mutating func removeIfIdle(_ destination: QueueIndex.DestinationIndex, at now: Timestamp) {
        guard destination >= 0, !self.destinations[destination].isRemoved,
            self.destinations[destination].sessions == 0, self.index.countsByDestination[Int(destination)].isEmpty,
            !self.destinations[destination].isBackingOff(at: now)
        else { return }
        self.destinations.remove(destination)
    }
}
