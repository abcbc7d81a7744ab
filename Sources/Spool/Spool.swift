public import Mail
public import NIOCore

/// What keeps mail safe: messages, recipients, facts. SQLite is one implementation; others share one queue among nodes.
///
/// Every change is one transaction, compares generations and says what really changed. Futures complete on the event loop
/// that is given, with ``SpoolError`` on failure; after a failure nothing of the change remains.
public protocol Spool: Sendable {
    /// A fresh queue ID; cheap, from any thread.
    func nextID(at now: Timestamp) -> QueueID
    /// Opens nothing yet; from any thread.
    func newContentFile(for id: QueueID) -> any StreamedContent

    /// Makes a message durable.
    ///
    /// On success it has reached the disk and the 250 may go out; from here it is ours to deliver or report (RFC 5321
    /// §4.2.5). On failure nothing of it remains but a content file, which the caller discards.
    ///
    /// - Parameter expectingMore: others are about to come, so that a store for which one transaction costs as much as
    ///   another may wait a moment for them.
    func accept(_ message: NewMessage, expectingMore: Bool, on eventLoop: any EventLoop) -> EventLoopFuture<Void>

    /// Writes down what became of attempts: each settlement wholly, with its report, or not at all.
    ///
    /// - Returns: one for each settlement, in order.
    func settle(_ settlements: [Settlement], on eventLoop: any EventLoop) -> EventLoopFuture<[Settled]>

    /// Does what an operator asks, in one transaction, to those recipients that are as the target names them.
    func apply(_ order: Order, on targets: [RecipientTarget], on eventLoop: any EventLoop) -> EventLoopFuture<Applied>

