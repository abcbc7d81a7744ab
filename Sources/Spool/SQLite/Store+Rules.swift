import GRDB
import Mail

/// Standing rules, a row each; their terms are JSON, which `sqlite3` shows.
extension Store {
    func set(_ terms: StandingRule.Terms, at now: Timestamp, by actor: String, _ db: Database) throws -> StandingRule {
        guard try db.tableExists(StandingRule.table) else {
            throw SpoolError(.damaged, "a damaged spool has no room for rules: see hoptop spool check")
        }
        // A number is never given again, since recipients name the rule that holds them.
        let id = try Int64.fetchOne(db, sql: "UPDATE counters SET lastRule = lastRule + 1 RETURNING lastRule") ?? 1
        try db.execute(
            sql: "INSERT INTO rules (id, at, actor, terms) VALUES (?, ?, ?, ?)",
            arguments: [id, now.milliseconds, actor, try terms.encoded()])
        let rule = StandingRule(id: id, terms, at: now, by: actor)
        try self.insert(SharedFact(fact: rule.setFact), db)
        return rule
    }

    func end(rule id: Int64, at now: Timestamp, by actor: String?, _ db: Database) throws -> StandingRule? {
        guard try db.tableExists(StandingRule.table) else { return nil }
        let row = try Row.fetchOne(db, sql: "SELECT * FROM rules WHERE id = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM rules WHERE id = ?", arguments: [id])
        guard let rule = row.flatMap(StandingRule.init) else { return nil }
        try self.insert(SharedFact(fact: rule.endFact(at: now, by: actor)), db)
        return rule
    }
}

extension StandingRule {
    fileprivate static let table = "rules"

    /// `nil` when the row is damaged.
    fileprivate init?(_ row: Row) {
        guard let id: Int64 = row.checkedIfPresent("id"), let at: Int64 = row.checkedIfPresent("at"),
            let actor: String = row.checkedIfPresent("actor"), let terms: String = row.checkedIfPresent("terms"),
            let terms = try? Terms(encoded: terms)
        else { return nil }
        self.init(id: id, terms, at: Timestamp(milliseconds: at), by: actor)
    }
}

extension KeptRules {
    init(_ db: Database) throws {
        self.init([])
        guard try db.tableExists(StandingRule.table) else { return }
        for row in try Row.fetchAll(db, sql: "SELECT * FROM rules ORDER BY id") {
            if let rule = StandingRule(row) { self.rules.append(rule) } else { self.unreadable.insert(row["id"]) }
        }
    }
}
