import DequeModule
import Mail
import Monitor
import SMTP
import Spool

/// The recipients in the queue, each where its state says: in the line of its destination, asleep until its time comes, or
/// with whoever does something with it.
struct Backlog {
    var index = QueueIndex()
    var destinations: DestinationTable
    var gates = GateTable()
    var claims = Claims()
    var agenda = Agenda()
    private var retry: RelayConfiguration.Retry
    /// No retry is put off longer, in milliseconds.
    private var longestWait: Int64

    init(_ configuration: RelayConfiguration) {
        self.destinations = DestinationTable(configuration)
        self.retry = configuration.retry
        self.longestWait = configuration.longestRetry
    }

    mutating func routesChanged(_ configuration: RelayConfiguration) {
        self.destinations.routesChanged(configuration)
        self.retry = configuration.retry
        self.longestWait = configuration.longestRetry
    }

    /// When a recipient is tried again, and for how long.
    func retry(of row: QueueIndex.Row) -> RelayConfiguration.Retry {
        self.destination(of: row).map { self.retry.changed(by: self.destinations[$0].nextHop.retry) } ?? self.retry
    }

    /// The time of day jumped by this many milliseconds.
    mutating func shift(by jump: Int64, to now: Timestamp) {
        self.index.shift(by: jump, to: now)
        self.destinations.shift(by: jump)
        self.gates.shift(by: jump)
        self.agenda.shift(by: jump)
    }

    // MARK: messages

    /// - Returns: `nil` when it is known already.
    mutating func add(_ message: SpooledMessage, at now: Timestamp) -> QueueIndex.Slot? {
        let destinations = message.recipients.indices.map {
            self.destinations.route(message.recipients[$0].forwardPath, by: message.recipients[$0].detour)
        }
        self.index.makeRoom(forDestinations: self.destinations.capacity)
        guard let slot = self.index.add(message, destinations: destinations, at: now) else {
            for destination in destinations { self.removeIfIdle(destination, at: now) }
            return nil
        }
        if let deadline = message.deadline { self.add(deadline) }
        return slot
    }

    /// Another node has the message from now on; `nil`: this one, whose deadlines count again.
    mutating func setHolder(_ slot: QueueIndex.Slot, _ holder: UInt8?, of message: SpooledMessage?) {
        let before = self.index.holders[Int(slot)]
        self.index.setHolder(slot, holder)
        if before != nil, holder == nil, let deadline = message?.deadline { self.add(deadline) }
    }

    private mutating func add(_ deadline: Agenda.Deadline) {
        self.agenda.add(deadline)
        self.agenda.forgetDeadlines(beyond: self.index.messages) { self.index.slot(of: $0) != nil }
    }

    mutating func remove(_ slot: QueueIndex.Slot, at now: Timestamp) {
        let rows = self.index.rows(of: slot)
        for row in rows where self.claims.has(row) { self.claims.forget(row) }
        self.index.remove(slot)
        var last = QueueIndex.unrouted
        for row in rows {
            let destination = self.index.destinations[Int(row)]
            if destination != last { self.removeIfIdle(destination, at: now) }
            last = destination
        }
    }

    // MARK: recipients

    /// `nil` without a route.
    func destination(of row: QueueIndex.Row) -> QueueIndex.DestinationIndex? {
        let index = self.index.destinations[Int(row)]
        return index < 0 ? nil : index
    }

    /// Puts a row where its state says: into the line of its destination, or to sleep until it is due. What another node has
    /// stands in no line.
    ///
    /// - Returns: the destination, where it stands in line now.
    mutating func plan(_ row: QueueIndex.Row, at now: Timestamp) -> QueueIndex.DestinationIndex? {
        guard self.index.isOurs(row) else { return nil }
        let place = Int(row)
        switch self.index.states[place] {
        case .queued, .deferred:
            guard let destination = self.destination(of: row) else { return nil }
            let due = self.index.due[place]
            guard self.isDue(row, at: now) else {
                self.agenda.add(Agenda.Due(at: due, row: row, stamp: self.index.stamps[place]))
                return nil
            }
            if self.index.states[place] != .queued { self.index.setState(row, .queued) }
            self.destinations[destination].add(self.entry(row, at: now))
            return destination
        case .active, .hold, .relayed, .bounced, .expired, .dropped: return nil
        }
    }

    /// Its place in the line. What goes on to the next host of a list had its turn, and does not wait for a whole line to come
    /// to the host that put it off.
    func entry(_ row: QueueIndex.Row, at now: Timestamp) -> Destination.Entry {
        Destination.Entry(
            row: row, stamp: self.index.stamps[Int(row)],
            due: self.index.passedHosts(row) == nil ? min(self.index.due[Int(row)], now.milliseconds) : 0,
            priority: self.index.priority(of: row))
    }