    /// Takes back a drop, as far as its recipients are still dropped and `now` is not past its time: of some messages, in
    /// order of their IDs.
    ///
    /// - Parameter id: the ``Applied/end`` of the part before; `nil` for the first.
    func undo(
        _ token: Int64, after id: QueueID?, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied>

    /// The drops that can be taken back at `now`, each with all its parts; the one whose time ends last comes last.
    func undoable(at now: Timestamp) async throws -> [UndoableDrop]

    /// Forgets drops whose time for undo is over at `time`, and the messages that they alone kept; some of them.
    ///
    /// - Parameter order: whose it is, where an operator does not wait for that time: each drop that is forgotten is a fact then.
    /// - Returns: whether there may be more.
    func purge(at time: Timestamp, by order: PurgeOrder?, on eventLoop: any EventLoop) -> EventLoopFuture<Bool>

    /// Makes a standing rule durable, and a fact.
    ///
    /// - Returns: the rule with its number, which no other ever has.
    func set(
        _ terms: StandingRule.Terms, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule>
    /// Ends a standing rule, which is a fact.
    ///
    /// - Parameter actor: `nil`: its time is over.
    /// - Returns: the rule as it was; `nil`: there is none of that number any more.
    func end(
        rule id: Int64, at now: Timestamp, by actor: String?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule?>
    /// The standing rules that have not ended.
    func rules() async throws -> KeptRules

    /// Makes facts of what changes no mail.
    func note(_ facts: [Fact], on eventLoop: any EventLoop) -> EventLoopFuture<Void>

    /// The content as it was accepted, from memory where it is fresh.
    ///
    /// Fails with ``SpoolError`` `.damaged` when it is missing or not what was accepted. Of large content that shows when it
    /// is read: see ``ContentSource``.
    func content(of id: QueueID, on eventLoop: any EventLoop) -> EventLoopFuture<any ContentSource>

    /// `nil` when it is not in the spool (any more).
    func message(_ id: QueueID) async throws -> SpooledMessage?
    /// The messages that this node holds, in order of their IDs, so that a start takes up its queue page by page.
    func lease(after id: QueueID?, count: Int) async throws -> Lease
    /// The nodes that this one shares the queue with; `nil`: nobody else can have it.
    var fleet: (any Fleet)? { get }

    /// Facts behind the cursor, in order, at most `count`.
    ///
    /// Fails with ``SpoolError`` `.foreign` when the cursor is not one of this store's.
    func facts(after cursor: FactCursor, count: Int) async throws -> FactPage
    /// The newest `count` facts, oldest first; the end is the newest one's also when `count` is 0.
    func newestFacts(count: Int) async throws -> FactPage
    /// All that is kept about a message, oldest first.
    func facts(of id: QueueID) async throws -> [Fact]
    /// Notes how far a reader has come, and makes it known as one if it was not: facts behind that are kept for it, however
    /// old they are, but for the latest two million or so: one that stands still must not fill the disk. What others need no
    /// more than that goes when it is old. A reader never goes back.
    func acknowledge(_ cursor: FactCursor, as reader: String, on eventLoop: any EventLoop) -> EventLoopFuture<Void>
    /// Where a reader goes on after a restart; `nil` when it is not known.
    func acknowledged(by reader: String) async throws -> FactCursor?
    /// Keeps no facts for that reader any more.
    func forget(reader: String, on eventLoop: any EventLoop) -> EventLoopFuture<Void>
    func counters() async throws -> Counters

    /// Policies of domains, beside the mail.
    var policies: any PolicyStore { get }
    /// What domains are to be told of, likewise.
    var tallies: any TallyStore { get }
    /// How the store itself is doing.
    var condition: any SpoolCondition { get }

    /// The relay ends. A store that is reached by a network, and does not answer by then, is waited for no longer: what waits
    /// fails, and so does what follows. The first call counts.
    func giveUp(after time: TimeAmount)
    /// Lets everything that was begun finish, then lets go of the files.
    func close() async
}

extension Spool {
    /// Of a store on this machine's disks nothing else is to be had.
    public func giveUp(after time: TimeAmount) {}

    /// Makes a message durable that is expected to come alone.
    public func accept(_ message: NewMessage, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.accept(message, expectingMore: false, on: eventLoop)
    }

    /// Forgets drops whose time for undo is over, which nobody has to order.
    public func purge(at now: Timestamp, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        self.purge(at: now, by: nil, on: eventLoop)
    }

    /// Makes damage a fact.
    public func report(_ damaged: [Damage], at now: Timestamp, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.note(damaged.map { $0.fact(at: now) }, on: eventLoop)
    }
}

/// What a store has written since it was opened, and what it has not yet.
public struct SpoolWriting: Hashable, Sendable {
    /// Transactions, each of which is one sync.
    public var transactions: Int
    /// Changes in them: messages taken, outcomes, orders.
    public var changes: Int
    /// Octets of content that are in memory only. Large content is in a file by then and not among them.
    public var pendingOctets: Int
    public init(transactions: Int, changes: Int, pendingOctets: Int) {
        self.transactions = transactions
        self.changes = changes
        self.pendingOctets = pendingOctets
    }
}

extension SpoolCondition {
    public var writing: SpoolWriting? { nil }
}

/// How a store is doing, beside the mail in it.
public protocol SpoolCondition: Sendable {
    /// How much new mail there is room for; blocks, so it is called off the event loops.
    ///
    /// - Returns: octets; `nil` where no limit is known.
    /// - Throws: ``SpoolError`` `.unavailable` when the store is gone, read-only, or cannot be opened.
    func freeOctets() throws(SpoolError) -> Int?
    /// Stores something as durably as a message and takes it away again, to see whether what failed works by now.
    func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void>
    /// When the write that stands still longest began, or last moved on; `nil` between writes.
    var writingSince: NIODeadline? { get }
    /// What writing has cost since the start; `nil` where that is not counted.
    var writing: SpoolWriting? { get }
    /// How many facts each reader that acknowledges has not acknowledged yet, by its name.
    func factsBehind() async throws -> [String: Int]
    /// Interrupts those writes that have not moved on since `time`; as far as the system lets go of them, they begin again.
    ///
    /// - Returns: how many there are.
    func restartWrites(since time: NIODeadline) -> Int
}
