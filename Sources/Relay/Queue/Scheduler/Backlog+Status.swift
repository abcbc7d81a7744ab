import Mail
import Monitor
import SMTP
import Spool

/// How each recipient is doing.
extension Backlog {
    /// The back-off for which a destination waits: its site's, or that after its hosts could not be found out. Its time may
    /// be over: while it is tried again nothing is known to be better.
    func backOff(of destination: DestinationTable.Index) -> BackOff? {
        if self.destinations[destination].backOff.failures > 0 { return self.destinations[destination].backOff }
        guard let gate = self.destinations[destination].gate, self.gates[gate].backOff.failures > 0 else { return nil }
        return self.gates[gate].backOff
    }

    /// The name of what has to be resumed for mail to go to a suspended destination: its own, or that of a host; `nil`: it is
    /// not suspended.
    func suspendedName(_ destination: DestinationTable.Index) -> String? {
        let known = self.destinations[destination]
        guard known.suspension != nil else { return nil }
        return known.isSuspendedItself
            ? known.nextHop.description : self.destinations.orders.nameSuspending(all: self.hosts(of: destination))
    }

    /// Whether a suspension under that name keeps mail of a destination back: it bears the name, or all its hosts are suspended
    /// and one of them bears it.
    ///
    /// - Parameter orders: in which that name is suspended.
    func isKeptBack(_ destination: DestinationTable.Index, by name: String, _ orders: DestinationOrders) -> Bool {
        let known = self.destinations[destination]
        if known.nameInOrders == name || known.isSuspendedItself { return known.nameInOrders == name }
        let hosts = self.hosts(of: destination)
        return orders.suspension(ofAll: hosts) != nil && hosts.contains { orders.nameSuspending($0) == name }
    }

    /// The hosts that it leads to, as far as they are known.
    private func hosts(of destination: DestinationTable.Index) -> [SocketEndpoint] {
        let known = self.destinations[destination]
        return known.gate.map { self.gates[$0].key.site.hosts.map(\.endpoint) } ?? known.nextHop.hosts
    }

    /// The last reply, or why there was none.
    func reason(_ row: QueueIndex.Row, at now: Timestamp) -> String? {
        if let reply = self.index.reply(row) { return reply }
        guard let destination = self.destination(of: row) else { return nil }
        if self.index.states[Int(row)] != .hold, let suspension = self.destinations[destination].suspension {
            return suspension.description
        }
        guard self.index.states[Int(row)] == .queued else { return nil }
        return self.backOff(of: destination)?.reason
    }

    /// The domain of a recipient that no route takes.
    func unroutedDomain(_ row: QueueIndex.Row) -> String? {
        guard self.index.destinations[Int(row)] == QueueIndex.unrouted,
            let path = try? ForwardPath(parsing: self.index.forwardPath(row), utf8: true)
        else { return nil }
        return RouteTable.routedDomain(of: path, hostname: self.destinations.hostname)
    }

    /// When it is tried next, where that is known.
    func nextAttempt(_ row: QueueIndex.Row, at now: Timestamp) -> Timestamp? {
        guard let destination = self.destination(of: row) else { return nil }
        if let suspension = self.destinations[destination].suspension {
            return self.nextAttempt(row, after: suspension)
        }
        let backOff = self.backOff(of: destination).flatMap { $0.isOn(at: now) ? $0.until : nil }
        switch self.index.states[Int(row)] {
        case .deferred:
            let due = Timestamp(milliseconds: self.index.due[Int(row)])
            return backOff.map { max($0, due) } ?? due
        case .queued: return backOff
        case .active, .hold, .relayed, .bounced, .expired, .dropped: return nil
        }
    }

    /// A suspension that has no end leaves no time to be named.
    private func nextAttempt(_ row: QueueIndex.Row, after suspension: Suspension) -> Timestamp? {
        switch self.index.states[Int(row)] {
        case .deferred: suspension.until.map { max($0, Timestamp(milliseconds: self.index.due[Int(row)])) }
        case .queued: suspension.until
        case .active, .hold, .relayed, .bounced, .expired, .dropped: nil
        }
    }
}

// Why it does not go now, and how long it takes.
extension Backlog {
    /// Why a recipient does not go now. Who holds it is for others to say.
    ///
    /// - Parameter limit: of sessions, where a route names none.
    func why(_ row: QueueIndex.Row, limit: Int, at now: Timestamp) -> WaitReason {
        let state = self.index.states[Int(row)]
        switch state {
        case .active: return .active
        case .hold: return .held(by: nil)
        case .relayed, .bounced, .expired, .dropped: return .settled
        case .queued, .deferred: break
        }
        guard let destination = self.destination(of: row) else {
            return .noRoute(domain: self.unroutedDomain(row) ?? "")
        }
        if let obstacle = self.obstacle(destination, at: now) {
            // It has to wait longer for itself.
            if let until = obstacle.until, state == .deferred, self.index.due[Int(row)] > until.milliseconds {
                return .retryTime
            }
            return obstacle.why
        }
        if state == .deferred { return .retryTime }
        let others = self.destinations[destination].waiting(before: self.entry(row, at: now))
        if let gate = self.destinations[destination].gate,
            let time = self.gates[gate].time(ofTransactionAfter: others, at: now)
        {
            return .rate(until: time)
        }
        if let gate = self.destinations[destination].gate, let full = self.gates[gate].fullLimit(configured: limit) {
            return full.isElsewhere
                ? .limitedElsewhere(connections: full.connections)
                : .limited(others: others, connections: full.connections)
        }
        return others > 0 ? .behind(others: others) : .due
    }

    /// Why nothing goes to a destination, and until when, if that is known.
    private func obstacle(
        _ destination: DestinationTable.Index, at now: Timestamp
    ) -> (until: Timestamp?, why: WaitReason)? {
        let known = self.destinations[destination]
        if let suspension = known.suspension {
            let why = WaitReason.suspended(by: suspension.by, until: suspension.until, reason: suspension.reason)
            return (suspension.until, why)
        }
        if known.backOff.isOn(at: now) {
            return (known.backOff.until, .lookup(until: known.backOff.until, reason: known.backOff.reason))
        }
        if let gate = known.gate, self.gates[gate].backOff.isOn(at: now) {
            let backOff = self.gates[gate].backOff
            return (backOff.until, .backoff(until: backOff.until, reason: backOff.reason))
        }
        return known.lookup == .asked ? (now, .lookup(until: nil, reason: nil)) : nil
    }

    /// How long what is ready for these destinations takes if all goes well.
    ///
    /// - Parameter limit: of sessions, where a route names none.
    /// - Returns: milliseconds; `nil` where it is not known of any.
    func remaining(_ destinations: some Sequence<DestinationTable.Index>, limit: Int, at now: Timestamp) -> Int64? {
        var waiting: [GateTable.Index: Int] = [:]
        for destination in destinations {
            guard let gate = self.destinations[destination].gate else { continue }
            waiting[gate, default: 0] += self.destinations[destination].waiting
        }
        return waiting.compactMap { self.gates[$0].time(for: $1, limit: limit) }.max()
    }
}
