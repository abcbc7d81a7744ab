import Mail
import Monitor

/// What a sort compares: numbers, since a million strings would be slow. Texts compare by their first 16 octets.
final class SortKeys {
    struct Entry: Comparable, Sendable {
        var high: UInt64
        var low: UInt64
        /// The queue ID: what came first goes first among equals.
        var id: Int64
        var slot: QueueIndex.Slot
        static func < (left: Entry, right: Entry) -> Bool {
            (left.high, left.low, left.id) < (right.high, right.low, right.id)
        }
    }
    private let key: QueueQuery.SortKey
    private(set) var entries: [Entry] = []

    init(_ key: QueueQuery.SortKey) { self.key = key }

    func append(_ slot: QueueIndex.Slot, as matcher: QueueMatcher, of queue: Queue) {
        // Nothing of the index is copied, not even as a whole: that would cost more than the rest.
        let leading = matcher.leadingRow(slot)
        var entry = Entry(high: 0, low: 0, id: queue.scheduler.index.ids[Int(slot)], slot: slot)
        switch self.key {
        // Descending is what an operator expects at first: the oldest on top.
        case .age: entry.high = .max - UInt64(clamping: queue.scheduler.index.arrived[Int(slot)])
        case .size: entry.high = UInt64(clamping: queue.scheduler.index.octets[Int(slot)])
        case .tries: entry.high = UInt64(queue.scheduler.index.tries[Int(leading)])
        case .next:
            entry.high =
                queue.scheduler.nextAttempt(leading, at: queue.now).map { UInt64(clamping: $0.milliseconds) } ?? .max
        case .state: entry.high = UInt64(QueueMatcher.unhappiness(queue.scheduler.index.states[Int(leading)]))
        case .from:
            (entry.high, entry.low) = Self.prefix(queue.scheduler.index.text, queue.scheduler.index.fromText[Int(slot)])
        case .to:
            (entry.high, entry.low) = Self.prefix(
                queue.scheduler.index.text, queue.scheduler.index.toText[Int(leading)])
        }
        self.entries.append(entry)
    }

    private static func prefix(_ text: TextArena, _ start: UInt32) -> (UInt64, UInt64) {
        var octets = [UInt64](repeating: 0, count: 16)
        for place in 0..<16 {
            let octet = text.octets[Int(start) + place]
            guard octet != 0 else { break }
            octets[place] = UInt64(octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet)
        }
        return (octets[..<8].reduce(0) { $0 << 8 | $1 }, octets[8...].reduce(0) { $0 << 8 | $1 })
    }
}
