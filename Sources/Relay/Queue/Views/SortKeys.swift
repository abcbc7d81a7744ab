import Mail
import Monitor

/// What a sort of the queue compares, collected slot by slot.
final class SortKeys {
    struct Entry: Comparable, Sendable {
        var rank: QueueRank
        var slot: QueueIndex.Slot
        /// Whose slot it was when it matched: until the order is shown, that may be free, or another message's.
        var id: Int64
        static func < (left: Entry, right: Entry) -> Bool { left.rank < right.rank }
    }
    private let key: QueueQuery.SortKey
    private(set) var entries: [Entry] = []

    init(_ key: QueueQuery.SortKey) { self.key = key }

    func append(_ slot: QueueIndex.Slot, as matcher: QueueMatcher, of queue: Queue) {
        let id = queue.scheduler.index.ids[Int(slot)]
        let rank = QueueRank(self.value(slot, as: matcher, of: queue), id: id)
        self.entries.append(Entry(rank: rank, slot: slot, id: id))
    }

    private func value(_ slot: QueueIndex.Slot, as matcher: QueueMatcher, of queue: Queue) -> QueueRank.Value {
        // Nothing of the index is copied, not even as a whole: that would cost more than the rest.
        let leading = matcher.leadingRow(slot)
        return switch self.key {
        case .age: .arrived(milliseconds: queue.scheduler.index.arrived[Int(slot)])
        case .size: .octets(queue.scheduler.index.octets[Int(slot)])
        case .tries: .tries(Int(queue.scheduler.index.tries[Int(leading)]))
        case .next: .nextAttempt(milliseconds: queue.scheduler.nextAttempt(leading, at: queue.now)?.milliseconds)
        case .state: .state(queue.scheduler.index.states[Int(leading)])
        case .from: Self.prefix(queue.scheduler.index.text, queue.scheduler.index.fromText[Int(slot)])
        case .to: Self.prefix(queue.scheduler.index.text, queue.scheduler.index.toText[Int(leading)])
        }
    }

    private static func prefix(_ text: TextArena, _ start: UInt32) -> QueueRank.Value {
        .prefix(text.octets[Int(start)...].prefix(17).prefix { $0 != 0 })
    }
}
