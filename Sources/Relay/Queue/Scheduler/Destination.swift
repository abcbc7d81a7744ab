import HeapModule
import Mail
import SMTP

/// A next hop, with the mail that is ready for it. Its sessions are those of the site that it leads to.
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

    /// What is known of where it leads.
    enum Lookup: Equatable {
        /// Nobody was asked, or the answer is old.
        case due
        /// It was asked, and has not been answered.
        case asked
        /// It leads to ``gate``, and is asked about again after that time; `nil`: never, since a route names its hosts.
        case found(until: Timestamp?)
        /// No host ever takes mail for it: what is ready is returned with this reply.
        case refused(Reply)
    }

    let nextHop: NextHop
    /// Under which the operator orders something about it.
    let nameInOrders: String
    /// A number that no other destination ever has, while its index goes to another one after it.
    let number: Int
    /// Due recipients: those of the highest priority first, among equals the oldest due. An entry whose stamp is old is
    /// passed over.
    private var ready = Heap<Entry>()
    /// The way to its site; `nil` before that is known.
    var gate: GateTable.Index?
    /// It has its turn there.
    var isInTurn = false
    /// It is remembered there without mail.
    var isResting = false
    private(set) var lookup: Lookup
    /// While its hosts cannot be found out.
    private(set) var backOff = BackOff()
    private var ownSuspension: Suspension?
    var isSuspendedItself: Bool { self.ownSuspension != nil }
    /// All hosts that it leads to are suspended by their own names: until the first of them may be tried again.
    private(set) var suspensionOfHosts: Suspension?
    /// Nothing goes there as long as there is one.
    var suspension: Suspension? { self.ownSuspension ?? self.suspensionOfHosts }
    /// The operator's limit of sessions, in place of the configured one.
    private(set) var limitForNow: Int?
    private(set) var isRemoved = false

    init(_ nextHop: NextHop, number: Int) {
        self.nextHop = nextHop
        self.nameInOrders = nextHop.nameInOrders
        self.number = number
        self.lookup =
            switch nextHop.place {
            case .hosts: .found(until: nil)
            case .exchangers: .due
            }
    }

    /// Takes on what the operator ordered about it.
    mutating func obey(_ orders: DestinationOrders) {
        self.ownSuspension = orders.suspensions.isEmpty ? nil : orders.suspensions[self.nameInOrders]
        self.limitForNow = orders.limits.isEmpty ? nil : orders.limits[self.nameInOrders]
        if case .hosts(let hosts) = self.nextHop.place {
            self.suspensionOfHosts = orders.suspension(ofAll: hosts)
        }
    }

    /// Takes on what the operator ordered about the mail exchangers that it leads to; the hosts of a list are known from the
    /// start.
    mutating func obey(_ orders: DestinationOrders, at exchangers: [SocketEndpoint]) {
        guard case .exchangers = self.nextHop.place else { return }
        self.suspensionOfHosts = orders.suspension(ofAll: exchangers)
    }

    // MARK: the line

    /// How many are ready, or were.
    var waiting: Int { self.ready.count }
    var first: Entry? { self.ready.min }
    mutating func add(_ entry: Entry) { self.ready.insert(entry) }
    mutating func takeFirst() -> Entry? { self.ready.popMin() }

    /// How many are ready before it; about, where there are thousands.
    func waiting(before entry: Entry) -> Int {
        let all = self.ready.unordered
        let step = max(all.count / 4096, 1)
        let looked = stride(from: 0, to: all.count, by: step)
        let before = looked.reduce(0) { $0 + (all[$1] < entry ? 1 : 0) }
        return before * step
    }

    /// Forgets what is no longer current when there is much more of it than there can be of the rest, as after many orders
    /// while nothing goes out.
    ///
    /// - Parameter count: rows that there are.
    mutating func forgetStale(beyond count: Int, isCurrent: (Entry) -> Bool) {
        guard self.ready.count > 2 * count + 1000 else { return }
        self.ready = Heap(self.ready.unordered.filter(isCurrent))
    }

    // MARK: the way

    /// Whether somebody has to be asked before its mail can go on.
    func mustAsk(at now: Timestamp) -> Bool {
        switch self.lookup {
        case .due: !self.backOff.isOn(at: now) || self.backOff.mayProbe
        case .found(let until): until.map { $0 <= now } ?? false
        case .asked, .refused: false
        }
    }

    mutating func asks() {
        self.lookup = .asked
        self.backOff.began()
    }

    mutating func found(until: Timestamp) {
        self.lookup = .found(until: until)
        self.backOff.succeeded()
    }

    mutating func refused(_ reply: Reply) {
        self.lookup = .refused(reply)
        self.backOff.succeeded()
    }

    /// There are no hosts for now, and it is asked about again then.
    mutating func notFound(_ reason: String, until: Timestamp) {
        self.lookup = .due
        self.backOff.failed(reason, until: until)
    }

    /// What was refused is returned; mail that comes later asks anew.
    mutating func refusalIsOver() { self.lookup = .due }

    @discardableResult
    mutating func allowProbe(for order: Int?) -> Bool { self.backOff.allowProbe(for: order) }

    /// The time of day jumped by this many milliseconds.
    mutating func shift(by jump: Int64) {
        self.backOff.shift(by: jump)
        if case .found(let until?) = self.lookup { self.lookup = .found(until: until.adding(milliseconds: jump)) }
        self.ready = Heap(self.ready.unordered.map { $0.shifted(by: jump) })
    }

    /// Leaves a place for another destination.
    mutating func remove() {
        self.isRemoved = true
        self.ready = Heap()
    }
}
