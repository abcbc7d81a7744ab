import Mail
import Monitor
import Spool

/// A filter made ready for one scan of the queue, recipient by recipient: what a term says of states, destinations, replies
/// and users is looked up once each, so that a recipient costs a walk over its octets and little else.
///
/// It says what ``FilterExpression`` says of a row that shows the recipient.
final class QueueMatcher {
    private enum Test {
        case plain(Text, isPartOfID: Bool)
        case id(Text)
        case from(Text)
        case to(Text)
        /// Whether the destination's name passes, by its index.
        case destination([Bool], isUnrouted: Bool)
        /// Whether the state passes, by `RecipientState.rawValue`; and whether what is on hold for damage does in any case.
        case state([Bool], orDamaged: Bool)
        /// What the last reply has to be.
        case reply((String) -> Bool)
        /// What the client's address, the name of the user, or the TLS version and cipher, has to be.
        case client(FilterTerm.TextTest)
        case user(FilterTerm.TextTest)
        case tls(FilterTerm.TextTest)
        /// Whether the name of the node that has it passes, by its number.
        case holder([Bool], own: Bool)
        case number((Queue, QueueIndex.Slot, QueueIndex.Row, Timestamp) -> Int64?, FilterTerm.Comparison, Int64)
        case never
    }

    /// A test of a text in the arena.
    private enum Text {
        case contains([UInt8])
        case equals([UInt8])
        case matches(FilterPattern)
        init(_ test: FilterTerm.TextTest) {
            switch test {
            case .contains(let word): self = .contains(Array(word.utf8))
            case .equals(let word): self = .equals(Array(FilterTerm.TextTest.bare(word).utf8))
            case .matches(let pattern): self = .matches(pattern)
            }
        }
    }

    private struct Term {
        let test: Test
        let isNegated: Bool
        /// What it says of a shared text, by its name in the index.
        var known: [Interner.Name: Bool] = [:]
    }

    private var alternatives: [[Term]]
    private let queue: Queue
    private let now: Timestamp
    /// The newest destination when the scan began.
    private let newest: Int
    /// No recipient has to be looked at.
    let matchesAll: Bool

    init(_ filter: FilterExpression, in queue: Queue) {
        self.queue = queue
        self.now = queue.now
        self.newest = queue.scheduler.destinations.newest
        self.matchesAll = filter.matchesAll
        self.alternatives = []
        self.alternatives = filter.alternatives.map { terms in
            terms.map { Term(test: self.test($0.test), isNegated: $0.isNegated) }
        }
    }

    private func test(_ test: FilterTerm.Test) -> Test {
        switch test {
        case .never: return .never
        case .plain(let text):
            // Most words are in no queue ID, whose text is made for each look.
            let isPartOfID = if case .contains(let word) = text { QueueID.isPart(word) } else { true }
            return .plain(Text(text), isPartOfID: isPartOfID)
        case .text(.id, let text): return .id(Text(text))
        case .text(.from, let text): return .from(Text(text))
        case .text(.to, let text): return .to(Text(text))
        case .text(.dest, let text):
            return .destination(
                self.queue.scheduler.destinations.places.map { text.holds($0.nextHop.description) },
                isUnrouted: text.holds(noRoute))
        case .text(.reply, let text): return .reply { text.holds($0) }
        case .text(.failure, let text): return .reply { text.holds(ReplyFingerprint(of: $0).text) }
        case .text(.peer, let text): return .client(text)
        case .text(.user, let text): return .user(text)
        case .text(.tls, let text): return .tls(text)
        case .text(.node, let text):
            let others = (0...UInt8.max).map { text.holds(self.queue.scheduler.nodeName($0)) }
            return .holder(others, own: text.holds(self.queue.node))
        case .state(let prefix):
            return .state(
                RecipientState.allCases.map { $0.word.hasPrefix(prefix) },
                orDamaged: WaitReason.isDamageMeant(by: prefix))
        case .code(let prefix): return .reply { FilterTerm.code(of: $0, begins: prefix) }
        case .number(.code, let comparison, let value):
            return .reply { FilterTerm.code(of: $0).map { comparison.holds($0, value) } ?? false }
        case .number(let field, let comparison, let value):
            return Self.number(field).map { .number($0, comparison, value) } ?? .never
        case .text, .moment: return .never
        }
    }

    private static func number(
        _ field: FilterField
    ) -> ((Queue, QueueIndex.Slot, QueueIndex.Row, Timestamp) -> Int64?)? {
        switch field {
        case .age: { queue, slot, _, now in now.milliseconds - queue.scheduler.index.arrived[Int(slot)] }
        case .size: { queue, slot, _, _ in Int64(queue.scheduler.index.octets[Int(slot)]) }
        case .try: { queue, _, row, _ in Int64(queue.scheduler.index.tries[Int(row)]) }
        case .next: { queue, _, row, now in queue.scheduler.nextAttempt(row, at: now).map { max($0.since(now), 0) } }
        case .id, .from, .to, .dest, .state, .code, .reply, .failure, .tls, .user, .peer, .name, .at, .since, .until,
            .actor,
            .msgid, .rid, .subject, .session, .idle, .node:
            nil
        }
    }

