import Foundation
import GRDB
import Mail
import NIOCore
import SMTP

/// The changes that callers ask for, inside the writer's transaction.
extension Store {
    /// Of a drop that is taken back or forgotten.
    static let messagesInPart = 500

    // MARK: attempts

    func settle(_ settlement: Settlement, _ db: Database) throws -> Settled {
        guard var message = try self.message(settlement.message, db) else { return .stale }
        for outcome in settlement.outcomes {
            guard let place = message.place(of: outcome.index),
                message.recipients[place].generation == outcome.generation, !message.recipients[place].state.isSettled
            else { return .stale }
        }
        let isLast = self.isLast(settlement, of: message)
        try self.tell(settlement, of: message, db)
        if !isLast {
            for outcome in settlement.outcomes {
                guard let place = message.place(of: outcome.index) else { continue }
                message.recipients[place].settle(outcome, at: settlement.at)
            }
        }
        message.generation += 1
        for report in settlement.reports {
            try self.insert(report, db)
            self.count { $0.reports += 1 }
            var fact = Fact(sequence: 0, at: settlement.at, kind: .reported, message: message.id)
            fact.to = report.message.recipients.first?.forwardPath.description
            fact.text = report.message.id.description
            try self.insert(fact, db)
        }
        if isLast { try self.delete(message.id, db) }
        let isGone = try isLast || self.write(message, db)
        return .done(generation: message.generation, isGone: isGone)
    }

    /// Whether nothing of the message is left behind it, as is so for most mail: its recipients, which others hold too, need
    /// not be copied to be changed.
    private func isLast(_ settlement: Settlement, of message: SpooledMessage) -> Bool {
        let outcomes = settlement.outcomes
        return outcomes.count == message.recipients.count && outcomes.allSatisfy(\.state.isSettled)
            && zip(outcomes, outcomes.dropFirst()).allSatisfy { $0.index < $1.index } && !self.isUndoable(message.id)
    }

    /// Makes it facts, and counts it. What the same attempt did to many recipients is written once.
    private func tell(_ settlement: Settlement, of message: SpooledMessage, _ db: Database) throws {
        var untold = settlement.outcomes[...]
        while let outcome = untold.first {
            let alike = untold.prefix { $0.isLike(outcome) }
            untold = untold.dropFirst(alike.count)
            let recipients = alike.compactMap { outcome in
                message.place(of: outcome.index).map {
                    Fact.Recipient(index: outcome.index, forwardPath: message.recipients[$0].forwardPath)
                }
            }
            try self.tell(outcome, of: message, recipients, at: settlement.at, db)
        }
    }

    private func tell(
        _ outcome: Settlement.Outcome, of message: SpooledMessage, _ recipients: [Fact.Recipient], at now: Timestamp,
        _ db: Database
    ) throws {
        // Nothing else happened; that the sender was told is a fact of the report.
        guard !outcome.delayNoticed, let first = recipients.first else { return }
        let kind: Fact.Kind
        switch outcome.state {
        case .deferred:
            kind = .deferred
            if outcome.countsAsTry { self.count { $0.deferredAttempts += recipients.count } }
        case .relayed:
            kind = .relayed
            self.count { $0.relayed += recipients.count }
        case .bounced:
            kind = .bounced
            self.count { $0.bounced += recipients.count }
        case .expired:
            kind = .expired
            self.count { $0.expired += recipients.count }
        case .hold: kind = .damaged
        case .queued, .active, .dropped: return
        }
        var fact = Fact(sequence: 0, at: now, kind: kind, message: message.id, recipient: first.index)
        fact.from = message.reversePath.description
        fact.to = first.forwardPath.description
        fact.nextHop = outcome.nextHop
        fact.remoteID = outcome.remoteID
        fact.text = outcome.reply
        fact.session = outcome.session
        fact.contentOctets = message.contentOctets
        fact.milliseconds = outcome.milliseconds
        try self.insert(fact, others: Array(recipients.dropFirst()), db)
    }

    // MARK: orders

