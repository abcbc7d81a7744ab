import DequeModule
import Logging
import Mail
import Monitor
import NIOCore
import SMTP
import Spool

/// What became of attempts: written to the spool first, then to the index.
extension Queue {
    func finished(_ number: Int, _ verdict: JobResult.Verdict) {
        self.finished(JobResult(job: number, verdict: verdict, host: nil, session: nil, milliseconds: 0))
    }

    func finished(_ result: JobResult) {
        self.compareClocks()
        guard let attempt = self.attempts[result.job] else { return }
        switch result.verdict {
        case .untried: self.requeue(result.job, attempt)
        case .unreachable(let reason): self.unreachable(reason, attempt, result)
        case .unreadable(let reason):
            self.settle(result.job, attempt, attempt.rows.map { self.deferral(of: $0, reason, result, isTry: false) })
        case .damaged(let reason): self.contentDamaged(reason, attempt, result)
        case .outcomes(let outcomes):
            self.judge(attempt.destination, by: outcomes)
            var words = ReplyWords()
            self.settle(
                result.job, attempt, zip(attempt.rows, outcomes).map { self.outcome(of: $0, $1, result, &words) })
        }
    }

    /// The attempt did not happen: its recipients go before the others again.
    private func requeue(_ number: Int, _ attempt: Attempt) {
        self.attempts[number] = nil
        for row in attempt.rows.reversed() {
            self.attemptOfRow[row] = nil
            self.index.setState(row, .queued)
            attempt.destination.add(
                Destination.Entry(
                    row: row, stamp: self.index.stamps[Int(row)], priority: self.index.priority(of: row)),
                isFirst: true)
        }
        self.pump(attempt.destination)
    }

    /// The destination waits, and with it all that is ready for it; the recipients that showed it have had a try.
    private func unreachable(_ reason: String, _ attempt: Attempt, _ result: JobResult) {
        let destination = attempt.destination
        let others = destination.connections.values.contains { $0 !== attempt.connection }
        if others, !destination.isBackingOff(at: self.now) {
            destination.congested()
        } else if !destination.isBackingOff(at: self.now) {
            let delay = self.schedule.delay(afterFailures: destination.failures + 1, using: &self.random)
            destination.failed(reason, until: self.now.adding(milliseconds: delay))
            self.loop.scheduleTask(in: .milliseconds(delay + 1)) { self.pump(destination) }
        }
        self.settle(result.job, attempt, attempt.rows.map { self.deferral(of: $0, reason, result, isTry: true) })
    }

    /// A session that broke is a sign of too many; one that answered, whatever it said of the mail, is not.
    private func judge(_ destination: Destination, by outcomes: [ClientSession.Outcome]) {
        let isBroken = outcomes.contains { outcome in
            switch outcome {
            case .deferred(.reply(let reply)): reply.code == 421
            case .deferred(.beyondLimit): false
            case .deferred: true
            case .relayed, .bounced: false
            }
        }
        if isBroken {
            destination.congested()
        } else {
            destination.succeeded(limit: self.configuration.delivery.connections)
        }
    }

    // MARK: outcomes

    private func outcome(
        of row: QueueIndex.Row, _ outcome: ClientSession.Outcome, _ result: JobResult, _ words: inout ReplyWords
    ) -> Settlement.Outcome {
        switch outcome {
        case .relayed(let reply, let dsn):
            self.relayed(row, words.of(reply), dsn: dsn, result)
        case .bounced(let reply): self.settled(row, .bounced, reply.description, result)
        case .deferred(.beyondLimit(let kind, let limit)):
            self.postponed(row, ClientSession.DeferralCause.beyondLimit(kind, limit).description, result)
        case .deferred(let cause): self.deferral(of: row, cause.description, result, isTry: true)
        }
    }