    /// A time that no retry is put off to was written while the clock was wrong.
    private func isDue(_ row: QueueIndex.Row, at now: Timestamp) -> Bool {
        let wait = self.index.due[Int(row)] - now.milliseconds
        return wait <= 0 || wait > 2 * self.longestWait && !self.index.wasHeld(row)
    }

    /// Nobody has the recipient any more, and it goes where the routes say by now.
    ///
    /// - Returns: as ``plan(_:at:)``.
    mutating func resume(
        _ row: QueueIndex.Row, after claim: Claims.Claim, at now: Timestamp
    ) -> QueueIndex.DestinationIndex? {
        if claim.routing != self.destinations.routing { self.reroute(row, at: now) }
        return self.plan(row, at: now)
    }

    /// - Returns: whether it goes elsewhere now.
    @discardableResult
    mutating func reroute(_ row: QueueIndex.Row, at now: Timestamp) -> Bool {
        let state = self.index.states[Int(row)]
        guard state != .active, !state.isSettled,
            let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
        else { return false }
        let old = self.index.destinations[Int(row)]
        let destination = self.destinations.route(path, by: self.index.detour(row))
        guard destination != old else { return false }
        self.index.makeRoom(forDestinations: self.destinations.capacity)
        self.index.setDestination(row, destination)
        self.removeIfIdle(old, at: now)
        return true
    }

    // MARK: lines

    /// Whose turn it is, if anybody waits.
    mutating func firstReady(_ destination: QueueIndex.DestinationIndex) -> QueueIndex.Row? {
        while let first = self.destinations[destination].first {
            if self.index.stamps[Int(first.row)] == first.stamp, !self.claims.has(first.row) {
                return first.row
            }
            _ = self.destinations[destination].takeFirst()
        }
        return nil
    }

    /// Whose turn it is at a gate, if anybody waits there.
    mutating func nextInTurn(_ gate: GateTable.Index) -> (destination: DestinationTable.Index, row: QueueIndex.Row)? {
        while let destination = self.gates[gate].turns.first {
            if let row = self.firstReady(destination) { return (destination, row) }
            self.gates[gate].turns.removeFirst()
            self.destinations[destination].isInTurn = false
        }
        return nil
    }

    /// The destination whose turn it was had it, and the others come before it has another.
    mutating func turnTaken(_ gate: GateTable.Index) {
        guard self.gates[gate].turns.count > 1, let destination = self.gates[gate].turns.popFirst() else { return }
        if self.firstReady(destination) == nil {
            self.destinations[destination].isInTurn = false
        } else {
            self.gates[gate].turns.append(destination)
        }
    }

    /// How many wait for a session there, roughly.
    func waiting(at gate: GateTable.Index) -> Int {
        let turns = self.gates[gate].turns
        guard turns.count > 1 else { return turns.first.map { self.destinations[$0].waiting } ?? 0 }
        return turns.prefix(100).reduce(max(turns.count - 100, 0)) { $0 + self.destinations[$1].waiting }
    }

    /// Those recipients of the message that can go in the same transaction, in their order, and `first` in any case.
    ///
    /// - Parameter limit: of recipients.
    func together(with first: QueueIndex.Row, upTo limit: Int, at now: Timestamp) -> [QueueIndex.Row] {
        let destination = self.index.destinations[Int(first)]
        let moved = self.index.moved(first)
        let passed = self.index.passedHosts(first)
        var rows: [QueueIndex.Row] = []
        var hasFirst = false
        for row in self.index.rows(of: self.index.rowSlot[Int(first)]) {
            if row == first {
                hasFirst = true
            } else if rows.count == limit - (hasFirst ? 0 : 1) || !self.waits(row)
                || self.index.destinations[Int(row)] != destination || self.index.moved(row) != moved
                || self.index.passedHosts(row) != passed
                || self.claims.has(row) || !self.isDue(row, at: now)
            {
                continue
            }
            rows.append(row)
            if hasFirst, rows.count == limit { break }
        }
        return rows
    }

    /// One whose time has just come may not be in line yet.
    private func waits(_ row: QueueIndex.Row) -> Bool {
        let state = self.index.states[Int(row)]
        return state == .queued || state == .deferred
    }

    // MARK: ways

    /// What is to be done about mail that is ready.
    enum Way {
        /// It has its turn there.
        case gate(GateTable.Index)
        /// Somebody has to be asked where it goes.
        case ask
        /// It is returned.
        case refused(Reply)
        /// It waits, for an answer or the end of a back-off.
        case wait
    }

