import Mail
import Monitor
import SMTP
import Spool

/// Who has waited long, and who too long.
extension Backlog {
    /// Those recipients of a message whose time is over, or whose sender has to be told by now that they go on waiting.
    func endedWaits(_ slot: QueueIndex.Slot, at now: Timestamp) -> [EndedWait] {
        var ended: [EndedWait] = []
        for row in self.index.rows(of: slot) where self.index.isOurs(row) {
            let state = self.index.states[Int(row)]
            guard state == .queued || state == .deferred else { continue }
            let patience = Patience(retry: self.retry(of: row))
            guard
                let verdict = patience.verdict(
                    age: self.index.age(row, at: now), isNoticed: self.index.delayNoticed(row)),
                // There may be nobody to tell (RFC 5321 §4.5.5).
                verdict == .expire || self.index.reversePath(slot) != "<>",
                !self.claims.has(row)
            else { continue }
            ended.append(
                EndedWait(row, verdict, self.cause(row, at: now) ?? "no attempt was made", self.notice(row)))
        }
        return ended
    }

    /// What a deadline means for the recipients of its message.
    ///
    /// - Parameter again: in how many milliseconds it has to be looked at again, if at all.
    func endedWaits(
        _ slot: QueueIndex.Slot, by deadline: Agenda.Deadline, at now: Timestamp, again: inout Int64?
    ) -> [EndedWait] {
        var ended: [EndedWait] = []
        for row in self.index.rows(of: slot)
        where !self.index.states[Int(row)].isSettled && self.index.isOurs(row) {
            let left = deadline.allowed - self.index.age(row, at: now)
            if self.index.states[Int(row)] == .hold {
                // Its time stands still, as it does for expiry; some time it is released.
                again = min(again ?? .max, 60_000)
            } else if left > 0 {
                again = min(again ?? .max, left)
            } else if self.claims.has(row) || self.index.states[Int(row)] == .active {
                // An attempt under way may still make it, and else is judged when it ends.
                again = min(again ?? .max, 1000)
            } else if let verdict = Patience.verdict(deadline.mode, isNoticed: self.index.delayNoticed(row)) {
                let why = deadline.why
                let reason = self.cause(row, at: now).map { "\(why); \($0)" } ?? why
                ended.append(EndedWait(row, verdict, reason, self.notice(row).map { .late(why, $0) }))
            }
        }
        return ended
    }

    /// Why it could not go so far, in words.
    private func cause(_ row: QueueIndex.Row, at now: Timestamp) -> String? {
        self.reason(row, at: now) ?? self.unroutedDomain(row).map(RouteTable.missingRoute)
    }

    /// What of that a sender is told, where the cause is with us: no host was asked, or what it said is told.
    private func notice(_ row: QueueIndex.Row) -> Settlement.Notice? {
        guard self.index.reply(row) == nil else { return nil }
        if let domain = self.unroutedDomain(row) { return .noRoute(domain) }
        let isSuspended = self.destination(of: row).flatMap { self.destinations[$0].suspension } != nil
        return isSuspended ? .suspended : nil
    }
}
