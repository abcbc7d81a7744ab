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

    /// Messages that a scan through all of them looks at in one event, so that a million do not hold up the others.
    private static let slotsInPart = 8192
    /// Recipients that come due in one event.
    private static let duesInPart = 10_000
    /// Settlements under way at once: all mail to a hop that is gone may wait too long at the same time.
    private static let settlementsAtOnce = 200
    /// Recipients that one report tells of, so that it stays small enough for the spool's transaction.
    static let recipientsInReport = 100

    private(set) var configuration: RelayConfiguration
    private var schedule: RetrySchedule
    private var backlog: Backlog
    /// The destination of each session.
    private var sessions: [Int: QueueIndex.DestinationIndex] = [:]
    private var lastSession = 0
    /// Whether outcomes can be written: what is relayed meanwhile would be relayed again after a restart.
    private var canWrite = true
    private(set) var isStopping = false
    /// The look through all mail for what waited too long: when the next one begins, and how far one is.
    private var sweep: (at: Timestamp, place: Int?)
    /// The look through all mail for new routes: since when, and how far it is.
    private var rerouting: (since: Timestamp, place: Int)?
    /// The driver will wake us then, at the latest.
    private var wakeAt: Timestamp?
    private var actions: Deque<Action> = []

    init(_ configuration: RelayConfiguration, at now: Timestamp) {
        self.configuration = configuration
        self.schedule = RetrySchedule(configuration.retry)
        self.backlog = Backlog(configuration)
        self.sweep = (now, nil)
        self.sweep.at = self.nextSweep(after: now)
    }

    /// The next thing to do, or `nil` until something happens.
    mutating func next() -> Action? {
        if let action = self.actions.popFirst() { return action }
        guard !self.isStopping, let at = self.nextLook, self.wakeAt.map({ at < $0 }) ?? true else {
            return nil
        }
        self.wakeAt = at
        return .wake(at: at)
    }

    private var nextLook: Timestamp? {
        var next = self.backlog.agenda.next ?? .max
        if self.sweep.place == nil || self.backlog.claims.settlements < Self.settlementsAtOnce {
            next = min(next, self.sweep.at.milliseconds)
        }
        if let rerouting = self.rerouting { next = min(next, rerouting.since.milliseconds) }
        return next == .max ? nil : Timestamp(milliseconds: next)
    }

    var index: QueueIndex { _read { yield self.backlog.index } }
    var destinations: DestinationTable { _read { yield self.backlog.destinations } }
    var claims: Claims { _read { yield self.backlog.claims } }

    /// Whether nothing is under way.
    var isQuiet: Bool { self.backlog.claims.isEmpty && self.sessions.isEmpty }

    // MARK: mail

    /// A message is durable, and ours.
    mutating func accepted(_ message: SpooledMessage, at now: Timestamp) {
        guard let slot = self.backlog.add(message, at: now) else { return }
        for row in self.backlog.index.rows(of: slot) { self.plan(row, at: now) }
    }

    /// A message as the spool has it; `nil` when it is not there. What is being tried stays as it is: its end will tell.
    mutating func messageRead(_ id: QueueID, _ message: SpooledMessage?, at now: Timestamp) {
        let left = message.flatMap { $0.recipients.allSatisfy(\.state.isSettled) ? nil : $0 }
        guard let slot = self.backlog.index.slot(of: id) else {
            if let left { self.accepted(left, at: now) }
            return
        }
        let rows = Array(self.backlog.index.rows(of: slot))
        guard let left else {
            if !rows.contains(where: { self.backlog.claims.has($0) }) { self.forget(slot, at: now) }
            return
        }
        for recipient in left.recipients {
            guard let row = self.backlog.index.row(among: rows, index: recipient.index),
                !self.backlog.claims.has(row)
            else { continue }
            self.backlog.index.update(row, to: recipient, messageGeneration: left.generation)
            self.backlog.reroute(row, at: now)
            self.plan(row, at: now)
        }
    }

    /// A message cannot be read: its recipients are on hold in memory alone, but for those that are being tried.
    mutating func messageDamaged(_ id: QueueID, _ reason: String) {
        guard let slot = self.backlog.index.slot(of: id) else { return }
        for row in self.backlog.index.rows(of: slot) where !self.backlog.claims.has(row) {
            self.backlog.index.hold(row, reason: reason)
        }
    }

    private mutating func forget(_ slot: QueueIndex.Slot, at now: Timestamp) {
        let id = self.backlog.index.id(slot)
        self.backlog.remove(slot, at: now)
        self.actions.append(.forget(id))
    }

    // MARK: time

    /// It is that late, whether or not a timer ran: a machine may sleep.
    mutating func timePassed(at now: Timestamp) {
        self.wakeAt = nil
        guard !self.isStopping else { return }
        var budget = Self.duesInPart
        while budget > 0, let due = self.backlog.agenda.takeDue(at: now) {
            budget -= 1
            if self.backlog.index.stamps[Int(due.row)] == due.stamp { self.plan(due.row, at: now) }
        }
        while let over = self.backlog.agenda.takeBackOff(at: now) {
            self.pump(over.destination, at: now)
            self.backlog.removeIfIdle(over.destination, at: now)
        }
        while let deadline = self.backlog.agenda.takeDeadline(at: now) {
            self.passed(deadline, at: now)
        }
        self.goOnSweeping(at: now)
        self.goOnRerouting(at: now)
    }

    /// The time of day jumped by this many milliseconds. How long mail has waited, and has still to wait, is counted in time
    /// that really passed, so that nothing expires by a jump, or sleeps through one.
    mutating func clockJumped(by jump: Int64, to now: Timestamp) {
        self.backlog.shift(by: jump, to: now)
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
        let end = min(place + Self.slotsInPart, self.backlog.index.ids.count)
        while place < end, self.backlog.claims.settlements < Self.settlementsAtOnce {
            if self.backlog.index.ids[place] != 0 { self.lookAtPatience(QueueIndex.Slot(place), at: now) }
            place += 1
        }
        guard place >= self.backlog.index.ids.count else {
            self.sweep.place = place
            return
        }
        self.sweep = (self.nextSweep(after: now), nil)
        self.actions.append(.purge)
    }

    private mutating func lookAtPatience(_ slot: QueueIndex.Slot, at now: Timestamp) {
        let patience = Patience(retry: self.configuration.retry)
        var ended: [EndedWait] = []
        for row in self.backlog.index.rows(of: slot) {
            let state = self.backlog.index.states[Int(row)]
            guard state == .queued || state == .deferred,
                let verdict = patience.verdict(
                    age: self.backlog.index.age(row, at: now), isNoticed: self.backlog.index.delayNoticed(row)
                ),
                // There may be nobody to tell (RFC 5321 §4.5.5).
                verdict == .expire || self.backlog.index.reversePath(slot) != "<>",
                !self.backlog.claims.has(row)
            else { continue }
            ended.append(
                EndedWait(row, verdict, self.reason(row, at: now) ?? self.missingRoute(row) ?? "no attempt was made"))
        }
        self.settle(ended)
    }

    private mutating func passed(_ deadline: Agenda.Deadline, at now: Timestamp) {
        guard let slot = self.backlog.index.slot(of: deadline.message) else { return }
        var ended: [EndedWait] = []
        var isBusy = false
        for row in self.backlog.index.rows(of: slot)
        where !self.backlog.index.states[Int(row)].isSettled {
            if self.backlog.claims.has(row) || self.backlog.index.states[Int(row)] == .active {
                isBusy = true
            } else if let verdict = Patience.verdict(
                deadline.mode, isNoticed: self.backlog.index.delayNoticed(row))
            {
                let why = "the time that the sender set (DELIVERBY) is over"
                ended.append(
                    EndedWait(
                        row, verdict,
                        (self.reason(row, at: now) ?? self.missingRoute(row)).map { "\(why); \($0)" } ?? why))
            }
        }
        // An attempt under way may still make it, and else is judged when it ends.
        if isBusy {
            var again = deadline
            again.at = now.milliseconds + 1000
            self.backlog.agenda.add(again)
        }
        self.settle(ended)
    }

    /// Returns mail, or tells its sender that it goes on waiting; meanwhile nothing else begins with it.
    private mutating func settle(_ ended: [EndedWait]) {
        guard !ended.isEmpty else { return }
        let outcomes = ended.map { $0.outcome(in: self.backlog.index) }
        for wait in ended { self.backlog.index.setState(wait.row, .active) }
        self.settle(ended.map(\.row), outcomes)
    }

    // MARK: sessions and attempts

    /// A session waits for a transaction.
    mutating func sessionIdle(_ session: Int, at now: Timestamp) {
        guard let destination = self.sessions[session] else { return }
        if self.isStopping { return self.actions.append(.quit(session: session)) }
        self.backlog.destinations[destination].idle.append(session)
        self.pump(destination, at: now)
    }

    /// A session is gone; what became of its last attempt has been told.
    mutating func sessionEnded(_ session: Int, at now: Timestamp) {
        guard let destination = self.sessions.removeValue(forKey: session) else { return }
        self.backlog.destinations[destination].sessions -= 1
        self.backlog.destinations[destination].idle.removeAll { $0 == session }
        self.pump(destination, at: now)
        self.backlog.removeIfIdle(destination, at: now)
    }

    mutating func attemptEnded(
        _ result: JobResult, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) {
        guard let (claim, session) = self.backlog.claims.attemptEnded(result.job) else { return }
        // The message may be gone, as far as the spool knows.
        guard let first = claim.rows.first else { return self.notTried(result.job, at: now) }
        switch result.verdict {
        case .untried: return self.notTried(result.job, at: now)
        case .unreachable(let reason):
            self.unreachable(session.destination, reason, at: now, using: &random)
        case .outcomes(let outcomes):
            // A session that broke is a sign of too many; one that answered, whatever it said of the mail, is not.
            if outcomes.contains(where: \.isBroken) {
                self.backlog.destinations[session.destination].congested()
            } else {
                self.backlog.destinations[session.destination].succeeded(
                    limit: self.configuration.delivery.connections)
            }
        case .unreadable, .damaged: break
        }
        let rules = AttemptRules(retry: self.configuration.retry, schedule: self.schedule)
        let outcomes = rules.outcomes(
            of: result, for: claim.rows, in: self.backlog.index, at: now, using: &random)
        self.actions.append(.settle(result.job, message: self.backlog.index.id(ofRow: first), outcomes))
    }

    /// It did not happen: its recipients, which have been due for longer than the others, go before them again.
    private mutating func notTried(_ number: Int, at now: Timestamp) {
        guard let claim = self.backlog.claims.release(number) else { return }
        for row in claim.rows {
            self.backlog.index.setState(row, .queued)
            self.resume(row, after: claim, at: now)
        }
        self.ended(claim, at: now)
    }

    /// The destination waits, and with it all that is ready for it.
    private mutating func unreachable(
        _ destination: QueueIndex.DestinationIndex, _ reason: String, at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        guard !self.backlog.destinations[destination].isBackingOff(at: now) else { return }
        if self.backlog.destinations[destination].sessions > 1 {
            return self.backlog.destinations[destination].congested()
        }
        let failures = self.backlog.destinations[destination].failures + 1
        let end = now.adding(milliseconds: self.schedule.delay(afterFailures: failures, using: &random))
        self.backlog.destinations[destination].failed(reason, until: end)
        self.backlog.agenda.add(Agenda.BackOff(at: end.milliseconds, destination: destination))
    }

    // MARK: what is written down

    /// The outcomes are on disk.
    ///
    /// - Parameter isGone: with them the whole message.
    mutating func settlementWritten(
        _ number: Int, _ outcomes: [Settlement.Outcome], generation: UInt32, isGone: Bool,
        at now: Timestamp
    ) {
        guard let claim = self.backlog.claims.release(number) else { return }
        if isGone {
            if let row = claim.rows.first { self.forget(self.backlog.index.rowSlot[Int(row)], at: now) }
        } else {
            for (row, outcome) in zip(claim.rows, outcomes) {
                self.backlog.index.settled(row, outcome, messageGeneration: generation)
                self.resume(row, after: claim, at: now)
            }
        }
        self.ended(claim, at: now)
    }

    /// The spool found something else than we do.
    mutating func settlementStale(_ number: Int, of id: QueueID, at now: Timestamp) {
        guard let claim = self.backlog.claims.release(number) else { return }
        self.actions.append(.read(id))
        self.ended(claim, at: now)
    }

    /// The outcomes cannot be written: the recipients are on hold in memory alone, and the next start looks again.
    mutating func settlementKeptAside(
        _ number: Int, _ outcomes: [Settlement.Outcome], _ reason: String, at now: Timestamp
    ) {
        guard let claim = self.backlog.claims.release(number) else { return }
        for (row, outcome) in zip(claim.rows, outcomes) {
            self.backlog.index.hold(
                row, reason: "\(outcome.state.word), but that could not be written down: \(reason)")
        }
        self.ended(claim, at: now)
    }

    /// Outcomes cannot be written for now, or all of them are.
    mutating func writing(isBlocked: Bool, at now: Timestamp) {
        guard self.canWrite == isBlocked else { return }
        self.canWrite = !isBlocked
        if self.canWrite {
            for destination in self.backlog.destinations.all { self.pump(destination, at: now) }
        }
    }

    /// Writes as many outcomes at a time as one report can tell of.
    @discardableResult
    private mutating func settle(
        _ rows: [QueueIndex.Row], _ outcomes: [Settlement.Outcome]
    ) -> [BegunSettlement] {
        stride(from: 0, to: rows.count, by: Self.recipientsInReport).map { start in
            let part = start..<min(start + Self.recipientsInReport, rows.count)
            let number = self.backlog.claims.take(
                Array(rows[part]), for: .settlement, routing: self.backlog.destinations.routing)
            let id = self.backlog.index.id(ofRow: rows[start])
            self.actions.append(.settle(number, message: id, Array(outcomes[part])))
            return BegunSettlement(number: number, message: id, recipients: part.count)
        }
    }

    private mutating func ended(_ claim: Claims.Claim, at now: Timestamp) {
        guard case .attempt(let session, _) = claim.purpose else { return }
        self.pump(session.destination, at: now)
        self.backlog.removeIfIdle(session.destination, at: now)
    }

    // MARK: orders

    /// An operator's order names recipients.
    ///
    /// - Parameter targets: those of one message stand together.
    mutating func orderBegan(on targets: some Sequence<RecipientTarget>) -> BegunOrder {
        let (free, rows, skipped) = self.backlog.free(targets)
        let number = self.backlog.claims.take(
            rows, for: .order, routing: self.backlog.destinations.routing)
        return BegunOrder(
            number: number, targets: free, skipped: skipped,
            unroutedDomain: rows.first { self.backlog.destination(of: $0) == nil }.flatMap {
                self.unroutedDomain($0)
            })
    }

    /// The spool did this, or nothing, and the order has ended.
    ///
    /// - Parameter retry: names an order for which one session may be tried in spite of each destination's back-off.
    mutating func orderEnded(
        _ number: Int, _ changes: [Applied.Change], retry: Int? = nil, at now: Timestamp
    ) {
        guard let claim = self.backlog.claims.release(number) else { return }
        var destinations: Set<QueueIndex.DestinationIndex> = []
        for change in changes {
            guard let slot = self.backlog.index.slot(of: change.message),
                let row = self.backlog.index.row(of: slot, index: change.recipient.index)
            else { continue }
            self.backlog.index.update(row, to: change.recipient, messageGeneration: change.generation)
            if let retry, let destination = self.backlog.destination(of: row) {
                self.backlog.destinations[destination].allowProbe(for: retry)
            }
            if self.backlog.index.rows(of: slot).allSatisfy({
                self.backlog.index.states[Int($0)].isSettled
            }) {
                self.forget(slot, at: now)
            }
        }
        for row in claim.rows where self.backlog.index.rowSlot[Int(row)] >= 0 {
            self.resume(row, after: claim, at: now)
            if let destination = self.backlog.destination(of: row) { destinations.insert(destination) }
        }
        self.backlog.forgetStale(destinations)
    }

    /// The operator returns mail to its sender: what is free of it is settled with a report.
    ///
    /// - Returns: what is written down for that, and how many were left alone.
    mutating func bounceOrdered(
        on targets: some Sequence<RecipientTarget>, by name: String
    ) -> (settlements: [BegunSettlement], skipped: [SkipReason: Int]) {
        let (free, rows, skipped) = self.backlog.free(targets)
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

    // MARK: routes, and the end

    /// The operator changed the configuration: what is not under way finds its destination anew, and the rest when it ends.
    mutating func routesChanged(_ configuration: RelayConfiguration, at now: Timestamp) {
        self.configuration = configuration
        self.schedule = RetrySchedule(configuration.retry)
        self.backlog.routesChanged(configuration)
        self.rerouting = (now, 0)
    }

    private mutating func goOnRerouting(at now: Timestamp) {
        guard let place = self.rerouting?.place else { return }
        let end = min(place + Self.slotsInPart, self.backlog.index.ids.count)
        for place in place..<max(place, end) where self.backlog.index.ids[place] != 0 {
            for row in self.backlog.index.rows(of: QueueIndex.Slot(place)) {
                if self.backlog.reroute(row, at: now) { self.plan(row, at: now) }
            }
        }
        self.rerouting?.place = end
        if end >= self.backlog.index.ids.count { self.rerouting = nil }
    }

    /// Nothing more begins.
    mutating func stopped() {
        self.isStopping = true
        for session in self.sessions.keys.sorted() { self.actions.append(.quit(session: session)) }
    }

    // MARK: what goes next

    /// Where a session goes.
    func nextHop(ofSession session: Int) -> NextHop? {
        self.sessions[session].map { self.backlog.destinations[$0].nextHop }
    }

    private mutating func plan(_ row: QueueIndex.Row, at now: Timestamp) {
        if let destination = self.backlog.plan(row, at: now) { self.pump(destination, at: now) }
    }

    private mutating func resume(_ row: QueueIndex.Row, after claim: Claims.Claim, at now: Timestamp) {
        if let destination = self.backlog.resume(row, after: claim, at: now) {
            self.pump(destination, at: now)
        }
    }

    /// Begins as many attempts as the destination may have.
    private mutating func pump(_ destination: QueueIndex.DestinationIndex, at now: Timestamp) {
        guard self.canWrite, !self.isStopping else { return }
        let limit = self.configuration.delivery.connections
        let most = self.configuration.delivery.recipientsPerTransaction
        while let first = self.backlog.firstReady(destination) {
            let session: Int
            var isNew = false
            if let idle = self.backlog.destinations[destination].idle.popLast() {
                session = idle
            } else if self.backlog.destinations[destination].sessions
                < self.backlog.destinations[destination].allowed(limit: limit, at: now)
            {
                self.backlog.destinations[destination].opened()
                self.lastSession += 1
                session = self.lastSession
                self.sessions[session] = destination
                isNew = true
            } else {
                return
            }
            let rows = self.backlog.together(with: first, upTo: most, at: now)
            for row in rows { self.backlog.index.setState(row, .active) }
            let attempt = self.backlog.claims.take(
                rows,
                for: .attempt(
                    Claims.Claim.Session(number: session, destination: destination), isOver: false),
                routing: self.backlog.destinations.routing)
            self.actions.append(
                .begin(
                    attempt: attempt, message: self.backlog.index.id(ofRow: first), session: session,
                    isNew: isNew))
        }
    }
}
