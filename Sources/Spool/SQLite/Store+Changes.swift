import Foundation
import GRDB
import Mail
import NIOCore

/// The changes that callers ask for, inside the writer's transaction. What they mean is decided in `Rules/`.
extension Store {
    /// How many messages one transaction takes back or forgets the drops of.
    static let messagesInPart = 500

    /// - Parameter reports: all that settlements of the transaction name.
    func settle(
        _ settlement: Settlement, _ reports: [QueueID: PackedMessage], _ db: Database
    ) throws -> Settled {
        guard let message = try self.message(settlement.message, db),
            let effect = message.settling(settlement, isKept: self.isUndoable(settlement.message))
        else { return .stale }
        self.count(effect.counts)
        for fact in effect.facts { try self.insert(fact, db) }
        for report in settlement.reports {
            try self.insert(reports[report.message.id] ?? PackedMessage(report), db)
        }
        try self.write(effect.message, as: message.id, db)
        return .done(generation: effect.generation, isGone: effect.message == nil)
    }

    func apply(_ order: Order, on targets: [RecipientTarget], _ db: Database) throws -> Applied {
        var applied = Applied()
        for (id, targets) in RecipientTarget.byMessage(targets) {
            guard let message = try self.message(id, db) else {
                applied.skipped[.gone, default: 0] += targets.count
                continue
            }
            let effect = message.applying(order, to: targets, token: applied.undo ?? self.nextFact)
            applied.add(effect)
            guard !effect.changed.isEmpty else { continue }
            self.count(effect.counts)
            for fact in effect.facts { try self.insert(SharedFact(fact: fact), db) }
            for drop in effect.drops { try self.keep(drop, db) }
            let isOver = effect.message.isOver(isKept: self.isUndoable(id))
            try self.write(isOver ? nil : effect.message, as: id, db)
        }
        return applied
    }

    // MARK: undo

    private func keep(_ drop: Drop, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO dropped VALUES (?, ?, ?, ?, ?, ?)").run {
            $0.bind(drop.message.rawValue)
            $0.bind(drop.before.index)
            $0.bind(drop.token)
            $0.bind(drop.until.milliseconds)
            $0.bind(drop.generation)
            $0.bind(Packer.recipients([drop.before]))
        }
        self.setUndoable(drop.message, true)
    }

    func undo(
        _ token: Int64, after last: QueueID?, at now: Timestamp, by actor: String, _ db: Database
    ) throws -> Applied {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM dropped WHERE token = ?1 AND message IN (
                    SELECT DISTINCT message FROM dropped WHERE token = ?1 AND message > ?2 ORDER BY message LIMIT ?3)
                ORDER BY message
                """, arguments: [token, last?.rawValue ?? 0, Self.messagesInPart])
        var part = UndoPart()
        for row in rows {
            guard let rawValue: Int64 = row.checkedIfPresent("message") else { continue }
            let id = QueueID(rawValue: rawValue)
            part.add(Drop(row, of: id), of: id)
        }
        return try part.takeBack(at: now, by: actor) {
            try self.messageIfSound($0, db)
        } write: { id, effect, message in
            for recipient in effect.changed {
                try db.execute(
                    sql: "DELETE FROM dropped WHERE message = ? AND recipient = ?",
                    arguments: [id.rawValue, recipient.index])
            }
            self.count(effect.counts)
            for fact in effect.facts { try self.insert(SharedFact(fact: fact), db) }
            try self.forgetUndone(id, db)
            try self.write(message, as: id, db)
        }
    }

    /// `nil` also when its row is there and cannot be unpacked.
    private func messageIfSound(_ id: QueueID, _ db: Database) throws -> SpooledMessage? {
        do { return try self.message(id, db) } catch let error as SpoolError where error.code == .damaged { return nil }
    }

    // MARK: purge

    /// Messages with drops whose time is over: some of them.
    static func purgeable(at time: Timestamp, without: Set<QueueID>, _ db: Database) throws -> Set<QueueID> {
        var messages: Set<QueueID> = []
        for source in ["dropped", "dropped NOT INDEXED"] where messages.isEmpty {
            try self.dropped(db, "SELECT message FROM \(source) WHERE until < ?", [time.milliseconds]) { id in
                if !without.contains(id) { messages.insert(id) }
                return messages.count < Self.messagesInPart
            }
        }
        return messages
    }

    /// - Returns: what is damaged, all at once, since a transaction in which damage was met cannot be committed.
    func purge(
        _ messages: Set<QueueID>, at time: Timestamp, by order: PurgeOrder?, _ db: Database
    ) throws -> [QueueID: SpoolError] {
        var damage: [QueueID: SpoolError] = [:]
        for id in messages.sorted() {
            do {
                // A table that is left half changed would show damage where there is none.
                var facts: [Fact] = []
                try db.inSavepoint {
                    facts = try self.purge(id, at: time, by: order, db)
                    return .commit
                }
                for fact in facts { try self.insert(SharedFact(fact: fact), db) }
            } catch {
                let spoolError = SpoolError(error, id)
                guard spoolError.code == .damaged, db.isInsideTransaction else { throw error }
                damage[id] = spoolError
            }
        }
        return damage
    }

    /// - Returns: what becomes known of it.
    private func purge(_ id: QueueID, at time: Timestamp, by order: PurgeOrder?, _ db: Database) throws -> [Fact] {
        let forgotten = try Row.fetchAll(
            db.cachedStatement(sql: "DELETE FROM dropped WHERE message = ? AND until < ? RETURNING recipient"),
            arguments: [id.rawValue, time.milliseconds]
        ).compactMap { $0.checkedIfPresent("recipient") as Int? }
        try self.forgetUndone(id, db)
        let message = try self.messageIfSound(id, db)
        if message?.isOver(isKept: self.isUndoable(id)) == true { try self.delete(id, db) }
        return order?.facts(forgotten, of: id, message) ?? []
    }

    /// A message without a drop that can be taken back is no longer kept for one.
    private func forgetUndone(_ id: QueueID, _ db: Database) throws {
        let isKept = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM dropped WHERE message = ?)", arguments: [id.rawValue])
        if isKept != true { self.setUndoable(id, false) }
    }
}

extension Drop {
    /// `nil` when the row is damaged.
    fileprivate init?(_ row: Row, of id: QueueID) {
        guard let token: Int64 = row.checkedIfPresent("token"), let until: Int64 = row.checkedIfPresent("until"),
            let index: Int = row.checkedIfPresent("recipient"),
            let generation: UInt32 = row.checkedIfPresent("generation"),
            let octets: Data = row.checkedIfPresent("before"),
            var unpacker = try? Unpacker(ByteBuffer(bytes: octets), of: id),
            let before = try? unpacker.recipients().first, before.index == index
        else { return nil }
        self.init(
            message: id, token: token, until: Timestamp(milliseconds: until), generation: generation, before: before)
    }
}
