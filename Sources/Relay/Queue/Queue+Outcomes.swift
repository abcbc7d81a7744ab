import Logging
import Mail
import Monitor
import NIOCore
import Spool

/// What became of recipients, on its way to the disk and back to the scheduler; all of it on the queue's loop.
extension Queue {
    /// Writes down what became of recipients, with what follows from it.
    ///
    /// - Parameter tries: how often others changed the message while this was written.
    func settle(_ number: Int, _ outcomes: [Settlement.Outcome], of id: QueueID, tries: Int = 0) {
        self.writer.write(outcomes, of: id) { progress in
            let now = self.look()
            switch progress {
            case .failed: break
            case .ended(.written(let generation, let isGone, let reports)):
                self.count(outcomes, of: id, at: now)
                // What waits for a retry is read back then; memory is for what moves.
                if outcomes.haveDeferred { self.fresh.remove(id) }
                self.scheduler.settlementWritten(number, outcomes, generation: generation, isGone: isGone, at: now)
                for report in reports {
                    self.fresh.insert(report.message, for: report.message.id)
                    self.scheduler.accepted(report.message, at: now)
                }
                self.waiting.removeValue(forKey: number)?.succeed(outcomes.count)
                if self.rules.hasHolds, outcomes.haveDeferred { self.looksAgain(id) }
            case .ended(.stale) where self.fleet != nil && tries < LateOutcomes.tries:
                self.settleLate(number, outcomes, of: id, tries: tries + 1)
            case .ended(.stale):
                self.log.warning("the spool knew better than the queue", metadata: ["message": "\(id)"])
                self.scheduler.settlementStale(number, of: id, at: now)
                self.waiting.removeValue(forKey: number)?.succeed(0)
            case .ended(.keptAside(let error)):
                self.fresh.remove(id)
                self.spoolWatch.damagedMail.found([Damage(id, "\(error)")])
                self.scheduler.settlementKeptAside(number, outcomes, "\(error)", at: now)
                self.waiting.removeValue(forKey: number)?.succeed(0)
            }
            self.scheduler.writing(isBlocked: self.writer.isBlocked, at: now)
            self.run()
            self.signal.raise(.facts)
        }
    }

    /// Somebody changed recipients at another node meanwhile: what they got all the same is written down.
    private func settleLate(_ number: Int, _ outcomes: [Settlement.Outcome], of id: QueueID, tries: Int) {
        let attempted = LateOutcomes(outcomes, of: id, in: self.scheduler.index)
        self.loop.makeFutureWithTask { try await self.read(id) }.whenComplete { result in
            switch result {
            case .success(let (message, holder)):
                let left = message.map { attempted.counting(as: $0, isOurs: holder == nil) } ?? []
                if !left.isEmpty { return self.settle(number, left, of: id, tries: tries) }
                self.log.notice("somebody changed mail while it was tried", metadata: ["message": "\(id)"])
                self.spoolKnewBetter(number, of: id)
            case .failure(let error):
                let isDamaged = (error as? SpoolError)?.code == .damaged
                guard !isDamaged, !self.scheduler.isStopping else { return self.spoolKnewBetter(number, of: id) }
                self.log.warning("an outcome waits", metadata: ["message": "\(id)", "error": "\(error)"])
                self.loop.scheduleTask(in: .seconds(1)) {
                    self.settleLate(number, outcomes, of: id, tries: tries)
                }
            }
        }
    }

    private func spoolKnewBetter(_ number: Int, of id: QueueID) {
        self.tell { $0.settlementStale(number, of: id, at: $1) }
        self.waiting.removeValue(forKey: number)?.succeed(0)
    }

