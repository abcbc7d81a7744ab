import Mail
import NIOCore

/// The changes that callers ask for. What they mean is decided in `Rules/`.
extension PostgreSQLTransaction {
    /// - Parameter reports: all that settlements of the call name.
    func settle(_ settlement: Settlement, _ reports: [QueueID: PackedMessage]) throws -> Settled {
        let id = settlement.message
        guard let message = try self.message(id),
            let effect = message.settling(
                settlement, isKept: try self.isUndoable(id), isHolders: try self.holder(of: id) == self.node)
        else { return .stale }
        self.count(effect.counts)
        for fact in effect.facts { self.add(fact) }
        for report in settlement.reports { try self.insert(reports[report.message.id] ?? PackedMessage(report)) }
        try self.write(effect.message, as: id)
        return .done(generation: effect.generation, isGone: effect.message == nil)
    }

    private static let nextToken = Query("next-token", "SELECT nextval('hoptop.tokens')")
    private static let keep = Query(
        "keep-drop",
        """
        INSERT INTO hoptop.dropped VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (message, recipient) DO UPDATE
        SET token = excluded.token, until = excluded.until, generation = excluded.generation, before = excluded.before
        """)

    func apply(_ order: Order, on targets: [RecipientTarget]) throws -> Applied {
        var applied = Applied()
        var token: Int64 = 0
        if case .drop(undoUntil: _, token: nil) = order.action {
            token = try self.connection.rows(Self.nextToken).integer(0, 0)
        }
        for (id, targets) in RecipientTarget.byMessage(targets) {
            guard let message = try self.message(id) else {
                applied.skipped[.gone, default: 0] += targets.count
                continue
            }
            let effect = message.applying(order, to: targets, token: token)
            applied.add(effect)
            guard !effect.changed.isEmpty else { continue }
            try self.wakeHolder(of: id)
            self.count(effect.counts)
            for fact in effect.facts { self.add(SharedFact(fact: fact)) }
            for drop in effect.drops { try self.keep(drop) }
            let isOver = effect.message.isOver(isKept: try self.isUndoable(id))
            try self.write(isOver ? nil : effect.message, as: id)
        }
        return applied
    }

    /// Another node that has the message learns at once what somebody ordered here.
    private func wakeHolder(of id: QueueID) throws {
        if let holder = try self.holder(of: id), holder != self.node { self.wakesOthers = true }
    }

    private func keep(_ drop: Drop) throws {
        try self.connection.add(
            Self.keep,
            [
                .integer(drop.message.rawValue), .integer(drop.before.index), .integer(drop.token),
                .integer(drop.until.milliseconds), .integer(drop.generation),
                .octets(Packer.recipients([drop.before])),
            ])
        self.changeDrops(of: drop.message, by: 1)
    }

    // MARK: undo

    private static let dropsOfToken = Query(
        "drops-of-token",
        """
        SELECT message, recipient, token, until, generation, before FROM hoptop.dropped
        WHERE token = $1 AND message IN (
            SELECT DISTINCT message FROM hoptop.dropped WHERE token = $1 AND message > $2 ORDER BY message LIMIT $3)
        ORDER BY message, recipient
        """)
    private static let forgetDrop = Query(
        "forget-drop", "DELETE FROM hoptop.dropped WHERE message = $1 AND recipient = $2")

    func undo(_ token: Int64, after last: QueueID?, at now: Timestamp, by actor: String) throws -> Applied {
        let rows = try self.connection.rows(
            Self.dropsOfToken, [.integer(token), .integer(last?.rawValue ?? 0), .integer(Self.messagesInPart)])
        var part = UndoPart()
        for row in 0..<rows.count { part.add(try? Drop(rows, row), of: QueueID(rawValue: try rows.integer(row, 0))) }
        try self.load(part.ids)
        return try part.takeBack(at: now, by: actor) {
            try self.messageIfSound($0)
        } write: { id, effect, message in
            try self.wakeHolder(of: id)
            for recipient in effect.changed {
                try self.connection.add(Self.forgetDrop, [.integer(id.rawValue), .integer(recipient.index)])
            }
            self.changeDrops(of: id, by: -effect.changed.count)
            self.count(effect.counts)
            for fact in effect.facts { self.add(SharedFact(fact: fact)) }
            try self.write(message, as: id)
        }
    }

