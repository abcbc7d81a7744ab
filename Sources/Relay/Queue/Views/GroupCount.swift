import Mail
import Monitor

/// Counts the recipients that a query matches by what they have in common, in one walk over the queue. Peers choose how many
/// groups there are, so it is bounded: what comes when there are too many is counted in none.
///
/// A reference, so that the scan's closure can add to it.
final class GroupCount {
    /// What tells two groups apart without making a text of each recipient.
    private enum Key: Hashable {
        case destination(QueueIndex.DestinationIndex, number: Int)
        case name(Interner.Name)
        case state(RecipientState)
        case text(String)
        case nothing
    }

    private let grouping: QueueGrouping
    private let now: Timestamp
    private var counted: [QueueGroup] = []
    /// The message that each group counted last.
    private var last: [QueueIndex.Slot] = []
    /// Where the group is that a key speaks of. Several keys may speak of one.
    private var places: [Key: Int] = [:]
    private var placesByValue: [String?: Int] = [:]
    private var recipients = 0
    private var messages = 0
    private var others = 0

    init(_ grouping: QueueGrouping, at now: Timestamp) {
        self.grouping = grouping
        self.now = now
    }

    var groups: QueueGroups {
        QueueGroups(
            self.counted, otherRecipients: self.others, recipients: self.recipients, messages: self.messages,
            at: self.now)
    }

    func add(_ slot: QueueIndex.Slot, as matcher: QueueMatcher, of queue: Queue) {
        var isCounted = false
        for row in queue.scheduler.index.rows(of: slot) {
            let state = queue.scheduler.index.states[Int(row)]
            guard !state.isSettled, matcher.matches(row, of: slot) else { continue }
            self.recipients += 1
            isCounted = true
            guard let place = self.place(slot, row, of: queue) else {
                self.others += 1
                continue
            }
            self.counted[place].recipients[state] += 1
            if self.counted[place].reply == nil { self.counted[place].reply = queue.scheduler.index.reply(row) }
            guard self.last[place] != slot else { continue }
            self.last[place] = slot
            self.counted[place].messages += 1
            self.counted[place].contentOctets += queue.scheduler.index.octets[Int(slot)]
            let arrived = Timestamp(milliseconds: queue.scheduler.index.arrived[Int(slot)])
            self.counted[place].oldest = min(self.counted[place].oldest, arrived)
        }
        if isCounted { self.messages += 1 }
    }

    /// - Returns: `nil` where there are too many groups already.
    private func place(_ slot: QueueIndex.Slot, _ row: QueueIndex.Row, of queue: Queue) -> Int? {
        let key = self.key(slot, row, of: queue)
        if let place = self.places[key] { return place }
        let value = self.value(of: key, queue)
        // Letters of ASCII compare without case, as they do in filters.
        let folded = value?.foldedASCII
        if let place = self.placesByValue[folded] {
            if self.places.count < 2 * QueueGroups.limits.counted { self.places[key] = place }
            return place
        }
        guard self.counted.count < QueueGroups.limits.counted else { return nil }
        let place = self.counted.count
        self.counted.append(QueueGroup(value: value, oldest: self.now))
        self.last.append(-1)
        self.places[key] = place
        self.placesByValue[folded] = place
        return place
    }

    private func key(_ slot: QueueIndex.Slot, _ row: QueueIndex.Row, of queue: Queue) -> Key {
        switch self.grouping {
        case .state: return .state(queue.scheduler.index.states[Int(row)])
        case .sender: return .text(queue.scheduler.index.reversePath(slot))
        case .user:
            let name = queue.scheduler.index.users[Int(slot)]
            return name == 0 ? .nothing : .name(name)
        case .client:
            let name = queue.scheduler.index.clients[Int(slot)]
            return name == 0 ? .nothing : .name(name)
        case .failure:
            let name = queue.scheduler.index.replies[Int(row)]
            if name != 0 { return .name(name) }
            // One without a reply of its own shows why its destination waits.
            return queue.scheduler.reason(row, at: self.now).map { .text($0) } ?? .nothing
        case .destination:
            let index = queue.scheduler.index.destinations[Int(row)]
            return index < 0 ? .nothing : .destination(index, number: queue.scheduler.destinations[index].number)
        }
    }

    private func value(of key: Key, _ queue: Queue) -> String? {
        switch key {
        case .state(let state): return state.word
        case .destination(let index, _): return queue.scheduler.destinations[index].nextHop.description
        case .nothing: return self.grouping == .destination ? noRoute : nil
        case .name(let name):
            let text = queue.scheduler.index.string(name)
            return self.grouping == .failure ? text.map { ReplyFingerprint(of: $0).text } : text
        case .text(let text):
            if self.grouping == .failure { return ReplyFingerprint(of: text).text }
            let bare = FilterTerm.TextTest.bare(text)
            return bare.isEmpty ? text : String(bare)
        }
    }
}
