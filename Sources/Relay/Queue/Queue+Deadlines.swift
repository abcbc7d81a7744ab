import Mail
import NIOCore
import SMTP
import Spool

/// Mail whose sender says by when it has to be there (RFC 2852).
extension Queue {
    /// Watches over a message with BY.
    func armDeadline(of message: SpooledMessage) {
        guard let by = message.deliverBy else { return }
        let wait = max(message.deadline(by).since(self.now), 0)
        self.loop.scheduleTask(in: .milliseconds(wait)) { self.deadlinePassed(message.id, by.mode) }
    }

    /// RFC 2852 §4.1.5: what is not there yet is returned, or its sender is told and it goes on.
    private func deadlinePassed(_ id: QueueID, _ mode: MailParameters.DeliverBy.Mode) {
        guard !self.isStopping, let slot = self.index.slot(of: id) else { return }
        var late: [Settlement.Outcome] = []
        var isBusy = false
        for row in self.index.rows(of: slot) {
            let state = self.index.states[Int(row)]
            switch state {
            case .active: isBusy = true
            case .queued, .deferred, .hold:
                guard !self.ordered.contains(row) else {
                    isBusy = true
                    continue
                }
                if let outcome = self.late(row, state, mode) { late.append(outcome) }
            case .relayed, .bounced, .expired, .dropped: break
            }
        }
        // An attempt under way may still make it, and else is judged when it ends.
        if isBusy { self.loop.scheduleTask(in: .seconds(1)) { self.deadlinePassed(id, mode) } }
        self.keepBack(late, slot)
        _ = self.settleInReports(late, of: id)
    }

    private func late(
        _ row: QueueIndex.Row, _ state: RecipientState, _ mode: MailParameters.DeliverBy.Mode
    ) -> Settlement.Outcome? {
        let why = "the time that the sender set (DELIVERBY) is over"
        var outcome = Settlement.Outcome(
            index: Int(self.index.rowIndex[Int(row)]), generation: self.index.rowGenerations[Int(row)],
            state: .expired, countsAsTry: false, reply: self.reason(row).map { "\(why); \($0)" } ?? why)
        switch mode {
        case .return: return outcome
        case .notify:
            guard !self.index.delayNoticed(row) else { return nil }
            outcome.state = state
            outcome.due = Timestamp(milliseconds: self.index.due[Int(row)])
            outcome.delayNoticed = true
            return outcome
        }
    }
}

extension SpooledMessage {
    /// Read only where one of its parameters is asked for, since most messages have none that matter here.
    private func parameters(with keyword: String) -> MailParameters? {
        guard self.parameters.contains(where: { $0.keyword == keyword }) else { return nil }
        return try? MailParameters(self.parameters)
    }

    var priority: Int8? { self.parameters(with: "MT-PRIORITY")?.priority.map { Int8(clamping: $0) } }
    var deliverBy: MailParameters.DeliverBy? { self.parameters(with: "BY")?.deliverBy }

    /// With the seconds that are left (RFC 2852 §4.1.4).
    ///
    /// - Parameter arrived: milliseconds, by the clock as it is now.
    func deliverBy(arrived: Int64, leftAt now: Timestamp) -> MailParameters.DeliverBy? {
        guard var by = self.deliverBy else { return nil }
        by.seconds -= Int((now.milliseconds - arrived) / 1000)
        return by
    }

    func deadline(_ by: MailParameters.DeliverBy) -> Timestamp {
        self.arrived.adding(milliseconds: Int64(by.seconds) * 1000)
    }
}
