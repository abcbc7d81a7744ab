import GRDB
import Mail

extension Salvage {
    /// Messages that facts are about, as far as these can be read.
    func messagesOfFacts(_ gap: KeySearch.Gap) throws -> Set<Int64> {
        var byIndex = KeySearch(self.db, "facts", "message")
        guard try byIndex.search(gap) != nil else { return byIndex.keys }
        // The index is damaged; the facts themselves may not be.
        var found = byIndex.keys
        for order in ["ASC", "DESC"] {
            do {
                let rows = try Row.fetchCursor(
                    self.db, sql: "SELECT message FROM facts NOT INDEXED ORDER BY sequence \(order)")
                while let row = try rows.next() {
                    guard let key: Int64 = row.checkedIfPresent("message"), key > gap.low, key < gap.high else {
                        continue
                    }
                    found.insert(key)
                }
                break
            } catch let error as DatabaseError where error.isDamage {}
        }
        return found
    }

    /// Whether facts say that nothing is to be done any more for a message without a row: all of its recipients that they
    /// know are settled. What they do not say is doubt.
    func isSettledByFacts(_ id: QueueID) -> Bool {
        let rows = try? Row.fetchAll(
            self.db, sql: "SELECT * FROM facts WHERE message = ? ORDER BY sequence", arguments: [id.rawValue])
        var isSettled: [Int: Bool] = [:]
        for fact in (rows ?? []).compactMap({ try? Fact($0) }) {
            guard let recipient = fact.recipient else { continue }
            isSettled[recipient] = [.relayed, .bounced, .expired, .dropped].contains(fact.kind)
        }
        guard let last = isSettled.keys.max(), last < isSettled.count else { return false }
        return isSettled.values.allSatisfy { $0 }
    }
}
