import Mail
import Monitor

/// A filter made ready for one scan: what a term says of states, destinations and replies is looked up once each, so that
/// a message costs a walk over its octets and little else.
final class QueueMatcher {
    private struct Term {
        let word: [UInt8]
        let text: String
        let isNegated: Bool
        /// By `RecipientState.rawValue`.
        let states: [Bool]
        /// Where the destination's name has the word; by its index.
        let destinations: [Bool]
        /// Where the reason why a destination waits has it.
        let reasons: [Bool]
        let isPartOfID: Bool
        /// By the reply's name in the index.
        var replies: [Interner.Name: Bool] = [:]
    }
    private var terms: [Term]
    private let queue: Queue

    init(_ filter: Filter, in queue: Queue) {
        self.queue = queue
        self.terms = filter.terms.map { term in
            Term(
                word: Array(term.word.utf8), text: term.word, isNegated: term.isNegated,
                states: RecipientState.allCases.map { $0.word.contains(term.word) },
                destinations: queue.destinations.map { $0.nextHop.description.lowercased().contains(term.word) },
                reasons: queue.destinations.map { destination in
                    destination.isBackingOff(at: queue.now)
                        && destination.reason?.lowercased().contains(term.word) == true
                },
                isPartOfID: QueueID.isPart(term.word))
        }
    }

    func matches(_ slot: QueueIndex.Slot) -> Bool {
        for place in self.terms.indices where self.found(place, slot) == self.terms[place].isNegated { return false }
        return true
    }

    // Nothing is copied out of the index or the terms here: it would cost more than what is done with it.
    private func found(_ place: Int, _ slot: QueueIndex.Slot) -> Bool {
        if self.queue.index.text(self.queue.index.fromText[Int(slot)], contains: self.terms[place].word) { return true }
        var row = self.queue.index.firstRow[Int(slot)]
        while row >= 0 {
            if self.found(place, row: row) { return true }
            row = self.queue.index.nextRow[Int(row)]
        }
        return self.terms[place].isPartOfID && self.queue.index.id(slot).contains(self.terms[place].word)
    }

    private func found(_ place: Int, row: QueueIndex.Row) -> Bool {
        if self.queue.index.text(self.queue.index.toText[Int(row)], contains: self.terms[place].word) { return true }
        let state = self.queue.index.states[Int(row)]
        if self.terms[place].states[Int(state.rawValue)] { return true }
        let reply = self.queue.index.replies[Int(row)]
        if reply != 0, self.found(place, reply) { return true }
        let destination = Int(self.queue.index.destinations[Int(row)])
        guard destination >= 0 else {
            return reply == 0 && self.queue.missingRoute(row)?.lowercased().contains(self.terms[place].text) == true
        }
        // One that came up since the scan began is looked at in the next.
        guard destination < self.terms[place].destinations.count else { return false }
        return self.terms[place].destinations[destination]
            || reply == 0 && state == .queued && self.terms[place].reasons[destination]
    }

    private func found(_ place: Int, _ reply: Interner.Name) -> Bool {
        if let known = self.terms[place].replies[reply] { return known }
        let found = self.queue.index.reply(named: reply)?.lowercased().contains(self.terms[place].text) == true
        self.terms[place].replies[reply] = found
        return found
    }
}
