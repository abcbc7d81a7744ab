import Mail
import Spool

// Sites where all nodes together may have fewer connections than there are nodes.
extension Scheduler {
    /// What the store is to be asked now; nothing as long as there is no such site.
    mutating func permitRequests(at now: Timestamp) -> [PermitRequest] {
        let configured = self.configuration.delivery.connections
        return self.permits.all.compactMap { gate in
            let wantsMore = self.wantsMore(gate, at: now)
            let (sessions, idle) = (self.backlog.gates[gate].sessions, self.backlog.gates[gate].idle.count)
            let limit = self.backlog.gates[gate].limitWithPermits(configured: configured)
            let request = self.backlog.gates[gate].permits.request(
                sessions: sessions, idle: idle, limit: limit, wantsMore: wantsMore, at: now)
            self.endSurplus(gate)
            return request
        }
    }

    /// The store's answers, in their order.
    mutating func permitsGranted(_ grants: [PermitGrant], for requests: [PermitRequest], at now: Timestamp) {
        for (grant, request) in zip(grants, requests) {
            guard let gate = self.permits[grant.site] else { continue }
            if self.backlog.gates[gate].permits.granted(grant, for: request, at: now) {
                self.permits.remove(grant.site)
            }
            self.endSurplus(gate)
            self.pump(gate, at: now)
            self.backlog.removeIfIdle(gate: gate, at: now)
        }
    }

    /// - Parameter lease: that is on; `nil`: none is for now, and others may have what it had. It may go on all the same.
    mutating func permits(areUnder lease: Int64?) {
        guard let lease else {
            for gate in self.permits.all {
                self.backlog.gates[gate].permits.pause()
                self.endSurplus(gate)
            }
            return
        }
        for gate in self.permits.begin(lease) {
            self.backlog.gates[gate].permits.end()
            self.endSurplus(gate)
            // It may be of no use any more.
            self.backlog.agenda.add(Agenda.Look(at: 0, place: .gate(gate)))
        }
    }

    /// Nothing more goes to a site; where a permit is all that is missing, one is asked for.
    mutating func wantPermit(_ gate: GateTable.Index, at now: Timestamp) {
        guard self.wantsMore(gate, at: now) else { return }
        self.know(gate)
        if self.backlog.gates[gate].permits.wait() { self.askForPermits() }
    }

    /// A session ended: others may be waiting for its permit.
    mutating func permitMayBeFree(_ gate: GateTable.Index) {
        let known = self.backlog.gates[gate]
        if known.permits.isToBeGivenBack(sessions: known.sessions) { self.askForPermits() }
    }

    /// Sessions that there are when permits begin to be needed are counted too.
    mutating func countSessions(_ gate: GateTable.Index) {
        let configured = self.configuration.delivery.connections
        guard self.mayBegin, self.backlog.gates[gate].permits.name == nil,
            self.backlog.gates[gate].limitWithPermits(configured: configured) != nil
        else { return }
        self.know(gate)
        self.askForPermits()
    }

    private mutating func askForPermits() {
        if self.actions.last != .askForPermits { self.actions.append(.askForPermits) }
    }

    private mutating func know(_ gate: GateTable.Index) {
        guard self.backlog.gates[gate].permits.name == nil else { return }
        let name = self.backlog.gates[gate].name
        self.backlog.gates[gate].permits.begin(as: name)
        self.permits.add(gate, as: name)
    }

    /// Whether another session would be opened if there were a permit.
    private mutating func wantsMore(_ gate: GateTable.Index, at now: Timestamp) -> Bool {
        guard self.canWrite, self.mayBegin, !self.isStopping, self.backlog.gates[gate].hasShare,
            let limit = self.backlog.gates[gate].limitWithPermits(
                configured: self.configuration.delivery.connections),
            self.backlog.gates[gate].idle.isEmpty, self.backlog.nextInTurn(gate) != nil,
            self.backlog.gates[gate].notBefore(now) == nil
        else { return false }
        let waiting = self.backlog.waiting(at: gate)
        return self.backlog.gates[gate].mayOpen(for: waiting, limit: limit, at: now) == .open
    }
}
