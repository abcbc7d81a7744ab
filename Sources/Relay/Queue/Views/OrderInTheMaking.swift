import Monitor
import NIOCore

/// The order of a query's messages while the queue is walked through for it; whoever asks meanwhile waits for the same walk.
/// When there is a first part, it goes on only if somebody wants all: who types a filter is done with each letter's soon.
///
/// Used on the queue's loop.
final class OrderInTheMaking {
    let version: Int
    let started = NIODeadline.now()
    /// When it would have been started to be as far as it is if it had never stood still.
    private(set) var begun: NIODeadline
    private let queue: Queue
    private let matcher: QueueMatcher
    private let keys: SortKeys
    private let patience: TimeAmount
    /// Where the walk goes on.
    private var place = 0
    /// When it stopped; `nil`: it goes on.
    private var stopped: NIODeadline?
    /// Nothing more will be found.
    private(set) var isWhole = false
    private let part: EventLoopPromise<Void>
    /// `nil`: nobody wants all.
    private var whole: EventLoopPromise<Void>?

    /// - Parameter patience: until the first part is handed out, if anything is found.
    init(_ query: QueueQuery, in queue: Queue, patience: TimeAmount) {
        self.version = queue.scheduler.index.version
        self.queue = queue
        self.matcher = QueueMatcher(query.filter, in: queue)
        self.keys = SortKeys(query.sort)
        self.patience = patience
        self.part = queue.loop.makePromise()
        self.begun = self.started
        self.stopped = self.started
    }

    /// What was found so far.
    var entries: [SortKeys.Entry] { self.keys.entries }
    /// Nobody waits for it.
    var isStopped: Bool { self.stopped != nil }

    /// - Returns: completes as soon as something is worth showing, which may be all.
    func findPart() -> EventLoopFuture<Void> {
        self.goOn()
        return self.part.futureResult
    }

    /// - Returns: completes when nothing more will be found.
    func findAll() -> EventLoopFuture<Void> {
        guard !self.isWhole else { return self.queue.loop.makeSucceededVoidFuture() }
        let whole = self.whole ?? self.queue.loop.makePromise()
        self.whole = whole
        self.goOn()
        return whole.futureResult
    }

    private func goOn() {
        guard !self.isWhole, let stopped = self.stopped else { return }
        self.begun = self.begun + (.now() - stopped)
        self.stopped = nil
        self.walk()
    }

    /// Some thousands a turn of the loop.
    private func walk() {
        let end = min(self.place + Queue.slotsInTurn, self.queue.scheduler.index.ids.count)
        while self.place < end {
            let slot = QueueIndex.Slot(self.place)
            if self.queue.scheduler.index.ids[self.place] != 0, self.matcher.matches(slot) {
                self.keys.append(slot, as: self.matcher, of: self.queue)
            }
            self.place += 1
        }
        self.isWhole = self.place >= self.queue.scheduler.index.ids.count
        let isPart = !self.keys.entries.isEmpty && .now() - self.begun > self.patience
        if self.isWhole || isPart { self.part.succeed() }
        if self.isWhole || isPart && self.whole == nil {
            self.stopped = .now()
            self.whole?.succeed()
        } else {
            self.queue.loop.assumeIsolated().execute { self.walk() }
        }
    }
}
