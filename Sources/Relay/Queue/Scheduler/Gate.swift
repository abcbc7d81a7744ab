import DequeModule
import Mail

/// The way into a site: how many sessions there are and may be, since when it does not answer, and whose turn it is. All
/// destinations whose mail goes to the same hosts, under the same terms, share it.
struct Gate {
    struct Key: Hashable {
        var site: Site
        var security: RouteSecurity
        var limits: RouteLimits
    }

    /// What is said to who wants to open one more session.
    enum Answer: Equatable {
        case open
        /// Those that there are will soon be free; ask again then.
        case later(Timestamp)
        /// Something has to end before.
        case full
    }

    /// Sessions that need no other reason than mail that waits (Postfix: initial_destination_concurrency).
    private static let first = 5
    /// Sessions up to which each success allows one more (Postfix: default_destination_concurrency_limit); beyond them, one
    /// more is to be of use.
    private static let common = 20
    /// What it is worth another session not to wait for, in milliseconds.
    private static let worth = 10.0
    /// For so many milliseconds no more sessions are opened than went well.
    private static let caution: Int64 = 60_000
    /// Destinations without mail that are remembered while there are sessions.
    static let restingLimit = 64

    let key: Key
    /// Made of a digest, and hardly ever needed.
    private(set) lazy var name = self.key.name
    /// Destinations with something ready, the next one first.
    var turns: Deque<DestinationTable.Index> = []
    /// How many destinations lead here.
    var members = 0
    /// Those that have no mail, and may have some again before the last session ends.
    var resting: [DestinationTable.Index] = []
    /// Open, or about to be.
    private(set) var sessions = 0
    /// The numbers of the sessions that wait for a transaction.
    var idle: [Int] = []
    private(set) var backOff = BackOff()
    /// How many sessions are tried at a time: one more with each success, half with a failure.
    private(set) var window = Self.first
    /// So many went well when one more did not, and until when that is heeded.
    private var ceiling: (sessions: Int, until: Timestamp)?
    /// Sessions in a row that broke in a transaction.
    private var breaks = 0
    /// When a transaction began or ended.
    private var progressed = Timestamp(milliseconds: 0)
    private(set) var times = TransactionTimes()
    private var pace: Pace?
    /// Nodes that have a share each of what the site takes; 0: this one has none yet.
    private var nodes = 1
    /// All nodes that the queue ever had, each of which may come back; 0: it is this one's alone.
    private var knownNodes = 0
    /// Another node still has more sessions than its share: none is opened here meanwhile.
    private var isCrowdedElsewhere = false
    /// Where there are fewer connections than nodes.
    var permits = Permits()
    /// It is to be looked at then.
    private(set) var look: Timestamp?
    /// The operator's limit of sessions at all nodes, the least of those for its destinations; `nil`: as configured.
    var limitForNow: Int?
    /// Sessions that were told to end, as there are more than there may be.
    private var leaving: Set<Int> = []
    private(set) var isRemoved = false

    init(_ key: Key) {
        self.key = key
        self.pace = key.limits.rate.map(Pace.init)
    }

    // MARK: sessions

    /// - Parameters:
    ///   - waiting: recipients that are ready, at least one; a rough count will do.
    ///   - limit: of sessions.
    func mayOpen(for waiting: Int, limit: Int, at now: Timestamp) -> Answer {
        // A session that shows whether the site is back needs a permit too.
        guard limit > 0 else { return .full }
        // After a back-off one session shows whether the site is back before others follow.
        if self.backOff.isOn(at: now) { return self.backOff.mayProbe && self.sessions == 0 ? .open : .full }
        if self.backOff.failures > 0 { return self.sessions == 0 ? .open : .full }
        guard self.sessions < min(self.window, limit) else { return .full }
        guard self.sessions >= Self.first else { return .open }
        // What waits would wait so long for those that there are, if they go on as they did, or as they do not.
        let pace = max(self.times.mean ?? 0, Double(now.since(self.progressed)))
        let share = Double(max(waiting, 1)) / Double(self.sessions)
        if share * pace >= Self.worth { return .open }
        return .later(self.progressed.adding(milliseconds: max(Int64((Self.worth / share).rounded(.up)), 5)))
    }

