import DequeModule
import Mail
import Monitor
import SMTP
import Spool

// Where mail goes.
extension Scheduler {
    /// What is known of the place that a question was about.
    mutating func resolved(
        _ question: Question, _ resolution: Resolution, at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        let destination = question.destination
        guard self.isCurrent(question), self.backlog.destinations[destination].lookup == .asked else { return }
        switch resolution {
        case .hosts(_, let site):
            self.backlog.found(destination, site, until: now.adding(milliseconds: Self.lookupLasts), at: now)
        case .refused(let reply):
            self.backlog.leave(destination, at: now)
            self.backlog.destinations[destination].refused(reply)
        case .unavailable(let reason):
            self.notFound(destination, reason, at: now, using: &random)
            // The one whose turn it was says so; the others wait. While it is suspended no mail has a turn, nor was any tried.
            guard self.mayBegin, self.backlog.destinations[destination].suspension == nil,
                let first = self.backlog.firstReady(destination)
            else { break }
            let most = self.configuration.delivery.recipientsPerTransaction
            let rows = self.backlog.together(with: first, upTo: most, at: now)
            let outcomes = AttemptRules(retry: self.backlog.retry(of: first)).outcomes(
                of: JobResult(job: 0, verdict: .unresolved(reason), host: nil, session: nil, milliseconds: 0),
                for: rows, in: self.backlog.index, at: now, using: &random)
            for row in rows { self.backlog.index.setState(row, .active) }
            self.settle(rows, outcomes)
        }
        self.serve(destination, at: now)
        self.backlog.removeIfIdle(destination, at: now)
    }

    /// It is asked about again in a while.
    mutating func notFound(
        _ destination: DestinationTable.Index, _ reason: String, at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        guard !self.backlog.destinations[destination].backOff.isOn(at: now) else { return }
        self.backlog.withdraw(destination)
        let retry = self.configuration.retry.changed(by: self.backlog.destinations[destination].nextHop.retry)
        let failures = self.backlog.destinations[destination].backOff.failures + 1
        let end = now.adding(milliseconds: RetrySchedule(retry).delay(afterFailures: failures, using: &random))
        self.backlog.destinations[destination].notFound(reason, until: end)
        self.backlog.agenda.add(Agenda.Look(at: end.milliseconds, place: .destination(destination)))
    }

    private func isCurrent(_ question: Question) -> Bool {
        !self.backlog.destinations[question.destination].isRemoved
            && self.backlog.destinations[question.destination].number == question.number
    }

    /// Returns what is ready for a place that no host ever takes mail for.
    mutating func returnMail(of destination: DestinationTable.Index, _ reply: Reply, at now: Timestamp) {
        guard self.canWrite, self.mayBegin, !self.isStopping else { return }
        while let first = self.backlog.firstReady(destination) {
            guard self.backlog.claims.settlements < Self.settlementsAtOnce else {
                let question = Question(
                    destination: destination, number: self.backlog.destinations[destination].number)
                if !self.returning.contains(question) { self.returning.append(question) }
                return
            }
            let rows = self.backlog.together(with: first, upTo: Self.recipientsInReport, at: now)
            let outcomes = rows.map { row in
                Settlement.Outcome(
                    index: Int(self.backlog.index.rowIndex[Int(row)]),
                    generation: self.backlog.index.rowGenerations[Int(row)], state: .bounced, countsAsTry: true,
                    reply: reply.description, saidBy: .relay)
            }
            for row in rows { self.backlog.index.setState(row, .active) }
            self.settle(rows, outcomes)
        }
        self.backlog.destinations[destination].refusalIsOver()
    }

    mutating func goOnReturning(at now: Timestamp) {
        guard let next = self.returning.popFirst() else { return }
        if self.isCurrent(next) { self.serve(next.destination, at: now) }
    }
}
