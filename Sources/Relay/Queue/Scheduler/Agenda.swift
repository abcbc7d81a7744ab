import HeapModule
import Mail
import SMTP

/// What is to be looked at when its time comes: recipients that wait, what may go on then, and what senders set a
/// time for.
struct Agenda {
    /// A row that is to be looked at, unless its stamp has changed.
    struct Due: Comparable {
        var at: Int64
        var row: QueueIndex.Row
        var stamp: UInt32
        static func < (left: Due, right: Due) -> Bool { left.at < right.at }
    }

    /// Something may go on: a back-off ends, a rate allows more, another session may be worth it. What was there may be gone.
    struct Look: Comparable {
        enum Place {
            case gate(GateTable.Index)
            case destination(DestinationTable.Index)
        }
        var at: Int64
        var place: Place
        static func == (left: Look, right: Look) -> Bool { left.at == right.at }
        static func < (left: Look, right: Look) -> Bool { left.at < right.at }
    }

    /// When mail has to be there (RFC 2852).
    struct Deadline: Comparable {
        var at: Int64
        var message: QueueID
        /// Milliseconds that it may take, without time on hold.
        var allowed: Int64
        var mode: MailParameters.DeliverBy.Mode
        /// What is told then.
        var why: String
        static func < (left: Deadline, right: Deadline) -> Bool { left.at < right.at }
    }

    private var dues = Heap<Due>()
    private var looks = Heap<Look>()
    private var deadlines = Heap<Deadline>()

    /// When there is something to look at, in milliseconds.
    var next: Int64? {
        let next = min(self.dues.min?.at ?? .max, self.looks.min?.at ?? .max, self.deadlines.min?.at ?? .max)
        return next == .max ? nil : next
    }

    mutating func add(_ due: Due) { self.dues.insert(due) }
    mutating func add(_ look: Look) { self.looks.insert(look) }
    mutating func add(_ deadline: Deadline) { self.deadlines.insert(deadline) }

    /// Forgets the deadlines of mail that is gone when there are many more than mail: its sender may have set one in years, and
    /// most mail is there in a second.
    ///
    /// - Parameter count: messages that there are.
    mutating func forgetDeadlines(beyond count: Int, isQueued: (QueueID) -> Bool) {
        guard self.deadlines.count > 2 * count + 1000 else { return }
        var known: Set<QueueID> = []
        self.deadlines = Heap(
            self.deadlines.unordered.filter { isQueued($0.message) && known.insert($0.message).inserted })
    }

    mutating func takeDue(at now: Timestamp) -> Due? { Self.take(&self.dues) { $0.at <= now.milliseconds } }
    mutating func takeLook(at now: Timestamp) -> Look? { Self.take(&self.looks) { $0.at <= now.milliseconds } }
    mutating func takeDeadline(at now: Timestamp) -> Deadline? {
        Self.take(&self.deadlines) { $0.at <= now.milliseconds }
    }

    private static func take<Item: Comparable>(_ items: inout Heap<Item>, _ isOver: (Item) -> Bool) -> Item? {
        guard let first = items.min, isOver(first) else { return nil }
        return items.popMin()
    }

    /// Forgets what is no longer current when there is much more of it than there can be of the rest, as after many orders.
    ///
    /// - Parameter count: rows that there are.
    mutating func forgetStale(beyond count: Int, isCurrent: (Due) -> Bool) {
        guard self.dues.count > 2 * count + 1000 else { return }
        self.dues = Heap(self.dues.unordered.filter(isCurrent))
    }

    /// The time of day jumped by this many milliseconds, and what waits still has to wait as long as before.
    mutating func shift(by jump: Int64) {
        self.dues = Heap(self.dues.unordered.map { Due(at: $0.at + jump, row: $0.row, stamp: $0.stamp) })
        self.looks = Heap(self.looks.unordered.map { Look(at: $0.at + jump, place: $0.place) })
        self.deadlines = Heap(
            self.deadlines.unordered.map { deadline in
                var deadline = deadline
                deadline.at += jump
                return deadline
            })
    }
}
