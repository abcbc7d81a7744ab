public import Mail
import SMTP

// The order of a query's rows, told from the rows alone: whoever holds rows of several nodes can put them in the order
// that each of the nodes has.

/// Where a message stands in a sorted queue: numbers, since a million strings would be slow. Texts compare by their first
/// 16 octets.
public struct QueueRank: Hashable, Comparable, Sendable {
    private let high: UInt64
    private let low: UInt64
    /// The queue ID: what came first goes first among equals.
    private let id: Int64

    /// What is compared.
    public enum Value: Sendable {
        case arrived(milliseconds: Int64)
        case octets(Int)
        case tries(Int)
        case nextAttempt(milliseconds: Int64?)
        case state(RecipientState)
        /// The first 16 octets, as ``prefix(_:)`` reads them.
        case text(UInt64, UInt64)

        /// - Parameter octets: of a text; letters of ASCII compare without case.
        public static func prefix(_ octets: some Sequence<UInt8>) -> Value {
            var words: (UInt64, UInt64) = (0, 0)
            var place = 0
            for octet in octets.prefix(16) {
                let folded = UInt64(octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet) << (56 - 8 * (place & 7))
                if place < 8 { words.0 |= folded } else { words.1 |= folded }
                place += 1
            }
            return .text(words.0, words.1)
        }
    }

    /// - Parameter id: `QueueID.rawValue`.
    public init(_ value: Value, id: Int64) {
        self.id = id
        var low: UInt64 = 0
        switch value {
        // Descending is what an operator expects at first: the oldest on top.
        case .arrived(let milliseconds): self.high = .max - UInt64(clamping: milliseconds)
        case .octets(let octets): self.high = UInt64(clamping: octets)
        case .tries(let tries): self.high = UInt64(clamping: tries)
        case .nextAttempt(let milliseconds): self.high = milliseconds.map { UInt64(clamping: $0) } ?? .max
        case .state(let state): self.high = UInt64(state.unhappiness)
        case .text(let first, let second): (self.high, low) = (first, second)
        }
        self.low = low
    }

    public init(_ row: QueueRow, by key: QueueQuery.SortKey) {
        let value: Value =
            switch key {
            case .age: .arrived(milliseconds: row.arrived.milliseconds)
            case .size: .octets(row.contentOctets ?? 0)
            case .tries: .tries(row.tries)
            case .next: .nextAttempt(milliseconds: row.nextAttempt?.milliseconds)
            case .state: .state(row.state)
            case .from: .prefix(row.from.utf8)
            case .to: .prefix(row.to.utf8)
            }
        // Another MTA names its messages otherwise.
        self.init(value, id: QueueID(row.ref.id)?.rawValue ?? 0)
    }

    public static func < (left: QueueRank, right: QueueRank) -> Bool {
        (left.high, left.low, left.id) < (right.high, right.low, right.id)
    }
}

extension QueueQuery {
    /// Whether one row of the query's stands before another. Of different messages always one does.
    public func isBefore(_ left: QueueRow, _ right: QueueRow) -> Bool {
        let (first, second) = self.descending ? (right, left) : (left, right)
        let ranks = (QueueRank(first, by: self.sort), QueueRank(second, by: self.sort))
        if ranks.0 != ranks.1 { return ranks.0 < ranks.1 }
        return (first.ref.id, first.ref.node) < (second.ref.id, second.ref.node)
    }
}

extension ConnectionQuery {
    /// Whether one row of the query's stands before another. Of different sessions always one does.
    public func isBefore(_ left: ConnectionRow, _ right: ConnectionRow) -> Bool {
        let (first, second) = self.descending ? (right, left) : (left, right)
        if self.sort.isBefore(first, second) { return true }
        if self.sort.isBefore(second, first) { return false }
        // Equals stand as they began, whichever way the rest is turned.
        return (left.started, left.ref.id, left.ref.node) < (right.started, right.ref.id, right.ref.node)
    }
}

extension ConnectionQuery.SortKey {
    fileprivate func isBefore(_ left: ConnectionRow, _ right: ConnectionRow) -> Bool {
        switch self {
        case .started: left.started < right.started
        case .peer: left.peer < right.peer
        case .phase: left.phase.place < right.phase.place
        case .messages: left.messages < right.messages
        case .idle: left.lastActivity > right.lastActivity
        }
    }
}

extension SessionPhase {
    fileprivate var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension RecipientState {
    /// How much a recipient in this state is in need of a look; a message is as unhappy as its unhappiest recipient.
    public var unhappiness: Int {
        switch self {
        case .deferred: 4
        case .hold: 3
        case .queued: 2
        case .active: 1
        case .relayed, .bounced, .expired, .dropped: 0
        }
    }
}