    /// How many sessions this node may have.
    ///
    /// - Parameter configured: for all nodes, where neither the operator nor a route says another number.
    func limit(configured: Int) -> Int {
        guard self.nodes > 0 else { return 0 }
        let share =
            if let limit = self.limitWithPermits(configured: configured) {
                min(limit, self.permits.usable)
            } else {
                self.limitOfAll(configured: configured).shared(among: self.nodes)
            }
        return self.isCrowdedElsewhere ? min(share, self.sessions) : share
    }

    /// Other nodes have gone down to their shares for this one.
    var hasShare: Bool { self.nodes > 0 && !self.isCrowdedElsewhere }

    mutating func divide(_ division: GateTable.Division) {
        self.nodes = division.nodes
        self.knownNodes = division.known
        self.pace?.nodes = max(1, division.nodes)
        self.isCrowdedElsewhere = division.crowded.isEmpty ? false : division.crowded.contains(self.name)
    }

    /// Whether there are more sessions than this node's share, so that no other node can have all of its own; those that were
    /// counted as permits are everybody's business already.
    func isCrowded(configured: Int, nodes: Int, known: Int) -> Bool {
        guard self.sessions > 0 else { return false }
        let limit = self.limitOfAll(configured: configured)
        return self.sessions
            > (limit < Self.permitsBelow(nodes: known) ? self.permits.held : limit.shared(among: nodes))
    }

    /// How many all nodes together may have.
    func limitOfAll(configured: Int) -> Int { self.limitForNow ?? self.key.limits.connections ?? configured }

    /// The same where each session needs a permit, as there may be nodes for which there is none; `nil`: each node has its share.
    ///
    /// It does not depend on who is up: so what one node has when another comes up is counted already.
    func limitWithPermits(configured: Int) -> Int? {
        let limit = self.limitOfAll(configured: configured)
        return limit < Self.permitsBelow(nodes: self.knownNodes) ? limit : nil
    }

    /// Where all nodes together may have fewer sessions than that, each session needs a permit.
    ///
    /// - Parameter nodes: that the queue ever had; 0: it is this one's alone.
    static func permitsBelow(nodes: Int) -> Int { nodes > 0 ? max(nodes, 2) : 0 }

    /// Why no more sessions are opened, where that is a limit; `nil`: none was set, or there may be more. Where each session
    /// needs a permit it is the limit of all nodes, and `isElsewhere` says that this one has none.
    func fullLimit(configured: Int) -> (connections: Int, isElsewhere: Bool)? {
        let limit = self.limit(configured: configured)
        guard self.sessions >= limit else { return nil }
        let all = self.limitWithPermits(configured: configured)
        if all != nil || !self.hasShare, self.sessions == 0 { return (self.limitOfAll(configured: configured), true) }
        guard self.limitForNow != nil || self.key.limits.connections != nil else { return nil }
        return (all ?? limit, false)
    }

    mutating func opened() {
        self.backOff.began()
        self.sessions += 1
    }

    /// A session that waits for a transaction, and is more than there may be by now; it is to end.
    ///
    /// - Parameter configured: as for ``limit(configured:)``.
    /// - Returns: `nil` when there are no more of these.
    mutating func takeSurplus(configured: Int) -> Int? {
        guard self.sessions - self.leaving.count > self.limit(configured: configured),
            let session = self.idle.popLast()
        else { return nil }
        self.leaving.insert(session)
        return session
    }

    /// Where there may be no more sessions, and none of those that wait is of use to the mail whose turn it is: one of them is
    /// to end.
    ///
    /// - Returns: `nil`: there is none, or one that was told to end is awaited.
    mutating func takeUseless() -> Int? {
        guard self.leaving.isEmpty, let session = self.idle.popLast() else { return nil }
        self.leaving.insert(session)
        return session
    }

    mutating func closed(_ session: Int) {
        self.sessions -= 1
        self.leaving.remove(session)
        self.idle.removeAll { $0 == session }
    }

    // MARK: transactions

    /// When the rate allows the next transaction; `nil`: now.
    func notBefore(_ now: Timestamp) -> Timestamp? { self.pace.flatMap { $0.notBefore(now) } }

