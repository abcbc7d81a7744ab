import GRDB
import Mail

extension Store {
    /// A fact for each, so that it is told wherever facts are.
    func report(_ damaged: [Damage], at now: Timestamp, _ db: Database) throws {
        for damage in damaged {
            var fact = Fact(sequence: 0, at: now, kind: .damaged, message: damage.message)
            fact.text = damage.reason
            try self.insert(SharedFact(fact: fact), db)
        }
    }
}
