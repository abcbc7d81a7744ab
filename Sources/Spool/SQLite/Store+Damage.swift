import GRDB
import Mail

extension Store {
    func report(_ damaged: [Damage], at now: Timestamp, _ db: Database) throws {
        for damage in damaged {
            try self.insert(SharedFact(fact: damage.fact(at: now)), db)
        }
    }
}