    func apply(_ order: Order, on targets: [RecipientTarget], _ db: Database) throws -> Applied {
        var applied = Applied()
        // Message by message, so that each row is written once.
        for (id, targets) in Dictionary(grouping: targets, by: \.message).sorted(by: { $0.key < $1.key }) {
            guard var message = try self.message(id, db) else {
                applied.skipped["no longer in the spool", default: 0] += targets.count
                continue
            }
            var changed: [SpooledRecipient] = []
            for target in targets {
                guard let place = message.recipients.firstIndex(where: { $0.index == target.index }),
                    message.recipients[place].generation == target.generation
                else {
                    applied.skipped["changed meanwhile", default: 0] += 1
                    continue
                }
                let before = message.recipients[place]
                if let reason = Self.change(&message.recipients[place], order) {
                    applied.skipped[reason, default: 0] += 1
                    continue
                }
                message.recipients[place].generation += 1
                changed.append(message.recipients[place])
                let fact = try self.insert(Self.fact(order, message.recipients[place], of: message), db)
                if case .drop(let until, let earlier) = order.action {
                    let token = earlier ?? applied.undo ?? fact
                    applied.undo = token
                    try self.keepForUndo(before, now: message.recipients[place], of: id, token, until, db)
                }
            }
            guard !changed.isEmpty else { continue }
            message.generation += 1
            _ = try self.write(message, db)
            applied.changes += changed.map {
                Applied.Change(message: id, generation: message.generation, recipient: $0)
            }
        }
        return applied
    }

    /// - Returns: why not, in words.
    private static func change(_ recipient: inout SpooledRecipient, _ order: Order) -> String? {
        guard !recipient.state.isSettled else { return "already settled" }
        switch order.action {
        case .retry:
            guard recipient.state != .hold else { return "on hold" }
            recipient.state = .queued
            recipient.due = order.at
        case .hold:
            guard recipient.state != .hold else { return "already on hold" }
            recipient.state = .hold
            recipient.heldSince = order.at
        case .release:
            guard recipient.state == .hold else { return "not on hold" }
            recipient.state = .queued
            recipient.due = order.at
            if let since = recipient.heldSince { recipient.heldTotal += max(order.at.since(since), 0) }
            recipient.heldSince = nil
        case .drop:
            recipient.state = .dropped
            recipient.settledAt = order.at
        }
        return nil
    }

    private static func fact(_ order: Order, _ recipient: SpooledRecipient, of message: SpooledMessage) -> Fact {
        let kind: Fact.Kind =
            switch order.action {
            case .retry: .retried
            case .hold: .held
            case .release: .released
            case .drop: .dropped
            }
        var fact = Fact(sequence: 0, at: order.at, kind: kind, message: message.id, recipient: recipient.index)
        fact.from = message.reversePath.description
        fact.to = recipient.forwardPath.description
        fact.text = "by \(order.by)"
        return fact
    }

    // MARK: undo