    mutating func way(of destination: DestinationTable.Index, at now: Timestamp) -> Way {
        // Where its hosts are suspended, and it is not, it is still asked about: it may lead elsewhere by now.
        if self.destinations[destination].isSuspendedItself { return .wait }
        if self.destinations[destination].mustAsk(at: now), self.firstReady(destination) != nil {
            self.destinations[destination].asks()
            return .ask
        }
        switch self.destinations[destination].lookup {
        case .refused(let reply): return .refused(reply)
        case .due, .asked: return .wait
        case .found:
            let gate = self.gate(of: destination)
            if self.destinations[destination].suspension != nil { return .wait }
            if !self.destinations[destination].isInTurn {
                self.destinations[destination].isInTurn = true
                self.gates[gate].turns.append(destination)
            }
            return .gate(gate)
        }
    }

    private mutating func gate(of destination: DestinationTable.Index) -> GateTable.Index {
        if let gate = self.destinations[destination].gate { return gate }
        let hosts = self.destinations[destination].nextHop.hosts.map { MailHost(endpoint: $0) }
        return self.enter(destination, Site(named: hosts))
    }

    /// Mail of a destination goes to that site from now on.
    @discardableResult
    mutating func enter(_ destination: DestinationTable.Index, _ site: Site) -> GateTable.Index {
        let hop = self.destinations[destination].nextHop
        let gate = self.gates.enter(Gate.Key(site: site, security: hop.security, limits: hop.limits))
        self.destinations[destination].gate = gate
        self.destinations[destination].obey(self.destinations.orders, at: site.hosts.map(\.endpoint))
        self.limit(gate, as: destination)
        return gate
    }

    private mutating func limit(_ gate: GateTable.Index, as destination: DestinationTable.Index) {
        guard let limit = self.destinations[destination].limitForNow else { return }
        self.gates[gate].limitForNow = min(self.gates[gate].limitForNow ?? limit, limit)
    }

    /// The operator ordered something about destinations: what is suspended has no more turns.
    ///
    /// - Returns: whether mail may go elsewhere now.
    mutating func ordered(_ orders: DestinationOrders) -> Bool {
        let isElsewhere = self.destinations.ordered(orders)
        for gate in self.gates.all { self.gates[gate].limitForNow = nil }
        for destination in self.destinations.all {
            if let gate = self.destinations[destination].gate {
                self.destinations[destination].obey(orders, at: self.gates[gate].key.site.hosts.map(\.endpoint))
                self.limit(gate, as: destination)
                self.lookWhereSuspendedHosts(destination)
            }
            if self.destinations[destination].suspension != nil { self.withdraw(destination) }
        }
        return isElsewhere
    }

    /// While its hosts are suspended no mail goes there that would ask where else it leads by now.
    private mutating func lookWhereSuspendedHosts(_ destination: DestinationTable.Index) {
        guard self.destinations[destination].suspensionOfHosts != nil,
            case .found(let until?) = self.destinations[destination].lookup
        else { return }
        self.agenda.add(Agenda.Look(at: until.milliseconds, place: .destination(destination)))
    }

    /// It is known where a destination leads.
    mutating func found(_ destination: DestinationTable.Index, _ site: Site, until: Timestamp, at now: Timestamp) {
        if let gate = self.destinations[destination].gate, self.gates[gate].key.site != site {
            self.leave(destination, at: now)
        }
        if self.destinations[destination].gate == nil { self.enter(destination, site) }
        self.destinations[destination].found(until: until)
        self.lookWhereSuspendedHosts(destination)
    }

    /// An order lets one try through each back-off.
    ///
    /// - Returns: whether that was not yet asked for by it.
    @discardableResult
    mutating func allowProbe(_ destination: DestinationTable.Index, for order: Int?) -> Bool {
        let isNew = self.destinations[destination].allowProbe(for: order)
        return self.destinations[destination].gate.map { self.gates[$0].allowProbe(for: order) } ?? isNew
    }

    /// The one try that goes through a back-off is of the mail that it was asked for, which stands before all others then: those of
    /// its destination, whatever their priority, and the other destinations of its site.
    mutating func tryFirst(_ row: QueueIndex.Row, at now: Timestamp) {
        guard let destination = self.destination(of: row), self.backOff(of: destination)?.isOn(at: now) == true,
            self.index.states[Int(row)] == .queued, self.index.isOurs(row)
        else { return }
        self.destinations[destination].add(
            Destination.Entry(row: row, stamp: self.index.stamps[Int(row)], due: 0, priority: .max))
        guard let gate = self.destinations[destination].gate, self.destinations[destination].suspension == nil else {
            return
        }
        if self.destinations[destination].isInTurn { self.gates[gate].turns.removeAll { $0 == destination } }
        self.destinations[destination].isInTurn = true
        self.gates[gate].turns.prepend(destination)
    }

