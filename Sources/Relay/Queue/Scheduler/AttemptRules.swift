import Mail
import Monitor
import SMTP
import Spool

/// What the result of an attempt means for its recipients, as it is to be written down.
struct AttemptRules {
    /// For so many milliseconds at least nothing is read again from a store that did not answer.
    private static let pause: Int64 = 1000

    var retry: RelayConfiguration.Retry

    /// - Parameters:
    ///   - rows: the recipients of the attempt, in order.
    ///   - goesOn: there is another host to be tried at once.
    /// - Returns: one for each of them.
    func outcomes(
        of result: JobResult, for rows: [QueueIndex.Row], goesOn: Bool = false, in index: QueueIndex,
        at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> [Settlement.Outcome] {
        let nextHop = result.host?.description
        var words = ReplyWords()
        var delays: [Int: Int64] = [:]
        return rows.indices.map { place in
            let row = rows[place]
            var outcome = Settlement.Outcome(
                index: Int(index.rowIndex[Int(row)]), generation: index.rowGenerations[Int(row)], state: .deferred,
                nextHop: nextHop, session: result.session?.id, security: result.security,
                milliseconds: result.milliseconds)
            outcome.saidBy = .relay
            switch result.verdict {
            case .outcomes(let outcomes):
                switch outcomes[place] {
                case .relayed(let reply, let dsn):
                    outcome.state = .relayed
                    (outcome.reply, outcome.remoteID) = words.of(reply)
                    outcome.saidBy = .nextHop
                    outcome.relayNoticed = !dsn && index.wantsSuccess(row)
                case .bounced(let reply, let author):
                    outcome.state = .bounced
                    outcome.reply = reply.description
                    outcome.saidBy = author
                case .deferred(.beyondLimit(let kind, let limit)):
                    // Not tried, and due at once in another transaction or session.
                    outcome.reply = ClientSession.DeferralCause.beyondLimit(kind, limit).description
                    outcome.due = now
                    outcome.countsAsTry = false
                case .deferred(let cause) where goesOn && outcomes[place].mayGoOn:
                    outcome.reply = cause.description
                    if case .reply = cause { outcome.saidBy = .nextHop }
                    outcome.due = now
                    outcome.countsAsTry = false
                case .deferred(let cause):
                    self.put(off: &outcome, of: row, cause.description, &delays, in: index, at: now, using: &random)
                    if case .reply = cause { outcome.saidBy = .nextHop }
                }
            case .unreachable(let reason), .unresolved(let reason):
                self.put(off: &outcome, of: row, reason, &delays, in: index, at: now, using: &random)
            case .unreadable(let reason):
                outcome.countsAsTry = false
                self.put(off: &outcome, of: row, reason, &delays, in: index, at: now, using: &random)
            case .suspended:
                // A sender may be told so, and of no host.
                let reason = "all hosts that could be tried are suspended"
                self.put(off: &outcome, of: row, reason, &delays, in: index, at: now, using: &random)
                // Also where its time is over: no host was tried.
                outcome.countsAsTry = false
                if outcome.state == .expired { outcome.notice = .suspended }
            case .away(let reason):
                outcome.reply = reason
                outcome.due = now.adding(milliseconds: self.pause(of: row, reason, in: index, at: now))
                outcome.countsAsTry = false
            case .damaged(let reason):
                // It is neither sent as it is now, nor returned as if a next hop had refused it, nor tried again and again:
                // it waits for the operator, who may release it when it is mended.
                outcome.state = .hold
                outcome.reply = reason
                outcome.countsAsTry = false
            case .untried, .changed: break
            }
            return outcome
        }
    }

    /// Mostly the store is back as soon as this can be written down. Where it takes what is written, and gives nothing, the pause
    /// is as long as it has been so, up to that behind a first failure: each is twice the one before.
    private func pause(of row: QueueIndex.Row, _ reason: String, in index: QueueIndex, at now: Timestamp) -> Int64 {
        guard index.reply(row) == reason else { return Self.pause }
        let since = max(Int64(index.failingSince[Int(row)]) * 1000, index.started.milliseconds)
        return max(Self.pause, min(now.milliseconds - since, self.retry.first))
    }

    /// Deferred, or expired when there is no more time.
    ///
    /// - Parameter delays: of this attempt, by how often it failed. Recipients of a message that failed together come back
    ///   together: in one transaction, and in one report where they bounce.
    private func put(
        off outcome: inout Settlement.Outcome, of row: QueueIndex.Row, _ reason: String, _ delays: inout [Int: Int64],
        in index: QueueIndex, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) {
        outcome.reply = reason
        if index.age(row, at: now) >= self.retry.giveUp {
            outcome.state = .expired
            outcome.countsAsTry = true
        } else {
            let failures = Int(index.tries[Int(row)]) + 1
            let delay =
                delays[failures] ?? RetrySchedule(self.retry).delay(afterFailures: failures, using: &random)
            delays[failures] = delay
            outcome.due = now.adding(milliseconds: delay)
        }
    }
}

extension ClientSession.Outcome {
    /// Whether another host may be asked for it at once. Not where the session broke behind the end of the mail data: the host
    /// may have the message, and another one would send it a second time.
    var mayGoOn: Bool {
        switch self {
        case .deferred(.reply): true
        case .deferred(.connectionLost(let phase)), .deferred(.timedOut(let phase)),
            .deferred(.malformedReply(let phase)):
            phase != .finalReply
        case .deferred, .relayed, .bounced: false
        }
    }

    /// Why the session broke, or the server ended it (RFC 5321 §3.8); `nil` where neither happened.
    var breakingCause: String? {
        switch self {
        case .deferred(.reply(let reply)): reply.code == 421 ? reply.description : nil
        case .deferred(.beyondLimit): nil
        case .deferred(let cause): cause.description
        case .relayed, .bounced: nil
        }
    }
}