    /// When the rate allows the one that goes after so many others; `nil`: it does not matter.
    func time(ofTransactionAfter others: Int, at now: Timestamp) -> Timestamp? {
        self.pace.flatMap { $0.notBefore(now, after: others) }
    }

    /// How long so many transactions take, in milliseconds, with as many sessions as they will probably get; `nil` when none
    /// was made yet.
    func time(for transactions: Int, limit: Int) -> Int64? {
        let limit = max(1, self.limit(configured: limit))
        let sessions = min(self.times.isLatency ? limit : min(limit, Self.common), max(transactions, 1))
        let work = self.times.mean.map { $0 * Double(transactions) / Double(sessions) }
        let pace = self.pace.map { $0.interval * Double(transactions) }
        guard let time = [work, pace].compactMap({ $0 }).max() else { return nil }
        return Int64(time.rounded(.up))
    }

    mutating func began(at now: Timestamp) {
        self.progressed = now
        self.pace?.began(at: now)
    }

    /// The site answered, whatever it said of the mail.
    ///
    /// - Parameters:
    ///   - milliseconds: that it took.
    ///   - isTelling: that is the site's time, and not that of opening a session or of much content.
    ///   - limit: of sessions.
    mutating func succeeded(in milliseconds: Int64, isTelling: Bool, limit: Int, at now: Timestamp) {
        self.progressed = now
        self.breaks = 0
        if self.backOff.failures > 0 { self.backOff.succeeded() }
        if isTelling { self.times.add(milliseconds, at: now) } else { self.times.guess(milliseconds) }
        guard self.sessions >= self.window, self.window < limit else { return }
        if let ceiling = self.ceiling {
            if self.window >= ceiling.sessions, ceiling.until > now { return }
            if ceiling.until <= now { self.ceiling = nil }
        }
        if self.window < Self.common || self.times.isLatency { self.window += 1 }
    }

    /// A session broke in a transaction, as the site ended it, or did not answer any more.
    ///
    /// - Returns: whether it is the site that fails: there was no other session, and it is not the first time.
    mutating func broke(at now: Timestamp) -> Bool {
        self.breaks += 1
        guard self.sessions > 1 || self.breaks < 2 else { return true }
        self.congested(at: now)
        return false
    }

    /// One session more than go well.
    mutating func congested(at now: Timestamp) {
        self.progressed = now
        let others = max(1, self.sessions - 1)
        self.window = min(max(1, self.window / 2), others)
        self.ceiling = (others, now.adding(milliseconds: Self.caution))
    }

    mutating func failed(_ reason: String, until: Timestamp) {
        self.window = max(1, self.window / 2)
        self.backOff.failed(reason, until: until)
    }

    @discardableResult
    mutating func allowProbe(for order: Int?) -> Bool { self.backOff.allowProbe(for: order) }

    /// Whether a host of the site may be tried again that was suspended.
    func gains(by orders: DestinationOrders, after before: DestinationOrders) -> Bool {
        self.key.site.hosts.contains {
            before.suspension(of: $0.endpoint) != nil && orders.suspension(of: $0.endpoint) == nil
        }
    }

    // MARK: time

    /// - Returns: whether nobody looks before already.
    mutating func willLook(at time: Timestamp) -> Bool {
        if let look = self.look, look <= time { return false }
        self.look = time
        return true
    }

    /// It is looked at.
    mutating func looked(at now: Timestamp) {
        if let look = self.look, look <= now { self.look = nil }
    }

    /// The time of day jumped by this many milliseconds.
    mutating func shift(by jump: Int64) {
        self.backOff.shift(by: jump)
        self.times.shift(by: jump)
        self.pace?.shift(by: jump)
        self.permits.shift(by: jump)
        self.progressed = self.progressed.adding(milliseconds: jump)
        self.look = self.look?.adding(milliseconds: jump)
        if let ceiling = self.ceiling { self.ceiling?.until = ceiling.until.adding(milliseconds: jump) }
    }

    /// Leaves a place for another one.
    mutating func remove() {
        self.isRemoved = true
        self.turns = []
        self.resting = []
        self.idle = []
    }
}
