import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// Attempts on their way out, and what comes back of them; all of it on the queue's loop.
extension Queue {
    func resolve(_ question: Scheduler.Question, _ place: NextHop.Place) {
        self.delivery.resolver.resolve(place, on: self.loop).assumeIsolated().whenSuccess { resolution in
            self.tell { $0.resolved(question, resolution, at: $1, using: &self.random) }
        }
    }

    func begin(_ attempt: Int, _ id: QueueID, on session: Int, isNew: Bool) {
        if let message = self.fresh[id], let transaction = self.transaction(attempt, message) {
            return self.begin(attempt, message, transaction, on: session, isNew: isNew)
        }
        self.loop.makeFutureWithTask { try await self.spool.message(id) }.whenComplete { result in
            switch result {
            case .success(let message?):
                if let transaction = self.transaction(attempt, message) {
                    return self.begin(attempt, message, transaction, on: session, isNew: isNew)
                }
                self.notBegun(
                    attempt,
                    self.scheduler.hasChanged(message, sinceAttempt: attempt)
                        ? .changed : .unreadable("the spool names other recipients"),
                    session, isNew: isNew)
            case .success(nil):
                self.notBegun(attempt, .unreadable("the message is no longer in the spool"), session, isNew: isNew)
            case .failure(let error):
                self.notBegun(attempt, JobResult.Verdict(unreadable: error), session, isNew: isNew)
            }
        }
    }

    private func transaction(_ attempt: Int, _ message: SpooledMessage) -> ClientSession.Transaction? {
        self.scheduler.transaction(ofAttempt: attempt, message, at: self.now)
    }

    private func begin(
        _ attempt: Int, _ message: SpooledMessage, _ transaction: ClientSession.Transaction, on session: Int,
        isNew: Bool
    ) {
        var transaction = transaction
        if let rewriters = self.keyring.rewriters, let rewriting = self.scheduler.rewriting(ofAttempt: attempt) {
            transaction.reversePath = rewriters.rewritten(transaction.reversePath, by: rewriting, at: message.arrived)
        }
        var job = Job(
            number: attempt, message: message.id, transaction: transaction,
            place: self.scheduler.place(ofAttempt: attempt), signing: self.keyring.signing?.ifOurs(message.arrival),
            isTLSReport: message.arrival.isTLSReport)
        // Others may have it by now.
        guard self.looksAtLease() else { return self.notBegun(attempt, .untried, session, isNew: isNew) }
        job.lease = self.lease
        if let connection = self.connections[session] { return connection.start(job) }
        // The session ended, or we do, while the message was read.
        guard isNew, !self.scheduler.isStopping, let nextHop = self.scheduler.nextHop(ofSession: session) else {
            return self.notBegun(attempt, .untried, session, isNew: isNew)
        }
        let settings = Delivery.Settings(
            hostname: self.scheduler.configuration.hostname, timeouts: self.scheduler.configuration.timeouts,
            keyring: self.keyring)
        self.connections[session] = self.delivery.open(
            to: nextHop, without: self.scheduler.hostsLeftOut(ofSession: session), job: job, settings: settings
        ) { event in
            self.loop.execute { self.handle(event, of: session) }
        }
    }

    private func notBegun(_ attempt: Int, _ verdict: JobResult.Verdict, _ session: Int, isNew: Bool) {
        self.finished(JobResult(job: attempt, verdict: verdict, host: nil, session: nil, milliseconds: 0))
        self.tell { scheduler, now in
            if isNew {
                scheduler.sessionEnded(session, at: now)
            } else if self.connections[session] != nil {
                scheduler.sessionIdle(session, at: now)
            }
        }
    }

    /// How far the attempt for a recipient is.
    func progress(_ row: QueueIndex.Row) -> DeliveryProgress? {
        guard let number = self.scheduler.session(of: row), let session = self.connections[number]?.current?.row else {
            return nil
        }
        return DeliveryProgress(
            session: session.ref, phase: session.phase, contentOctetsSent: session.contentOctetsDone,
            contentOctets: session.contentOctets, phases: session.phases)
    }

    private func handle(_ event: OutboundEvent, of session: Int) {
        switch event {
        case .idle: self.tell { $0.sessionIdle(session, at: $1) }
        case .finished(let result): self.finished(result)
        case .ended:
            self.connections[session] = nil
            self.tell { $0.sessionEnded(session, at: $1) }
        }
    }

    private func finished(_ result: JobResult) {
        if case .damaged(let reason) = result.verdict, let id = self.scheduler.message(ofAttempt: result.job) {
            self.spoolWatch.damagedMail.found([Damage(id, reason)])
        }
        self.delivery.measures.attempted(result)
        if case .outcomes(let outcomes) = result.verdict, outcomes.contains(where: \.isRelayed),
            let (nextHop, octets) = self.scheduler.transfer(ofAttempt: result.job)
        {
            self.flow.handed(
                to: nextHop.description, host: result.host, octets: octets, in: result.milliseconds, at: self.now)
        }
        self.tell { $0.attemptEnded(result, at: $1, using: &self.random) }
    }
}