    private func relayed(
        _ row: QueueIndex.Row, _ reply: (text: String, remoteID: String?), dsn: Bool, _ result: JobResult
    ) -> Settlement.Outcome {
        var outcome = self.settled(row, .relayed, reply.text, result, remoteID: reply.remoteID)
        outcome.relayNoticed = !dsn && self.index.wantsSuccess(row)
        return outcome
    }

    func settled(
        _ row: QueueIndex.Row, _ state: RecipientState, _ reply: String, _ result: JobResult, remoteID: String? = nil
    ) -> Settlement.Outcome {
        Settlement.Outcome(
            index: Int(self.index.rowIndex[Int(row)]), generation: self.index.rowGenerations[Int(row)], state: state,
            nextHop: result.host?.description, reply: reply, remoteID: remoteID, session: result.session?.id,
            milliseconds: result.milliseconds)
    }

    /// Deferred, or expired when there is no more time.
    private func deferral(
        of row: QueueIndex.Row, _ reason: String, _ result: JobResult, isTry: Bool
    ) -> Settlement.Outcome {
        if self.index.age(row, at: self.now) >= self.configuration.retry.giveUp {
            return self.settled(row, .expired, reason, result)
        }
        let failures = Int(self.index.tries[Int(row)]) + 1
        let delay = self.schedule.delay(afterFailures: failures, using: &self.random)
        var outcome = self.settled(row, .deferred, reason, result)
        outcome.due = self.now.adding(milliseconds: delay)
        outcome.countsAsTry = isTry
        return outcome
    }

    /// Not tried, and due at once in another transaction or session.
    private func postponed(_ row: QueueIndex.Row, _ reason: String, _ result: JobResult) -> Settlement.Outcome {
        var outcome = self.settled(row, .deferred, reason, result)
        outcome.due = self.now
        outcome.countsAsTry = false
        return outcome
    }

    // MARK: writing

    func settle(_ number: Int, _ attempt: Attempt, _ outcomes: [Settlement.Outcome]) {
        let id = self.index.id(attempt.slot)
        self.settle(
            Unwritten(outcomes: outcomes, message: id) { written in
                self.attempts[number] = nil
                for row in attempt.rows { self.attemptOfRow[row] = nil }
                if written == .stale { self.refresh(id) }
                self.pump(attempt.destination)
            })
    }

    /// Writes the outcomes, with a report where one is due, and changes the index when they are on disk.
    ///
    /// While the spool fails the recipients stay as they are, and the writing is tried again. `done` is called before the
    /// index changes.
    func settle(_ unwritten: Unwritten) {
        let (outcomes, id) = (unwritten.outcomes, unwritten.message)
        let unwritten = UncheckedTransfer(unwritten)
        self.reports(on: outcomes, of: id)
            .flatMap { reports in
                let settlement = Settlement(message: id, at: self.now, outcomes: outcomes, reports: reports)
                return self.spool.settle([settlement], on: self.loop).map { ($0.first ?? .stale, reports) }
            }
            .whenComplete { result in
                switch result {
                case .success((.done(let generation, let isGone), let reports)):
                    self.written(unwritten.value, .done)
                    self.settled(outcomes, of: id, generation: generation, isGone: isGone)
                    for report in reports {
                        self.fresh.insert(report.message, for: report.message.id)
                        self.add(report.message)
                    }
                case .success((.stale, _)):
                    self.log.warning("the spool knew better than the queue", metadata: ["message": "\(id)"])
                    self.written(unwritten.value, .stale)
                case .failure(let error): self.notWritten(error, unwritten.value)
                }
                self.signal.raise(.queue)
                self.signal.raise(.facts)
            }
    }