    private func keepForUndo(
        _ before: SpooledRecipient, now: SpooledRecipient, of id: QueueID, _ token: Int64, _ until: Timestamp,
        _ db: Database
    ) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO dropped VALUES (?, ?, ?, ?, ?, ?)").run {
            $0.bind(id.rawValue)
            $0.bind(before.index)
            $0.bind(token)
            $0.bind(until.milliseconds)
            $0.bind(now.generation)
            $0.bind(Packer.recipients([before]))
        }
        self.setUndoable(id, true)
        self.count { $0.dropped += 1 }
    }

    func undo(_ token: Int64, after last: QueueID?, at now: Timestamp, _ db: Database) throws -> Applied {
        var applied = Applied()
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM dropped WHERE token = ?1 AND message IN (
                    SELECT DISTINCT message FROM dropped WHERE token = ?1 AND message > ?2 ORDER BY message LIMIT ?3)
                ORDER BY message
                """, arguments: [token, last?.rawValue ?? 0, Self.messagesInPart])
        for row in rows {
            guard let rawValue: Int64 = row.checkedIfPresent("message") else { continue }
            let id = QueueID(rawValue: rawValue)
            applied.end = id
            guard let until: Int64 = row.checkedIfPresent("until"),
                let index: Int = row.checkedIfPresent("recipient"),
                let generation: UInt32 = row.checkedIfPresent("generation"),
                let before = Self.recipient(row, of: id)
            else {
                applied.skipped["damaged", default: 0] += 1
                continue
            }
            guard now.milliseconds <= until else {
                applied.skipped["too late to undo", default: 0] += 1
                continue
            }
            guard var message = try self.messageIfSound(id, db),
                let place = message.recipients.firstIndex(where: { $0.index == index }),
                message.recipients[place].state == .dropped, message.recipients[place].generation == generation
            else {
                applied.skipped["changed meanwhile", default: 0] += 1
                continue
            }
            var recipient = before
            recipient.generation = generation + 1
            message.recipients[place] = recipient
            message.generation += 1
            try db.execute(
                sql: "DELETE FROM dropped WHERE message = ? AND recipient = ?", arguments: [id.rawValue, index])
            self.count { $0.dropped -= 1 }
            var fact = Fact(sequence: 0, at: now, kind: .restored, message: id, recipient: index)
            fact.from = message.reversePath.description
            fact.to = recipient.forwardPath.description
            try self.insert(fact, db)
            _ = try self.write(message, db)
            applied.changes.append(
                Applied.Change(message: id, generation: message.generation, recipient: recipient))
        }
        try self.forgetUndone(Set(applied.changes.map(\.message)), db)
        return applied
    }

    /// As it was before it was dropped; `nil`: that is damaged.
    private static func recipient(_ row: Row, of id: QueueID) -> SpooledRecipient? {
        guard let octets: Data = row.checkedIfPresent("before"),
            var unpacker = try? Unpacker(ByteBuffer(bytes: octets), of: id)
        else { return nil }
        return try? unpacker.recipients().first
    }

    /// `nil` also when its row is there and cannot be unpacked.
    private func messageIfSound(_ id: QueueID, _ db: Database) throws -> SpooledMessage? {
        do { return try self.message(id, db) } catch let error as SpoolError where error.code == .damaged { return nil }
    }

    /// Messages with drops whose time is over: some of them.
    static func purgeable(at now: Timestamp, without: Set<QueueID>, _ db: Database) throws -> Set<QueueID> {
        var messages: Set<QueueID> = []
        for source in ["dropped", "dropped NOT INDEXED"] where messages.isEmpty {
            try self.dropped(db, "SELECT message FROM \(source) WHERE until < ?", [now.milliseconds]) { id in
                if !without.contains(id) { messages.insert(id) }
                return messages.count < Self.messagesInPart
            }
        }
        return messages
    }

    /// - Returns: what is damaged, all at once, since a transaction in which damage was met cannot be committed.
    func purge(_ messages: Set<QueueID>, at now: Timestamp, _ db: Database) throws -> [QueueID: SpoolError] {
        var damage: [QueueID: SpoolError] = [:]
        for id in messages.sorted() {
            do {
                // A table that is left half changed would show damage where there is none.
                try db.inSavepoint {
                    try self.purge(id, at: now, db)
                    return .commit
                }
            } catch {
                let spoolError = SpoolError(error, id)
                guard spoolError.code == .damaged, db.isInsideTransaction else { throw error }
                damage[id] = spoolError
            }
        }
        return damage
    }

    private func purge(_ id: QueueID, at now: Timestamp, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM dropped WHERE message = ? AND until < ?")
            .run {
                $0.bind(id.rawValue)
                $0.bind(now.milliseconds)
            }
        try self.forgetUndone([id], db)
        if let message = try self.messageIfSound(id, db), message.recipients.allSatisfy(\.state.isSettled) {
            _ = try self.write(message, db)
        }
    }

    /// Messages without a drop that can be taken back are no longer kept for one.
    private func forgetUndone(_ messages: Set<QueueID>, _ db: Database) throws {
        for id in messages {
            let isKept = try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM dropped WHERE message = ?)", arguments: [id.rawValue])
            if isKept != true { self.setUndoable(id, false) }
        }
    }
}

extension Settlement.Outcome {
    /// The same happened to another recipient, as far as facts tell it: each retry has a time of its own.
    fileprivate func isLike(_ other: Self) -> Bool {
        var other = other
        other.index = self.index
        other.generation = self.generation
        other.due = self.due
        other.relayNoticed = self.relayNoticed
        return self == other
    }
}

extension SpooledMessage {
    /// Where the recipient of an index is: at that place, as long as nothing is damaged.
    fileprivate func place(of index: Int) -> Int? {
        if self.recipients.indices.contains(index), self.recipients[index].index == index { return index }
        return self.recipients.firstIndex { $0.index == index }
    }
}

extension SpooledRecipient {
    fileprivate mutating func settle(_ outcome: Settlement.Outcome, at now: Timestamp) {
        self.generation += 1
        if outcome.countsAsTry, self.tries < .max { self.tries += 1 }
        if let due = outcome.due { self.due = due }
        self.nextHop = outcome.nextHop ?? self.nextHop
        self.lastReply = outcome.reply ?? self.lastReply
        self.remoteID = outcome.remoteID ?? self.remoteID
        self.state = outcome.state
        if outcome.state.isSettled { self.settledAt = now }
        if outcome.delayNoticed {
            self.delayNoticed = true
        } else if outcome.state == .hold {
            self.heldSince = now
        }
    }
}