    /// Whether an unsettled recipient of the message does.
    func matches(_ slot: QueueIndex.Slot) -> Bool {
        if self.matchesAll { return true }
        var row = self.queue.scheduler.index.firstRow[Int(slot)]
        while row >= 0 {
            if !self.queue.scheduler.index.states[Int(row)].isSettled, self.matches(row, of: slot) { return true }
            row = self.queue.scheduler.index.nextRow[Int(row)]
        }
        return false
    }

    func matches(_ row: QueueIndex.Row, of slot: QueueIndex.Slot) -> Bool {
        if self.matchesAll { return true }
        for place in self.alternatives.indices where self.holds(place, slot, row) { return true }
        return false
    }

    /// The recipient whose state the message shows: its least happy unsettled one, among those that match and are wanted.
    func leadingRow(
        _ slot: QueueIndex.Slot, where isWanted: (QueueIndex.Row) -> Bool = { _ in true }
    ) -> QueueIndex.Row {
        var leading = self.queue.scheduler.index.firstRow[Int(slot)]
        // One that matches goes before all others.
        var unhappiness = -1
        for row in self.queue.scheduler.index.rows(of: slot) {
            let other = self.queue.scheduler.index.states[Int(row)].unhappiness
            if other > unhappiness, self.matches(row, of: slot), isWanted(row) { (leading, unhappiness) = (row, other) }
        }
        return leading
    }

    // Nothing is copied out of the index or the terms here: it would cost more than what is done with it.
    private func holds(_ alternative: Int, _ slot: QueueIndex.Slot, _ row: QueueIndex.Row) -> Bool {
        for place in self.alternatives[alternative].indices
        where self.found(alternative, place, slot, row) == self.alternatives[alternative][place].isNegated {
            return false
        }
        return true
    }

    private func found(_ alternative: Int, _ place: Int, _ slot: QueueIndex.Slot, _ row: QueueIndex.Row) -> Bool {
        switch self.alternatives[alternative][place].test {
        case .plain(let text, let isPartOfID):
            self.holds(text, at: self.queue.scheduler.index.toText[Int(row)])
                || self.holds(text, at: self.queue.scheduler.index.fromText[Int(slot)])
                || isPartOfID && self.holds(text, self.queue.scheduler.index.id(slot))
        case .id(let text): self.holds(text, self.queue.scheduler.index.id(slot))
        case .from(let text): self.holds(text, at: self.queue.scheduler.index.fromText[Int(slot)])
        case .to(let text): self.holds(text, at: self.queue.scheduler.index.toText[Int(row)])
        case .destination(let found, let isUnrouted):
            switch Int(self.queue.scheduler.index.destinations[Int(row)]) {
            case ..<0: isUnrouted
            // One that came up since the scan began is looked at in the next.
            case let destination:
                self.queue.scheduler.destinations[QueueIndex.DestinationIndex(destination)].number <= self.newest
                    && found[destination]
            }
        case .state(let found, let orDamaged):
            found[Int(self.queue.scheduler.index.states[Int(row)].rawValue)]
                || orDamaged && self.queue.scheduler.index.states[Int(row)] == .hold
                    && self.known(
                        alternative, place, self.queue.scheduler.index.replies[Int(row)], SpoolError.tellsOfDamage)
                        ?? false
        case .reply(let test):
            // One without a reply of its own shows why its destination waits.
            self.known(alternative, place, self.queue.scheduler.index.replies[Int(row)], test)
                ?? self.queue.scheduler.reason(row, at: self.now).map(test) ?? false
        case .client(let test):
            self.known(alternative, place, self.queue.scheduler.index.clients[Int(slot)]) { test.holds($0) } ?? false
        case .user(let test):
            self.known(alternative, place, self.queue.scheduler.index.users[Int(slot)]) { test.holds($0) } ?? false
        case .tls(let test):
            self.known(alternative, place, self.queue.scheduler.index.tls[Int(slot)]) { test.holds($0) } ?? false
        case .holder(let others, let own):
            self.queue.scheduler.index.holders[Int(slot)].map { others[Int($0)] } ?? own
        case .number(let number, let comparison, let value):
            number(self.queue, slot, row, self.now).map { comparison.holds($0, value) } ?? false
        case .never: false
        }
    }

    /// What is asked of a text that many share, asked once.
    ///
    /// - Returns: `nil` where there is no text.
    private func known(
        _ alternative: Int, _ place: Int, _ name: Interner.Name, _ test: (String) -> Bool
    ) -> Bool? {
        guard name != 0 else { return nil }
        if let known = self.alternatives[alternative][place].known[name] { return known }
        let found = self.queue.scheduler.index.string(name).map(test) ?? false
        self.alternatives[alternative][place].known[name] = found
        return found
    }

    private func holds(_ text: Text, at start: UInt32) -> Bool {
        switch text {
        case .contains(let word): self.queue.scheduler.index.text.contains(word, at: start)
        case .equals(let word): self.queue.scheduler.index.text.isPath(word, at: start)
        case .matches(let pattern): self.queue.scheduler.index.text.matches(pattern, at: start)
        }
    }

    private func holds(_ text: Text, _ id: QueueID) -> Bool {
        switch text {
        case .contains(let word): id.contains(word)
        case .equals(let word): id.description.foldedASCII.utf8.elementsEqual(word)
        case .matches(let pattern): pattern.matches(id.description)
        }
    }
}
