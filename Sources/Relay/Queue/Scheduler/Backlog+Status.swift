import Mail
import Monitor
import SMTP
import Spool

/// How each recipient is doing.
extension Backlog {
    /// The back-off for which a destination waits: its site's, or that after its hosts could not be found out.
    func backOff(of destination: DestinationTable.Index, at now: Timestamp) -> BackOff? {
        if self.destinations[destination].backOff.isOn(at: now) { return self.destinations[destination].backOff }
        guard let gate = self.destinations[destination].gate, self.gates[gate].backOff.isOn(at: now) else { return nil }
        return self.gates[gate].backOff
    }

    /// The last reply, or why there was none.
    func reason(_ row: QueueIndex.Row, at now: Timestamp) -> String? {
        if let reply = self.index.reply(row) { return reply }
        guard let destination = self.destination(of: row) else { return nil }
        if self.index.states[Int(row)] != .hold, let suspension = self.destinations[destination].suspension {
            return suspension.description
        }
        guard self.index.states[Int(row)] == .queued else { return nil }
        return self.backOff(of: destination, at: now)?.reason
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
        let backOff = self.backOff(of: destination, at: now)?.until
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
