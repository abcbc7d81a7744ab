import Monitor
import NIOCore

/// The order of a query's messages while the queue is walked through for it; whoever asks meanwhile waits for the same walk.
///
/// Used on the queue's loop.
final class OrderInTheMaking {
    let version: Int
    let begun = NIODeadline.now()
    private let queue: Queue
    private let matcher: QueueMatcher
    private let keys: SortKeys
    private let patience: TimeAmount
    private let firstPart: EventLoopPromise<Void>
    /// Completes as soon as something is worth showing, which may be all.
    var part: EventLoopFuture<Void> { self.firstPart.futureResult }
    /// Nothing more will be found.
    private(set) var isWhole = false

    init(_ query: QueueQuery, in queue: Queue, patience: TimeAmount) {
        self.patience = patience
        self.version = queue.scheduler.index.version
        self.queue = queue
        self.matcher = QueueMatcher(query.filter, in: queue)
        self.keys = SortKeys(query.sort)
        self.firstPart = queue.loop.makePromise()
    }

    /// What was found so far.
    var entries: [SortKeys.Entry] { self.keys.entries }

    /// A part of the queue at a time.
    func look(at slots: Range<Int>) {
        for place in slots where self.queue.scheduler.index.ids[place] != 0 {
            let slot = QueueIndex.Slot(place)
            if self.matcher.matches(slot) { self.keys.append(slot, as: self.matcher, of: self.queue) }
        }
        if !self.keys.entries.isEmpty, .now() - self.begun > self.patience { self.firstPart.succeed() }
    }

    func end() {
        self.isWhole = true
        self.firstPart.succeed()
    }
}