    private func count(_ outcomes: [Settlement.Outcome], of id: QueueID, at now: Timestamp) {
        guard let slot = self.scheduler.index.slot(of: id) else { return }
        let age = now.milliseconds - self.scheduler.index.arrived[Int(slot)]
        // By their places: an outcome has many texts, which a copy would hold.
        for place in outcomes.indices {
            self.flow.settled(outcomes[place].state, isTry: outcomes[place].countsAsTry, after: age, at: now)
            self.delivery.measures.settled(outcomes[place], after: age)
            // What an operator decided is no failure.
            guard outcomes[place].state == .bounced || outcomes[place].state == .expired,
                outcomes[place].actor == nil
            else { continue }
            let outcome = outcomes[place]
            let last = self.scheduler.index.row(of: slot, index: outcome.index).flatMap(self.scheduler.index.reply)
            if let reply = outcome.reply ?? last {
                self.bounces.add(reply, hasExpired: outcome.state == .expired, at: now)
            }
        }
    }

    /// Returns mail to its senders.
    ///
    /// - Returns: completes with how many recipients of each message that was done to, and how many were left alone.
    func bounce(
        _ targets: some Sequence<RecipientTarget>, by name: String, because reason: String? = nil
    ) -> EventLoopFuture<(done: [QueueID: Int], skipped: [SkipReason: Int])> {
        let (settlements, skipped) = self.scheduler.bounceOrdered(on: targets, by: name, because: reason)
        let written = settlements.map { settlement in
            let promise = self.loop.makePromise(of: Int.self)
            self.waiting[settlement.number] = promise
            return promise.futureResult.map { (settlement, done: $0) }
        }
        self.run()
        return EventLoopFuture.whenAllSucceed(written, on: self.loop).map { settlements in
            var done: [QueueID: Int] = [:]
            var skipped = skipped
            for (settlement, count) in settlements {
                if count > 0 { done[settlement.message, default: 0] += count }
                if count < settlement.recipients { skipped[.changed, default: 0] += settlement.recipients - count }
            }
            return (done, skipped)
        }
    }

    /// An operator's order has ended.
    ///
    /// - Parameter applied: `nil`: the spool failed.
    func ordered(_ applied: Applied?, _ number: Int, retry: Int?) {
        let changes = applied?.changes ?? []
        for change in changes {
            // Its recipients may have other addresses by now.
            self.fresh.remove(change.message)
        }
        let hasMissed = applied.map { $0.skipped[.changed] != nil || $0.skipped[.gone] != nil } ?? false
        self.tell { $0.orderEnded(number, changes, hasMissed: hasMissed, retry: retry, at: $1) }
        let released = Set(changes.lazy.filter { $0.recipient.state != .hold }.map(\.message))
        for id in released where !self.isDamaged(id) { self.spoolWatch.damagedMail.isOver(id) }
    }

    /// Whether a recipient of it is on hold for damage.
    private func isDamaged(_ id: QueueID) -> Bool {
        guard let slot = self.scheduler.index.slot(of: id) else { return false }
        return self.scheduler.index.rows(of: slot).contains { self.scheduler.index.isDamaged($0) }
    }

    /// Whether another node ordered that these are bounced.
    func isOrderedElsewhere(_ outcomes: [Settlement.Outcome], of id: QueueID) -> Bool {
        guard let first = outcomes.first, first.state == .bounced, first.actor != nil,
            let slot = self.scheduler.index.slot(of: id),
            let row = self.scheduler.index.row(of: slot, index: first.index)
        else { return false }
        return self.scheduler.index.returnedBy(row) != nil
    }

    /// Writes down that mail is bounced as another node ordered, for the reason that was given there: its facts tell it. A spool that
    /// does not tell them keeps no bounce back.
    func bounceAsOrdered(_ number: Int, _ outcomes: [Settlement.Outcome], of id: QueueID) {
        self.loop.makeFutureWithTask { try await self.spool.facts(of: id) }.whenComplete { result in
            let facts = (try? result.get()) ?? []
            var outcomes = outcomes
            for place in outcomes.indices {
                let order = facts.last { $0.kind == .held && $0.recipient == outcomes[place].index }
                if let reason = order?.bounceReason { outcomes[place].reply?.append(": \(reason)") }
            }
            self.settle(number, outcomes, of: id)
        }
    }
}

extension [Settlement.Outcome] {
    fileprivate var haveDeferred: Bool { self.indices.contains { self[$0].state == .deferred } }
}
