package import Mail
import SMTP

/// What a settlement makes of its message: a store writes all of it down in one transaction, together with the reports.
package struct SettlementEffect: Sendable {
    /// The message as it is from now on; `nil`: nothing needs it any more.
    package var message: SpooledMessage?
    package var generation: UInt32
    package var facts: [SharedFact] = []
    /// What is added to the counters. The reports are messages too, and counted as such when they are accepted.
    package var counts = Counters()
}

extension SpooledMessage {
    /// Whether nothing needs the message any more.
    ///
    /// - Parameter isKept: a drop of it can be taken back.
    package func isOver(isKept: Bool) -> Bool { !isKept && self.recipients.allSatisfy(\.state.isSettled) }

    /// Decides what a settlement does. It is done wholly or not at all.
    ///
    /// - Parameters:
    ///   - isKept: a drop of the message can be taken back.
    ///   - isHolders: no other node has the message.
    /// - Returns: `nil` when a recipient is not as the settlement expects it, or is named twice, or when its sender would be told
    ///   that it was not delivered while another node may be doing that.
    package func settling(_ settlement: Settlement, isKept: Bool, isHolders: Bool = true) -> SettlementEffect? {
        guard isHolders || !settlement.outcomes.contains(where: \.isHoldersAlone) else { return nil }
        guard settlement.isAscending || Set(settlement.outcomes.map(\.index)).count == settlement.outcomes.count
        else { return nil }
        // By their places, here and below: an outcome has many texts, and a message may have many of them.
        for number in settlement.outcomes.indices {
            guard let place = self.place(of: settlement.outcomes[number].index),
                self.recipients[place].generation == settlement.outcomes[number].generation,
                self.recipients[place].isOpen(to: settlement.outcomes[number].state)
            else { return nil }
        }
        var effect = SettlementEffect(generation: self.generation + 1)
        effect.counts.dropped -= settlement.outcomes.count {
            self.place(of: $0.index).map { self.recipients[$0].state == .dropped } ?? false
        }
        effect.tell(settlement, of: self)
        if !self.isEnded(by: settlement, isKept: isKept) {
            var message = self
            message.generation += 1
            for number in settlement.outcomes.indices {
                guard let place = message.place(of: settlement.outcomes[number].index) else { continue }
                message.recipients[place].settle(settlement.outcomes[number], at: settlement.at)
            }
            effect.message = message.isOver(isKept: isKept) ? nil : message
        }
        return effect
    }

    /// Whether every recipient is settled at once, as is so for most mail: its recipients, which others hold too, need not be
    /// copied to be changed.
    private func isEnded(by settlement: Settlement, isKept: Bool) -> Bool {
        let outcomes = settlement.outcomes
        return !isKept && outcomes.count == self.recipients.count
            && outcomes.indices.allSatisfy { outcomes[$0].state.isSettled } && settlement.isAscending
    }

    /// Where the recipient of an index is: at that place, as long as nothing is damaged.
    func place(of index: Int) -> Int? {
        if self.recipients.indices.contains(index), self.recipients[index].index == index { return index }
        return self.recipients.firstIndex { $0.index == index }
    }
}

extension Settlement {
    /// Whether the outcomes are in order of the recipients, as they are but for odd callers.
    fileprivate var isAscending: Bool {
        self.outcomes.indices.dropFirst().allSatisfy { self.outcomes[$0 - 1].index < self.outcomes[$0].index }
    }
}

extension SettlementEffect {
    /// What the same attempt did to several recipients is one fact.
    fileprivate mutating func tell(_ settlement: Settlement, of message: SpooledMessage) {
        let outcomes = settlement.outcomes
        var start = outcomes.startIndex
        while start < outcomes.endIndex {
            var end = start + 1
            while end < outcomes.endIndex, outcomes.areAlike(end, start) { end += 1 }
            self.tell(outcomes[start..<end], of: message, at: settlement.at)
            start = end
        }
        for report in settlement.reports {
            self.counts.reports += 1
            var fact = Fact(at: settlement.at, kind: .reported, message: message.id)
            fact.to = report.message.recipients.first?.forwardPath.description
            fact.text = report.message.id.description
            self.facts.append(SharedFact(fact: fact))
        }
    }