    private func settled(
        _ outcomes: [Settlement.Outcome], of id: QueueID, generation: UInt32, isGone: Bool
    ) {
        guard let slot = self.index.slot(of: id) else { return }
        let now = self.now
        let arrived = Timestamp(milliseconds: self.index.arrived[Int(slot)])
        for outcome in outcomes {
            self.flow.settled(outcome.state, isTry: outcome.countsAsTry, after: now.since(arrived), at: now)
        }
        if isGone { return self.forget(slot) }
        let rows = Array(self.index.rows(of: slot))
        for outcome in outcomes {
            guard let row = self.index.row(among: rows, index: outcome.index) else { continue }
            self.index.settled(row, outcome, messageGeneration: generation)
            self.plan(row)
        }
        // What waits for a retry is read back then; memory is for what moves.
        if outcomes.contains(where: { $0.state == .deferred }) { self.fresh.remove(id) }
    }

    /// Nothing of the message is left to do.
    func forget(_ slot: QueueIndex.Slot) {
        let id = self.index.id(slot)
        self.index.remove(slot)
        self.fresh.remove(id)
        self.spoolWatch.damagedMail.isOver(id)
    }

    /// Makes the index as the spool is, but for recipients whose attempt is under way: its end will tell.
    func refresh(_ id: QueueID, isFirst: Bool = true) {
        self.loop.makeFutureWithTask { try await self.spool.message(id) }.whenComplete { result in
            switch result {
            case .success(let message):
                self.take(message, as: id)
                self.signal.raise(.queue)
            case .failure(let error as SpoolError) where error.code == .damaged:
                self.spoolWatch.damagedMail.found([Damage(id, "\(error)")])
                let untried = self.index.slot(of: id).map { slot in
                    self.index.rows(of: slot).filter { self.attemptOfRow[$0] == nil }
                }
                self.holdInMemory(id, (untried ?? []).map { (Int(self.index.rowIndex[Int($0)]), "\(error)") })
            case .failure(let error):
                if isFirst {
                    self.log.error("a message could not be read", metadata: ["message": "\(id)", "error": "\(error)"])
                }
                guard !self.isStopping else { return }
                self.loop.scheduleTask(in: .seconds(2)) { self.refresh(id, isFirst: false) }
            }
        }
    }

    private func take(_ message: SpooledMessage?, as id: QueueID) {
        let left = message.flatMap { $0.recipients.allSatisfy(\.state.isSettled) ? nil : $0 }
        self.fresh.remove(id)
        guard let slot = self.index.slot(of: id) else {
            if let left { self.add(left) }
            return
        }
        let rows = Array(self.index.rows(of: slot))
        guard let left else {
            if rows.allSatisfy({ self.attemptOfRow[$0] == nil }) { self.forget(slot) }
            return
        }
        for recipient in left.recipients {
            guard let row = self.index.row(among: rows, index: recipient.index), self.attemptOfRow[row] == nil else {
                continue
            }
            self.index.update(row, to: recipient, messageGeneration: left.generation)
            self.plan(row)
        }
    }
}

/// What a reply says, made once for all the recipients that it is for.
struct ReplyWords {
    private var last: (reply: Reply, text: String, remoteID: String?)?

    mutating func of(_ reply: Reply) -> (text: String, remoteID: String?) {
        if let last = self.last, last.reply == reply { return (last.text, last.remoteID) }
        let words = (reply.description, Self.queueIdentifier(in: reply))
        self.last = (reply, words.0, words.1)
        return words
    }

    /// `Ok: queued as 4Q7K`, `OK id=1abc-…`, `Message accepted for delivery, 4Q7K`: what the next hop calls the message.
    static func queueIdentifier(in reply: Reply) -> String? {
        let words = reply.lines.joined(separator: " ").split(separator: " ")
        for (index, word) in words.enumerated() {
            let lower = word.lowercased()
            if lower == "as", index > 0, words[index - 1].lowercased() == "queued", index + 1 < words.count {
                return Self.identifier(words[index + 1])
            }
            if lower.hasPrefix("id=") { return Self.identifier(word.dropFirst(3)) }
        }
        return nil
    }

    private static func identifier(_ word: Substring) -> String? {
        let name = word.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".") }
        return name.isEmpty || name.utf8.count > 128 ? nil : String(name)
    }
}