    /// It leads there no more, or it is not known where.
    mutating func leave(_ destination: DestinationTable.Index, at now: Timestamp) {
        guard let gate = self.destinations[destination].gate else { return }
        self.withdraw(destination)
        if self.destinations[destination].isResting {
            self.destinations[destination].isResting = false
            self.gates[gate].resting.removeAll { $0 == destination }
        }
        self.destinations[destination].gate = nil
        self.destinations[destination].obey(self.destinations.orders, at: [])
        self.gates.leave(gate)
        self.removeIfUnused(gate, at: now)
    }

    private mutating func removeIfUnused(_ gate: GateTable.Index, at now: Timestamp) {
        guard let time = self.gates.removeIfIdle(gate, at: now) else { return }
        self.agenda.add(Agenda.Look(at: time.milliseconds, place: .gate(gate)))
    }

    /// It has no more turns for now.
    mutating func withdraw(_ destination: DestinationTable.Index) {
        guard let gate = self.destinations[destination].gate, self.destinations[destination].isInTurn else { return }
        self.destinations[destination].isInTurn = false
        self.gates[gate].turns.removeAll { $0 == destination }
    }

    /// A session of the gate ended; what was remembered for its sake alone goes away.
    mutating func removeIfIdle(gate: GateTable.Index, at now: Timestamp) {
        guard !self.gates[gate].isRemoved, self.gates[gate].sessions == 0 else { return }
        let resting = self.gates[gate].resting
        self.gates[gate].resting = []
        for destination in resting {
            self.destinations[destination].isResting = false
            self.removeIfIdle(destination, at: now)
        }
        self.removeIfUnused(gate, at: now)
    }

    /// A destination with no mail, no sessions and no back-off goes away: there may be as many as there are domains.
    mutating func removeIfIdle(_ destination: DestinationTable.Index, at now: Timestamp) {
        guard destination >= 0, !self.destinations[destination].isRemoved,
            self.index.countsByDestination[Int(destination)].isEmpty,
            !self.destinations[destination].backOff.isOn(at: now)
        else { return }
        if let gate = self.destinations[destination].gate, self.gates[gate].sessions > 0,
            self.rest(destination, at: gate)
        {
            return
        }
        self.leave(destination, at: now)
        self.destinations.remove(destination)
    }

    /// - Returns: whether it is remembered as long as there are sessions; there are not too many others.
    private mutating func rest(_ destination: DestinationTable.Index, at gate: GateTable.Index) -> Bool {
        if self.destinations[destination].isResting { return true }
        if self.gates[gate].resting.count >= Gate.restingLimit {
            let awake = self.gates[gate].resting.filter { !self.index.countsByDestination[Int($0)].isEmpty }
            for destination in awake { self.destinations[destination].isResting = false }
            self.gates[gate].resting.removeAll { awake.contains($0) }
            guard self.gates[gate].resting.count < Gate.restingLimit else { return false }
        }
        self.destinations[destination].isResting = true
        self.gates[gate].resting.append(destination)
        return true
    }

    // MARK: orders

    /// Those recipients that an order may be done to, and how many are left alone.
    func free(
        _ targets: some Sequence<RecipientTarget>
    ) -> (targets: [RecipientTarget], rows: [QueueIndex.Row], skipped: [SkipReason: Int]) {
        var free: [RecipientTarget] = []
        var rows: [QueueIndex.Row] = []
        var skipped: [SkipReason: Int] = [:]
        var last: (message: QueueID, rows: [QueueIndex.Row])?
        for target in targets {
            if last?.message != target.message {
                last = (
                    target.message,
                    self.index.slot(of: target.message).map { Array(self.index.rows(of: $0)) } ?? []
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

    /// Orders leave behind what is no longer current.
    mutating func forgetStale(_ destinations: Set<QueueIndex.DestinationIndex>) {
        let index = self.index
        for destination in destinations {
            let waiting = index.countsByDestination[Int(destination)].unsettled
            self.destinations[destination].forgetStale(beyond: waiting) {
                index.stamps[Int($0.row)] == $0.stamp
            }
        }
        self.agenda.forgetStale(beyond: index.counts.unsettled) {
            index.stamps[Int($0.row)] == $0.stamp
        }
    }
}