    private mutating func tell(
        _ alike: ArraySlice<Settlement.Outcome>, of message: SpooledMessage, at now: Timestamp
    ) {
        // Nothing else happened; that the sender was told is a fact of the report.
        guard let outcome = alike.first, !outcome.delayNoticed, let kind = self.count(outcome, times: alike.count),
            let first = message.place(of: outcome.index)
        else { return }
        let others = alike.dropFirst().compactMap { outcome in
            message.place(of: outcome.index).map {
                SharedFact.Recipient(
                    index: outcome.index, forwardPath: outcome.forwardPath ?? message.recipients[$0].forwardPath)
            }
        }
        var fact = Fact(
            at: now, kind: kind, message: message.id, recipient: outcome.index, from: message.reversePath.description,
            to: (outcome.forwardPath ?? message.recipients[first].forwardPath).description, nextHop: outcome.nextHop,
            remoteID: outcome.remoteID, text: outcome.reply, session: outcome.session, security: outcome.security,
            actor: outcome.actor, contentOctets: message.contentOctets, milliseconds: outcome.milliseconds)
        if outcome.reply != nil { fact.saidBy = outcome.author(after: message.recipients[first]) }
        self.facts.append(SharedFact(fact: consume fact, others: others))
    }

    /// - Returns: as which fact it is told; `nil`: as none.
    private mutating func count(_ outcome: Settlement.Outcome, times: Int) -> Fact.Kind? {
        switch outcome.state {
        case .deferred:
            if outcome.countsAsTry { self.counts.deferredAttempts += times }
            return .deferred
        case .relayed:
            self.counts.relayed += times
            return .relayed
        case .bounced:
            self.counts.bounced += times
            return .bounced
        case .expired:
            self.counts.expired += times
            return .expired
        case .hold: return .damaged
        case .queued, .active, .dropped: return nil
        }
    }
}

extension [Settlement.Outcome] {
    /// Whether the same happened to two recipients, as far as facts tell it: each retry has a time of its own. They are compared
    /// where they are: a copy costs more than the rest of a recipient's fact.
    fileprivate func areAlike(_ one: Int, _ other: Int) -> Bool {
        self[one].state == self[other].state && self[one].countsAsTry == self[other].countsAsTry
            && self[one].nextHop == self[other].nextHop && self[one].reply == self[other].reply
            && self[one].saidBy == self[other].saidBy && self[one].notice == self[other].notice
            && self[one].remoteID == self[other].remoteID && self[one].session == self[other].session
            && self[one].security == self[other].security && self[one].milliseconds == self[other].milliseconds
            && self[one].actor == self[other].actor && self[one].delayNoticed == self[other].delayNoticed
    }
}

extension SpooledRecipient {
    /// Whether the outcome can still be its own. What was dropped at one node while another handed it over has gone all the
    /// same.
    package func isOpen(to outcome: RecipientState) -> Bool {
        !self.state.isSettled || self.state == .dropped && outcome == .relayed
    }

    fileprivate mutating func settle(_ outcome: Settlement.Outcome, at now: Timestamp) {
        self.generation += 1
        if outcome.countsAsTry, self.tries < .max { self.tries += 1 }
        if let due = outcome.due {
            self.isPutOffNoMore(at: now)
            self.due = due
        }
        self.forwardPath = outcome.forwardPath ?? self.forwardPath
        self.nextHop = outcome.nextHop ?? self.nextHop
        // Why it waits is known anew each time, and is no reply.
        if let reply = outcome.reply, !outcome.delayNoticed {
            self.lastSaidBy = outcome.author(after: self)
            self.lastReply = reply
        }
        self.remoteID = outcome.remoteID ?? self.remoteID
        self.state = outcome.state
        if outcome.state.isSettled { self.settledAt = now }
        if outcome.delayNoticed {
            self.delayNoticed = true
        } else if outcome.state == .hold {
            self.heldSince = now
            self.heldUnder = nil
        }
    }
}