    // MARK: purge

    private static let over = Query(
        "drops-over", "SELECT DISTINCT message FROM hoptop.dropped WHERE until < $1 LIMIT $2")
    private static let forgetOver = Query(
        "forget-over", "DELETE FROM hoptop.dropped WHERE message = ANY ($1) AND until < $2 RETURNING message, recipient"
    )

    /// - Returns: whether there may be more.
    func purge(at time: Timestamp, by order: PurgeOrder?) throws -> Bool {
        let found = try self.connection.rows(
            Self.over, [.integer(time.milliseconds), .integer(Self.messagesInPart)])
        let ids = try (0..<found.count).map { QueueID(rawValue: try found.integer($0, 0)) }.sorted()
        guard !ids.isEmpty else { return false }
        try self.load(ids)
        let rows = try self.connection.rows(
            Self.forgetOver, [.bigints(ids.map(\.rawValue)), .integer(time.milliseconds)])
        var forgotten: [QueueID: [Int]] = [:]
        for row in 0..<rows.count {
            forgotten[QueueID(rawValue: try rows.integer(row, 0)), default: []].append(try rows.number(row, 1))
        }
        for id in ids {
            self.changeDrops(of: id, by: -(forgotten[id]?.count ?? 0))
            let message = try self.messageIfSound(id)
            for fact in order?.facts(forgotten[id] ?? [], of: id, message) ?? [] { self.add(SharedFact(fact: fact)) }
            if try message?.isOver(isKept: self.isUndoable(id)) ?? false { try self.write(nil, as: id) }
        }
        return ids.count == Self.messagesInPart
    }

    // MARK: standing rules

    private static let setRule = Query(
        "set-rule", "INSERT INTO hoptop.rules (at, actor, terms) VALUES ($1, $2, $3) RETURNING id")
    private static let endRule = Query(
        "end-rule", "DELETE FROM hoptop.rules WHERE id = $1 RETURNING id, at, actor, terms")

    func set(_ terms: StandingRule.Terms, at now: Timestamp, by actor: String) throws -> StandingRule {
        let rows = try self.connection.rows(
            Self.setRule, [.integer(now.milliseconds), .text(actor), .text(try terms.encoded())])
        let rule = StandingRule(id: try rows.integer(0, 0), terms, at: now, by: actor)
        self.wakesOthers = true
        self.add(SharedFact(fact: rule.setFact))
        return rule
    }

    func end(rule id: Int64, at now: Timestamp, by actor: String?) throws -> StandingRule? {
        let rows = try self.connection.rows(Self.endRule, [.integer(id)])
        guard rows.count > 0, let rule = try? StandingRule(rows, 0) else { return nil }
        self.wakesOthers = true
        self.add(SharedFact(fact: rule.endFact(at: now, by: actor)))
        return rule
    }

    // MARK: readers of facts

    private static let acknowledge = Query(
        "acknowledge",
        """
        INSERT INTO hoptop.readers AS r VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET sequence = greatest(r.sequence, excluded.sequence)
        """)
    private static let forget = Query("forget-reader", "DELETE FROM hoptop.readers WHERE name = $1")

    /// A reader never goes back.
    func acknowledge(_ sequence: Int64, as reader: String) throws {
        try self.connection.add(Self.acknowledge, [.text(reader), .integer(sequence)])
        self.readersMoved = true
    }

    func forget(reader: String) throws {
        try self.connection.add(Self.forget, [.text(reader)])
        self.readersMoved = true
    }
}
