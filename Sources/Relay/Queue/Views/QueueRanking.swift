import Mail
import Monitor
import NIOCore

/// The order of a query's messages at one moment.
struct QueueRanking {
    var query: QueueQuery
    var version: Int
    var made: NIODeadline
    var cost: TimeAmount
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
