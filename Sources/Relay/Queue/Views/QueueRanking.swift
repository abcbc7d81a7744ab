import Mail
import Monitor
import NIOCore

/// Of which moment something is that was worked out of the whole queue, and what that cost.
struct QueueViewAge {
    /// The index's at the beginning.
    var version: Int
    var made: NIODeadline
    var cost: TimeAmount
    init(version: Int, since begun: NIODeadline) {
        self.version = version
        self.made = .now()
        self.cost = self.made - begun
    }
}

/// A query's groups at one moment.
struct GroupedQueue {
    var query: QueueQuery
    var grouping: QueueGrouping
    var age: QueueViewAge
    var groups: QueueGroups
}

/// The order of a query's messages at one moment.
struct QueueRanking {
    var query: QueueQuery
    var age: QueueViewAge
    var slots: [QueueIndex.Slot]
    var ids: [Int64]
}

/// The sorts of the last few queries; several watchers may look at once.
struct QueueRankings {
    private var rankings: [QueueRanking] = []
    subscript(query: QueueQuery) -> QueueRanking? {
        get { self.rankings.first { $0.query == query } }
        set {
            self.rankings.removeAll { $0.query == query }
            if let newValue { self.rankings.insert(newValue, at: 0) }
            if self.rankings.count > 4 { self.rankings.removeLast() }
        }
    }
}
