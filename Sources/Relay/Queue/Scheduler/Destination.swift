import HeapModule
import Mail

/// What is on its way to one next hop: who waits for a session, how many sessions there may be, and since when it does
/// not answer.
struct Destination {
    /// A row that was ready when its stamp was this.
    struct Entry: Comparable {
        /// Orders by priority, then by the time when it was due.
        private var key: Int64
        let row: QueueIndex.Row
        let stamp: UInt32

        /// - Parameters:
        ///   - due: milliseconds.
        ///   - priority: of its message (RFC 6710).
        init(row: QueueIndex.Row, stamp: UInt32, due: Int64, priority: Int8) {
            self.key = -Int64(priority) << 48 + min(max(due, 0), 1 << 48 - 1)
            self.row = row
            self.stamp = stamp
        }

        /// Recipients of a message that are due together go in their order.
        static func < (left: Entry, right: Entry) -> Bool { (left.key, left.row) < (right.key, right.row) }

        func shifted(by jump: Int64) -> Entry {
            var entry = self
            entry.key += jump
            return entry
        }
    }

    let nextHop: NextHop
    /// A number that no other destination ever has, while its index goes to another one after it.
    let number: Int
    /// Due recipients: those of the highest priority first, among equals the oldest due. An entry whose stamp is old is
    /// passed over.
    private var ready = Heap<Entry>()
    /// Open, or about to be.
    var sessions = 0
    /// The numbers of the sessions that wait for a transaction.
    var idle: [Int] = []
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
    private(set) var mayProbe = false
    /// The last order that asked for that; it may come in many parts.
    private var probed: Int?
    private(set) var isRemoved = false

    init(_ nextHop: NextHop, number: Int) {
        self.nextHop = nextHop
        self.number = number
    }

    var first: Entry? { self.ready.min }
    mutating func add(_ entry: Entry) { self.ready.insert(entry) }
    mutating func takeFirst() -> Entry? { self.ready.popMin() }

    /// Forgets what is no longer current when there is much more of it than there can be of the rest, as after many orders
    /// while nothing goes out.
    ///
    /// - Parameter count: rows that there are.
    mutating func forgetStale(beyond count: Int, isCurrent: (Entry) -> Bool) {
        guard self.ready.count > 2 * count + 1000 else { return }
        self.ready = Heap(self.ready.unordered.filter(isCurrent))
    }

    func isBackingOff(at now: Timestamp) -> Bool { self.backoffUntil.map { $0 > now } ?? false }

    /// How many sessions may be open now.
    func allowed(limit: Int, at now: Timestamp) -> Int {
        if self.isBackingOff(at: now) { return self.mayProbe ? 1 : 0 }
        // After a back-off one session shows whether the hop is back before others follow.
        return self.failures > 0 ? 1 : min(self.window, limit)
    }

    /// A new session is opened.
    mutating func opened() {
        self.mayProbe = false
        self.sessions += 1
    }

    /// - Parameter order: names it; it is allowed one session.
    mutating func allowProbe(for order: Int) {
        guard self.probed != order else { return }
        self.probed = order
        self.mayProbe = true
    }

    mutating func succeeded(limit: Int) {
        self.window = min(self.window + 1, max(limit, 1))
        self.failures = 0
        self.backoffUntil = nil
        self.reason = nil
        self.mayProbe = false
    }

    /// The time of day jumped by this many milliseconds.
    mutating func shift(by jump: Int64) {
        self.backoffUntil = self.backoffUntil?.adding(milliseconds: jump)
        self.ready = Heap(self.ready.unordered.map { $0.shifted(by: jump) })
    }

    /// A session broke while others go on.
    mutating func congested() { self.window = max(1, self.window / 2) }

    /// Leaves a place for another destination.
    mutating func remove() {
        self.isRemoved = true
        self.ready = Heap()
        self.idle = []
    }

    mutating func failed(_ reason: String, until: Timestamp) {
        self.window = max(1, self.window / 2)
        self.failures += 1
        self.reason = reason
        self.backoffUntil = until
        self.mayProbe = false
    }
}
