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
    /// About a destination, which may be gone when it is answered.
    struct Question: Equatable, Sendable {
        var destination: DestinationTable.Index
        var number: Int
    }

    enum Action: Equatable, Sendable {
        /// Finds out where mail for a place goes; `resolved` tells.
        case resolve(Question, NextHop.Place)
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
        /// Ends a session that waits for a transaction, at once: another one needs its place.
        case leave(session: Int)
        /// Forgets drops that can no longer be taken back.
        case purge
        /// Asks the store for permits as soon as may be; `permitRequests` says which.
        case askForPermits
        /// Tells `timePassed` then; a time that is past means as soon as others had their turn.
        case wake(at: Timestamp)
    }

    /// Recipients that come due in one event.
    private static let duesInPart = 10_000
    /// Settlements under way at once: all mail to a hop that is gone may wait too long at the same time.
    static let settlementsAtOnce = 200
    /// Recipients that one report tells of, so that it stays small enough for the spool's transaction.
    static let recipientsInReport = 100
    /// How many milliseconds what is to be returned waits, at least, for a lease that is not on.
    private static let leaseLook: Int64 = 1000
    /// For so many milliseconds it is believed where a domain's mail goes.
    static let lookupLasts: Int64 = 5 * 60_000

    private(set) var configuration: RelayConfiguration
    var backlog: Backlog
    private var sessions = SessionTable()
    var permits = PermitTable()
    /// The lease under which this node has its share of what sites take, or was told that it has none.
    private var dividedUnder: Int64?
    /// Whether outcomes can be written: what is relayed meanwhile would be relayed again after a restart.
    private(set) var canWrite = true
    /// Whether this node may begin anything, or return mail: its lease is on, and it does not drain. Others may have its mail
    /// else, and deliver it.
    private(set) var mayBegin = true
    /// What other nodes call themselves.
    private(set) var nodeNames: [UInt8: String] = [:]
    private(set) var isStopping = false
    /// For what waited too long.
    private var sweep: Walk
    /// For new routes.
    var rerouting: Walk?
    /// Destinations whose mail is returned, more of it than at a time.
    var returning: Deque<Question> = []
    /// Messages with recipients that somebody at another node ordered to be bounced.
    var bouncing: Deque<QueueID> = []
    /// The driver will wake us then, at the latest.
    private var wakeAt: Timestamp?
    var actions: Deque<Action> = []

    /// - Parameter isShared: other nodes may have a share of what sites take; this one has none before it hears of it.
    init(_ configuration: RelayConfiguration, sharing isShared: Bool = false, at now: Timestamp) {
        self.configuration = configuration
        self.backlog = Backlog(configuration)
        if isShared { self.backlog.gates.divide(GateTable.Division(nodes: 0, known: 0)) }
        self.backlog.index.started = now
        self.sweep = Walk(since: now.adding(milliseconds: configuration.sweepInterval))
    }

    /// The next thing to do, or `nil` until something happens.
    mutating func next() -> Action? {
        self.goOnBouncing()
        if let action = self.actions.popFirst() { return action }
        guard !self.isStopping, let at = self.nextLook, self.wakeAt.map({ at < $0 }) ?? true else {
            return nil
        }
        self.wakeAt = at
        return .wake(at: at)
    }

    private var nextLook: Timestamp? {
        var next = self.backlog.agenda.next ?? .max
        if !self.sweep.hasBegun || self.backlog.claims.settlements < Self.settlementsAtOnce {
            next = min(next, self.sweep.since.milliseconds)
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
        for row in self.backlog.index.rows(of: slot) {
            // It goes by no policy, and gets through where other mail fails for one (RFC 8460 §5.3).
            if message.arrival.isTLSReport, let destination = self.backlog.destination(of: row) {
                self.backlog.allowProbe(destination, for: nil)
            }
            self.plan(row, at: now)
        }
    }

    /// A message as the spool has it; `nil` when it is not there. What is being tried stays as it is: its end will tell. What was
    /// read before it changed is no news.
    ///
    /// - Parameter holder: the other node that has it; `nil`: it is ours.
    mutating func messageRead(
        _ id: QueueID, _ message: SpooledMessage?, holder: UInt8? = nil, at now: Timestamp
    ) {
        let left = message.flatMap { $0.recipients.allSatisfy(\.state.isSettled) ? nil : $0 }
        guard let slot = self.backlog.index.slot(of: id) else {
            guard let left else { return }
            // Before it stands in a line.
            guard let slot = self.backlog.add(left, at: now) else { return }
            self.backlog.setHolder(slot, holder, of: left)
            for row in self.backlog.index.rows(of: slot) { self.plan(row, at: now) }
            return
        }
        if let message, message.generation < self.backlog.index.generations[Int(slot)] { return }
        self.backlog.setHolder(slot, holder, of: left)
        let rows = Array(self.backlog.index.rows(of: slot))
        guard let left else {
            if !rows.contains(where: { self.backlog.claims.has($0) }) { self.forget(slot, at: now) }
            return
        }
        let free = left.recipients.compactMap { recipient -> QueueIndex.Row? in
            guard let row = self.backlog.index.row(among: rows, index: recipient.index),
                !self.backlog.claims.has(row)
            else { return nil }
            self.backlog.index.update(row, to: recipient, messageGeneration: left.generation)
            self.backlog.reroute(row, at: now)
            return row
        }
        for row in free { self.plan(row, at: now) }
    }

    /// A message cannot be read: its recipients are on hold in memory alone, but for those that are being tried.
    mutating func messageDamaged(_ id: QueueID, _ reason: String) {
        guard let slot = self.backlog.index.slot(of: id) else { return }
        for row in self.backlog.index.rows(of: slot) where !self.backlog.claims.has(row) {
            self.backlog.index.hold(row, reason: reason)
        }
    }

    /// A drop that can be taken back keeps it in the spool, and nothing here.
    mutating func forgetIfSettled(_ slot: QueueIndex.Slot, at now: Timestamp) {
        let isSettled = self.backlog.index.rows(of: slot).allSatisfy { self.backlog.index.states[Int($0)].isSettled }
        if isSettled { self.forget(slot, at: now) }
    }

    mutating func forget(_ slot: QueueIndex.Slot, at now: Timestamp) {
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
        while let look = self.backlog.agenda.takeLook(at: now) { self.look(at: look.place, at: now) }
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
        self.sweep.since = self.sweep.since.adding(milliseconds: jump)
        self.rerouting?.since = now
        self.wakeAt = self.wakeAt?.adding(milliseconds: jump)
    }

    private mutating func look(at place: Agenda.Look.Place, at now: Timestamp) {
        switch place {
        case .gate(let gate):
            guard !self.backlog.gates[gate].isRemoved else { return }
            self.backlog.gates[gate].looked(at: now)
            self.pump(gate, at: now)
            self.backlog.removeIfIdle(gate: gate, at: now)
        case .destination(let destination):
            guard !self.backlog.destinations[destination].isRemoved else { return }
            self.serve(destination, at: now)
            self.backlog.removeIfIdle(destination, at: now)
        }
    }

    private mutating func goOnSweeping(at now: Timestamp) {
        guard self.sweep.since <= now else { return }
        guard self.mayBegin else { return self.sweep = Walk(since: now.adding(milliseconds: Self.leaseLook)) }
        var budget = Walk.part
        while self.backlog.claims.settlements < Self.settlementsAtOnce,
            let slot = self.sweep.next(in: self.backlog.index, budget: &budget)
        {
            self.settle(self.backlog.endedWaits(slot, at: now))
        }
        guard self.sweep.isOver(in: self.backlog.index) else { return }
        self.sweep = Walk(since: now.adding(milliseconds: self.configuration.sweepInterval))
        self.actions.append(.purge)
    }

    private mutating func passed(_ deadline: Agenda.Deadline, at now: Timestamp) {
        guard let slot = self.backlog.index.slot(of: deadline.message) else { return }
        var again: Int64?
        var ended: [EndedWait] = []
        if self.mayBegin {
            ended = self.backlog.endedWaits(slot, by: deadline, at: now, again: &again)
        } else if self.backlog.index.hasOwnUnsettled(slot) {
            again = Self.leaseLook
        }
        if let again {
            var deadline = deadline
            deadline.at = now.milliseconds + again
            self.backlog.agenda.add(deadline)
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
        guard let known = self.sessions[session] else { return }
        if self.isStopping || known.isSpent {
            return self.actions.append(.quit(session: session))
        }
        self.backlog.gates[known.gate].idle.append(session)
        self.endSurplus(known.gate)
        self.pump(known.gate, at: now)
    }

    /// A session is gone; what became of its last attempt has been told.
    mutating func sessionEnded(_ session: Int, at now: Timestamp) {
        guard let gate = self.sessions.close(session) else { return }
        self.backlog.gates[gate].closed(session)
        self.pump(gate, at: now)
        self.permitMayBeFree(gate)
        self.backlog.removeIfIdle(gate: gate, at: now)
    }

    mutating func attemptEnded(
        _ result: JobResult, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) {
        guard let (claim, session) = self.backlog.claims.attemptEnded(result.job) else { return }
        // The message may be gone, as far as the spool knows.
        guard let first = claim.rows.first else { return self.notTried(result.job, at: now) }
        if session.isNew { self.sessions.leads(session.number, to: result.host) }
        let retry = self.backlog.retry(of: first)
        let step = HostStep(
            from: self.backlog.index.passedHosts(first), by: result, orders: self.backlog.destinations.orders)
        switch result.verdict {
        case .untried: return self.notTried(result.job, at: now)
        case .changed: return self.settlementStale(result.job, of: self.backlog.index.id(ofRow: first), at: now)
        case .unresolved(let reason):
            self.notFound(self.backlog.index.destinations[Int(first)], reason, at: now, using: &random)
        case .unreachable(let reason):
            if step.siteHasAnswered { break }
            let backOff = self.backlog.gates[session.gate].backOff
            if !backOff.isOn(at: now), self.backlog.gates[session.gate].sessions > 1 {
                // The others show that the site is there, and takes no more of them.
                self.backlog.gates[session.gate].congested(at: now)
                if step.isFirst { return self.notTried(result.job, at: now) }
                // A host before it had this mail, and broke: it waits, and it alone.
                break
            }
            self.failed(session.gate, reason, retry, at: now, using: &random)
        case .outcomes(let outcomes):
            // A session that broke is a sign of too many; one that answered, whatever it said of the mail, is not.
            if let reason = outcomes.lazy.compactMap({ $0.breakingCause }).first {
                // Where the next host may make it good the site has not failed yet.
                if !step.goesOn, !step.siteHasAnswered, self.backlog.gates[session.gate].broke(at: now) {
                    self.failed(session.gate, reason, retry, at: now, using: &random)
                }
            } else {
                let slot = self.backlog.index.rowSlot[Int(first)]
                let isTelling =
                    !session.isNew && self.backlog.index.octets[Int(slot)] <= TransactionTimes.octets
                self.backlog.gates[session.gate].succeeded(
                    in: result.milliseconds, isTelling: isTelling, limit: self.limit(of: session.gate), at: now)
            }
        case .suspended, .unreadable, .away, .damaged: break
        }
        let rules = AttemptRules(retry: retry)
        let outcomes = rules.outcomes(
            of: result, for: claim.rows, goesOn: step.goesOn, in: self.backlog.index, at: now, using: &random)
        self.passHosts(claim.rows, result.verdict, step)
        self.actions.append(.settle(result.job, message: self.backlog.index.id(ofRow: first), outcomes))
    }

    private mutating func passHosts(_ rows: [QueueIndex.Row], _ verdict: JobResult.Verdict, _ step: HostStep) {
        var outcomes: [ClientSession.Outcome]?
        if case .outcomes(let told) = verdict { outcomes = told }
        for (place, row) in rows.enumerated() {
            self.backlog.index.setPassedHosts(row, step.passed(with: outcomes?[place]))
        }
    }

    /// It did not happen: its recipients, which have been due for longer than the others, go before them again.
    private mutating func notTried(_ number: Int, at now: Timestamp) {
        guard let claim = self.backlog.claims.release(number) else { return }
        // All of them before the first one goes on: they go together, as they did.
        for row in claim.rows { self.backlog.index.setState(row, .queued) }
        for row in claim.rows { self.resume(row, after: claim, at: now) }
        self.ended(claim, at: now)
    }

    /// The site is left alone for a while, and with it all that is ready for it.
    private mutating func failed(
        _ gate: GateTable.Index, _ reason: String, _ retry: RelayConfiguration.Retry, at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        let failures = self.backlog.gates[gate].backOff.failures + 1
        let end = now.adding(milliseconds: RetrySchedule(retry).delay(afterFailures: failures, using: &random))
        self.backlog.gates[gate].failed(reason, until: end)
        self.backlog.agenda.add(Agenda.Look(at: end.milliseconds, place: .gate(gate)))
    }

    // MARK: what is written down

    /// The outcomes are on disk.
    ///
    /// - Parameters:
    ///   - outcomes: not all of them where somebody changed the other recipients meanwhile, at another node.
    ///   - isGone: with them the whole message.
    mutating func settlementWritten(
        _ number: Int, _ outcomes: [Settlement.Outcome], generation: UInt32, isGone: Bool,
        at now: Timestamp
    ) {
        guard let claim = self.backlog.claims.release(number) else { return }
        if isGone {
            if let row = claim.rows.first { self.forget(self.backlog.index.rowSlot[Int(row)], at: now) }
        } else if let slot = claim.rows.first.map({ self.backlog.index.rowSlot[Int($0)] }) {
            self.readIfChanged(slot, to: generation)
            let rows = self.rows(of: claim, with: outcomes)
            for (row, outcome) in zip(rows, outcomes) {
                self.backlog.index.settled(row, outcome, messageGeneration: generation, at: now)
            }
            for row in rows { self.resume(row, after: claim, at: now) }
            if outcomes.count < claim.rows.count { self.read(self.backlog.index.id(slot)) }
            self.forgetIfSettled(slot, at: now)
        }
        self.ended(claim, at: now)
    }

    /// A change of ours raises a message's generation by one. Where it rose by more, another node changed recipients, of which
    /// nothing is known here yet.
    mutating func readIfChanged(_ slot: QueueIndex.Slot, to generation: UInt32) {
        guard generation > self.backlog.index.generations[Int(slot)] &+ 1 else { return }
        self.read(self.backlog.index.id(slot))
    }

    mutating func read(_ id: QueueID) { if self.actions.last != .read(id) { self.actions.append(.read(id)) } }

    private func rows(of claim: Claims.Claim, with outcomes: [Settlement.Outcome]) -> [QueueIndex.Row] {
        guard outcomes.count < claim.rows.count else { return claim.rows }
        let written = Set(outcomes.map(\.index))
        return claim.rows.filter { written.contains(Int(self.backlog.index.rowIndex[Int($0)])) }
    }

    /// The spool found something else than we do.
    mutating func settlementStale(_ number: Int, of id: QueueID, at now: Timestamp) {
        guard let claim = self.backlog.claims.release(number) else { return }
        self.read(id)
        self.ended(claim, at: now)
    }

    /// The outcomes cannot be written: the recipients are on hold in memory alone, and the next start looks again.
    mutating func settlementKeptAside(
        _ number: Int, _ outcomes: [Settlement.Outcome], _ reason: String, at now: Timestamp
    ) {
        guard let claim = self.backlog.claims.release(number) else { return }
        for (row, outcome) in zip(self.rows(of: claim, with: outcomes), outcomes) {
            self.backlog.index.hold(
                row, reason: "\(outcome.state.word), but that could not be written down: \(reason)")
        }
        if outcomes.count < claim.rows.count, let row = claim.rows.first {
            self.read(self.backlog.index.id(ofRow: row))
        }
        self.ended(claim, at: now)
    }

    /// Outcomes cannot be written for now, or all of them are.
    mutating func writing(isBlocked: Bool, at now: Timestamp) {
        guard self.canWrite == isBlocked else { return }
        self.canWrite = !isBlocked
        if self.canWrite { self.serveAll(at: now) }
    }

    /// Writes as many outcomes at a time as one report can tell of.
    @discardableResult
    mutating func settle(
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
        switch claim.purpose {
        case .attempt(let session, _): self.pump(session.gate, at: now)
        case .settlement: self.goOnReturning(at: now)
        case .order: break
        }
    }

    // MARK: routes, and the end

    /// How this node stands among those that share its queue.
    mutating func fleetChanged(mayBegin: Bool, at now: Timestamp) {
        let isNew = mayBegin && !self.mayBegin
        self.mayBegin = mayBegin
        if isNew { self.serveAll(at: now) }
    }

    /// All nodes that the queue ever had, by name.
    mutating func nodesAreCalled(_ names: [UInt8: String]) { self.nodeNames = names }

    /// What sites take is divided among nodes.
    ///
    /// - Parameters:
    ///   - nodes: that have a share each; 0: this one has none yet.
    ///   - known: nodes that the queue ever had.
    ///   - crowded: sites at which others have more than their share.
    ///   - lease: that is on.
    mutating func divided(
        by nodes: Int, of known: Int, crowded: Set<String> = [], under lease: Int64, at now: Timestamp
    ) {
        self.dividedUnder = lease
        let division = GateTable.Division(nodes: nodes, known: max(nodes, known), crowded: crowded)
        guard division != self.backlog.gates.division else { return }
        self.backlog.gates.divide(division)
        for gate in self.backlog.gates.all { self.endSurplus(gate) }
        self.serveAll(at: now)
    }

    /// Sites to which there are more connections than this node's share would be.
    mutating func crowdedSites(among nodes: Int, of known: Int) -> Set<String> {
        let configured = self.configuration.delivery.connections
        var crowded: Set<String> = []
        for gate in self.backlog.gates.all
        where self.backlog.gates[gate].isCrowded(configured: configured, nodes: nodes, known: max(nodes, known)) {
            crowded.insert(self.backlog.gates[gate].name)
        }
        return crowded
    }

    private mutating func serveAll(at now: Timestamp) {
        for destination in self.backlog.destinations.all { self.serve(destination, at: now) }
    }

    /// Others may have what this node has, until it has compared that with the spool.
    ///
    /// - Parameter lease: that is on by now; `nil`: none.
    mutating func leaseEnded(now lease: Int64?) {
        self.mayBegin = false
        self.permits(areUnder: lease)
        guard let lease, let old = self.dividedUnder, lease != old else { return }
        // A share ends with the lease under which it was had.
        self.dividedUnder = nil
        self.backlog.gates.divide(GateTable.Division(nodes: 0, known: self.backlog.gates.division.known))
    }

    /// This node has a message from now on.
    mutating func takenOver(_ message: SpooledMessage, at now: Timestamp) {
        guard let slot = self.backlog.index.slot(of: message.id),
            self.backlog.index.generations[Int(slot)] > message.generation
        else { return self.messageRead(message.id, message, at: now) }
        // It has changed since it was taken over, as is known already.
        self.backlog.setHolder(slot, nil, of: message)
        for row in Array(self.backlog.index.rows(of: slot)) where !self.backlog.claims.has(row) {
            self.plan(row, at: now)
        }
    }

    /// Another node has a message, as far as the spool knows.
    mutating func handedOn(_ slot: QueueIndex.Slot, to holder: UInt8) {
        self.backlog.setHolder(slot, holder, of: nil)
    }

    /// The operator changed the configuration: what is not under way finds its destination anew, and the rest when it ends.
    mutating func routesChanged(_ configuration: RelayConfiguration, at now: Timestamp) {
        self.configuration = configuration
        self.backlog.routesChanged(configuration)
        self.rerouting = Walk(since: now)
    }

    private mutating func goOnRerouting(at now: Timestamp) {
        var budget = Walk.part
        while let slot = self.rerouting?.next(in: self.backlog.index, budget: &budget) {
            let moved = self.backlog.index.rows(of: slot).filter { self.backlog.reroute($0, at: now) }
            for row in moved { self.plan(row, at: now) }
        }
        if self.rerouting?.isOver(in: self.backlog.index) ?? false { self.rerouting = nil }
    }

    /// Nothing more begins.
    mutating func stopped() {
        self.isStopping = true
        for session in self.sessions.all { self.actions.append(.quit(session: session)) }
    }

    // MARK: what goes next

    /// Where a session goes.
    func nextHop(ofSession session: Int) -> NextHop? { self.sessions[session]?.nextHop }

    /// The hosts that a session is to be opened without.
    func hostsLeftOut(ofSession session: Int) -> HostsLeftOut {
        HostsLeftOut(passed: self.sessions[session]?.passed ?? [], orders: self.backlog.destinations.orders)
    }

    func limit(of gate: GateTable.Index) -> Int {
        self.backlog.gates[gate].limit(configured: self.configuration.delivery.connections)
    }

    private mutating func plan(_ row: QueueIndex.Row, at now: Timestamp) {
        self.bounceIfOrdered(row)
        if let destination = self.backlog.plan(row, at: now) { self.serve(destination, at: now) }
    }

    mutating func resume(_ row: QueueIndex.Row, after claim: Claims.Claim, at now: Timestamp) {
        self.bounceIfOrdered(row)
        // A probe goes on to the next host, and is nobody else's before this one stands in line.
        if self.backlog.index.passedHosts(row) != nil, self.backlog.index.states[Int(row)] != .hold,
            let gate = self.backlog.destination(of: row).flatMap({ self.backlog.destinations[$0].gate })
        {
            self.backlog.gates[gate].allowProbe(for: nil)
        }
        if let destination = self.backlog.resume(row, after: claim, at: now) {
            self.serve(destination, at: now)
        }
    }

    /// Does what can be done about the mail that is ready for a destination.
    mutating func serve(_ destination: DestinationTable.Index, at now: Timestamp) {
        guard !self.isStopping else { return }
        switch self.backlog.way(of: destination, at: now) {
        case .gate(let gate): self.pump(gate, at: now)
        case .ask:
            self.actions.append(
                .resolve(
                    Question(destination: destination, number: self.backlog.destinations[destination].number),
                    self.backlog.destinations[destination].nextHop.place))
        case .refused(let reply): self.returnMail(of: destination, reply, at: now)
        case .wait: break
        }
    }

    /// Begins as many attempts as a site may have, for its destinations by turns.
    mutating func pump(_ gate: GateTable.Index, at now: Timestamp) {
        guard self.canWrite, self.mayBegin, !self.isStopping else { return }
        while let turn = self.backlog.nextInTurn(gate) {
            if let time = self.backlog.gates[gate].notBefore(now) { return self.willLook(at: gate, time) }
            if let idle = self.takeIdle(gate, for: turn.row) {
                self.begin(turn.row, on: idle, isNew: false, gate, at: now)
                continue
            }
            let waiting = self.backlog.waiting(at: gate)
            switch self.backlog.gates[gate].mayOpen(for: waiting, limit: self.limit(of: gate), at: now) {
            case .full:
                self.makeRoom(gate, at: now)
                return self.wantPermit(gate, at: now)
            case .later(let time): return self.willLook(at: gate, time)
            case .open:
                self.backlog.gates[gate].opened()
                let session = self.sessions.open(
                    to: self.backlog.destinations[turn.destination].nextHop, through: gate,
                    without: self.backlog.index.passedHosts(turn.row)?.hosts ?? [])
                self.begin(turn.row, on: session, isNew: true, gate, at: now)
            }
        }
    }

    /// A session that waits for a transaction, and leads where a recipient may go now.
    private mutating func takeIdle(_ gate: GateTable.Index, for row: QueueIndex.Row) -> Int? {
        let passed = self.backlog.index.passedHosts(row)?.hosts ?? []
        let place = self.backlog.gates[gate].idle.lastIndex { number in
            self.sessions.mayCarry(number, mailPast: passed, orders: self.backlog.destinations.orders)
        }
        return place.map { self.backlog.gates[gate].idle.remove(at: $0) }
    }

    /// A session that nobody can use now ends, where it is in the way of one that somebody can.
    private mutating func makeRoom(_ gate: GateTable.Index, at now: Timestamp) {
        guard !self.backlog.gates[gate].backOff.isOn(at: now),
            let session = self.backlog.gates[gate].takeUseless()
        else { return }
        self.actions.append(.leave(session: session))
    }

    private mutating func willLook(at gate: GateTable.Index, _ time: Timestamp) {
        guard self.backlog.gates[gate].willLook(at: time) else { return }
        self.backlog.agenda.add(Agenda.Look(at: time.milliseconds, place: .gate(gate)))
    }

    private mutating func begin(
        _ first: QueueIndex.Row, on session: Int, isNew: Bool, _ gate: GateTable.Index, at now: Timestamp
    ) {
        let most = self.configuration.delivery.recipientsPerTransaction
        let rows = self.backlog.together(with: first, upTo: most, at: now)
        for row in rows { self.backlog.index.setState(row, .active) }
        let attempt = self.backlog.claims.take(
            rows, for: .attempt(Claims.Claim.Session(number: session, gate: gate, isNew: isNew), isOver: false),
            routing: self.backlog.destinations.routing)
        self.backlog.gates[gate].began(at: now)
        if self.backlog.gates[gate].key.limits.messagesPerConnection != nil {
            self.sessions.count(session)
        }
        self.backlog.turnTaken(gate)
        self.actions.append(
            .begin(
                attempt: attempt, message: self.backlog.index.id(ofRow: first), session: session, isNew: isNew))
    }
}

extension RelayConfiguration {
    /// How often it is looked for what waited too long: once a minute, or oftener when patience is short.
    fileprivate var sweepInterval: Int64 { min(max(self.shortestGiveUp / 20, 1000), 60_000) }
}
