import DequeModule
import Mail

/// What is on its way to one next hop: who waits for a session, how many sessions there may be, and since when it does
/// not answer.
///
/// `@unchecked Sendable`: the queue's event loop owns it, and touches it alone.
final class Destination: @unchecked Sendable {
    /// A row that was ready when its stamp was this.
    struct Entry {
        var row: QueueIndex.Row
        var stamp: UInt32
        /// Of its message (RFC 6710).
        var priority: Int8 = 0
    }

    let nextHop: NextHop
    let index: QueueIndex.DestinationIndex
    /// Due recipients: those of the highest priority first, among equals the oldest due. An entry whose stamp is old is
    /// passed over.
    private(set) var ready: Deque<Entry> = []
    var connections: [ObjectIdentifier: OutboundConnection] = [:]
    /// Of these: sessions that wait for a transaction.
    var idle: [OutboundConnection] = []
    /// How many sessions are tried at a time: one more with each success, half with a failure. The first number is that of
    /// Postfix (initial_destination_concurrency).
    private(set) var window = 5
    /// Failures to get a session, in a row.
    private(set) var failures = 0
    /// While set and ahead, no session is opened.
    private(set) var backoffUntil: Timestamp?
    /// Why, in words.
    private(set) var reason: String?
    /// The operator asked: one session may be tried in spite of the back-off.
    var mayProbe = false
    /// Sessions that are about to be opened.
    var reserved = 0

    init(_ nextHop: NextHop, index: QueueIndex.DestinationIndex) {
        self.nextHop = nextHop
        self.index = index
    }

    /// - Parameter isFirst: before the others of its priority.
    func add(_ entry: Entry, isFirst: Bool = false) {
        var place = isFirst ? self.ready.startIndex : self.ready.endIndex
        if isFirst {
            while place < self.ready.endIndex, self.ready[place].priority > entry.priority { place += 1 }
        } else {
            while place > self.ready.startIndex, self.ready[place - 1].priority < entry.priority { place -= 1 }
        }
        self.ready.insert(entry, at: place)
    }
    func takeFirst() -> Entry? { self.ready.popFirst() }

    /// Orders leave old entries behind while nothing goes out; more than so many entries are looked through.
    func forgetStale(beyond count: Int, isCurrent: (Entry) -> Bool) {
        if self.ready.count > count + 1000 { self.ready.removeAll { !isCurrent($0) } }
    }

    func isBackingOff(at now: Timestamp) -> Bool { self.backoffUntil.map { $0 > now } ?? false }

    /// How many sessions may be open now.
    func allowed(limit: Int, at now: Timestamp) -> Int {
        if self.isBackingOff(at: now) { return self.mayProbe ? 1 : 0 }
        // After a back-off one session shows whether the hop is back before others follow.
        return self.failures > 0 ? 1 : min(self.window, limit)
    }

    func succeeded(limit: Int) {
        self.window = min(self.window + 1, max(limit, 1))
        self.failures = 0
        self.backoffUntil = nil
        self.reason = nil
        self.mayProbe = false
    }

    /// The time of day jumped by so many milliseconds.
    func shift(by jump: Int64) { self.backoffUntil = self.backoffUntil?.adding(milliseconds: jump) }

    /// A session broke while others go on.
    func congested() { self.window = max(1, self.window / 2) }

    func failed(_ reason: String, until: Timestamp) {
        self.window = max(1, self.window / 2)
        self.failures += 1
        self.reason = reason
        self.backoffUntil = until
        self.mayProbe = false
    }
}
