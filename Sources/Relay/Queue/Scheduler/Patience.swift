import Mail
import SMTP
import Spool

/// How long mail may wait.
struct Patience {
    /// What is due to a recipient that has waited.
    enum Verdict {
        /// Its time is over: it is returned.
        case expire
        /// Its sender is told that it goes on waiting.
        case notice
    }

    var retry: RelayConfiguration.Retry

    /// - Parameters:
    ///   - age: milliseconds that count.
    ///   - isNoticed: the sender was told of a delay.
    func verdict(age: Int64, isNoticed: Bool) -> Verdict? {
        if age >= self.retry.giveUp { return .expire }
        return self.retry.delayNotice > 0 && age >= self.retry.delayNotice && !isNoticed ? .notice : nil
    }

    /// RFC 2852 §4.1.5: what is not there yet is returned, or its sender is told and it goes on.
    static func verdict(_ mode: MailParameters.DeliverBy.Mode, isNoticed: Bool) -> Verdict? {
        switch mode {
        case .return: .expire
        case .notify: isNoticed ? nil : .notice
        }
    }
}

/// A recipient whose wait is over, or has been long.
struct EndedWait {
    var row: QueueIndex.Row
    private var verdict: Patience.Verdict
    private var reason: String
    private var notice: Settlement.Notice?

    init(
        _ row: QueueIndex.Row, _ verdict: Patience.Verdict, _ reason: String, _ notice: Settlement.Notice?
    ) {
        self.row = row
        self.verdict = verdict
        self.reason = reason
        self.notice = notice
    }

    /// What is to be written down.
    func outcome(in index: QueueIndex) -> Settlement.Outcome {
        let place = Int(self.row)
        var outcome = Settlement.Outcome(
            index: Int(index.rowIndex[place]), generation: index.rowGenerations[place], state: .expired,
            countsAsTry: false, reply: self.reason)
        outcome.notice = self.notice
        switch self.verdict {
        case .expire: break
        case .notice:
            outcome.state = index.states[place]
            outcome.due = Timestamp(milliseconds: index.due[place])
            outcome.delayNoticed = true
        }
        return outcome
    }
}

extension SpooledMessage {
    /// Read only where one of its parameters is asked for, since most messages have none that matter here.
    private func parameters(with keyword: String) -> MailParameters? {
        guard self.parameters.contains(where: { $0.keyword == keyword }) else { return nil }
        return try? MailParameters(self.parameters)
    }

    /// Above all that a sender can ask for (RFC 6710): a TLS report, behind mail that fails for the very reason that it tells.
    private static let priorityOfTLSReports: Int8 = 10
    var priority: Int8? {
        if self.arrival.isTLSReport { return Self.priorityOfTLSReports }
        return self.parameters(with: "MT-PRIORITY")?.priority.map { Int8(clamping: $0) }
    }
    var deliverBy: MailParameters.DeliverBy? { self.parameters(with: "BY")?.deliverBy }

    /// What to pass on to the next hop, with the seconds that are left (RFC 2852 §4.1.4).
    ///
    /// - Parameter waited: milliseconds.
    func deliverBy(after waited: @autoclosure () -> Int64) -> MailParameters.DeliverBy? {
        guard var by = self.deliverBy else { return nil }
        by.seconds -= Int(waited() / 1000)
        return by
    }

    /// When it has to be there; `nil`: it has no time of its own.
    var deadline: Agenda.Deadline? {
        if self.arrival.isTLSReport {
            // RFC 8460 §5.5: the next one tells more.
            return self.deadline(after: 86_400_000, .return, "a TLS report is given up after a day")
        }
        return self.deliverBy.map {
            self.deadline(after: Int64($0.seconds) * 1000, $0.mode, "the time that the sender set (DELIVERBY) is over")
        }
    }

    private func deadline(
        after milliseconds: Int64, _ mode: MailParameters.DeliverBy.Mode, _ why: String
    ) -> Agenda.Deadline {
        Agenda.Deadline(
            at: self.arrived.milliseconds + milliseconds, message: self.id, allowed: milliseconds, mode: mode, why: why)
    }
}
