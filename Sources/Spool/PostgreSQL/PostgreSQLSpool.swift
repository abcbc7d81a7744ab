public import CoreMetrics
public import Mail
import NIOConcurrencyHelpers
public import NIOCore

/// The spool in a PostgreSQL database, version 15 or newer, in its schema `hoptop`.
public final class PostgreSQLSpool: Spool {
    let writer: PostgreSQLWriter
    let pool: ConnectionPool
    let listener: FleetListener
    private let link: DatabaseLink
    private let cache = ContentCache()
    private let farewell = NIOLockedValueBox<Task<Void, any Error>?>(nil)
    private let identifiers: NIOLockedValueBox<QueueIDGenerator>
    private let copies: NIOLockedValueBox<Int64>
    public let node: UInt8
    /// Who asks it for news of the others.
    let follower = NIOLockedValueBox(FleetFollower())

    /// Opens the spool, and makes its tables in a database that has none; older ones it leaves to ``migrate``. Waits for the
    /// database.
    ///
    /// - Parameters:
    ///   - node: this node's number, which its queue IDs carry.
    ///   - name: of the relay, for operators; `software` likewise.
    ///   - isCourier: it is no relay, and is shown among them only for as long as it works, or left mail.
    ///   - lease: milliseconds after which others take the messages of a node that says nothing.
    ///   - mayLoseCommits: a database is used also when its commits are not durable.
    ///   - metrics: where its transactions are counted.
    /// - Throws: `.unavailable`, `.inUse`, `.olderVersion`, `.newerVersion`, `.notWritable`.
    public convenience init(
        _ address: DatabaseAddress, node: UInt8 = 0, name: String, software: String = "hoptop", isCourier: Bool = false,
        lease: Int64 = 30_000, mayLoseCommits: Bool = false, metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) throws(SpoolError) {
        try self.init(
            address, NodeLease.Claimant(node: node, name: name, software: software, isCourier: isCourier),
            lease: lease, mayLoseCommits: mayLoseCommits, kept: .init(), metrics: metrics)
    }

    init(
        _ address: DatabaseAddress, _ claimant: NodeLease.Claimant, lease milliseconds: Int64 = 30_000,
        mayLoseCommits: Bool = false, kept: PostgreSQLWriter.FactsKept,
        metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) throws(SpoolError) {
        let link = DatabaseLink(address: address, mayLoseCommits: mayLoseCommits, lease: milliseconds)
        let node = claimant.node
        let watch = WatchedLink()
        do {
            let connection = try link.writing(watch: watch)
            try PostgreSQLSchema.prepare(connection)
            let term = LeaseTerm(milliseconds: milliseconds)
            let asked = LeaseTerm.now
            let lease = try PostgreSQLSchema.whileKept(connection) {
                try NodeLease(claimant, milliseconds: milliseconds, on: connection)
            }
            term.renewed(lease.token, asOf: asked)
            try UploadedContent.sweep(of: node, on: connection)
            self.identifiers = NIOLockedValueBox(QueueIDGenerator(node: node, after: lease.lastID))
            // Unlike those of an earlier process; 0 is content that came with its message.
            self.copies = NIOLockedValueBox(lease.token << 32)
            self.writer = try PostgreSQLWriter(
                connection, lease, term, link, self.cache, watch: watch, kept: kept, metrics: metrics)
        } catch { throw SpoolError(opening: address, error) }
        self.node = node
        self.link = link
        self.pool = ConnectionPool(link)
        self.listener = FleetListener(link, node: node)
    }

    public var policies: any PolicyStore { PostgreSQLPolicies(writer: self.writer, pool: self.pool) }
    public var tallies: any TallyStore { PostgreSQLTallies(writer: self.writer, pool: self.pool) }

    // MARK: changes

    public func nextID(at now: Timestamp) -> QueueID { self.identifiers.withLockedValue { $0.next(at: now) } }

    public func newContentFile(for id: QueueID) -> any StreamedContent {
        let copy = self.copies.withLockedValue { copies in
            copies += 1
            return copies
        }
        return UploadedContent(self.pool, id, copy: copy)
    }

    public func accept(
        _ message: NewMessage, expectingMore: Bool, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let packed = PackedMessage(message)
        return self.writer.submit(expectingMore ? .gathering : .prompt, weight: packed.weight, on: eventLoop) {
            try $0.insert(packed)
        }
    }

    public func settle(_ settlements: [Settlement], on eventLoop: any EventLoop) -> EventLoopFuture<[Settled]> {
        var reports: [QueueID: PackedMessage] = [:]
        for settlement in settlements {
            for report in settlement.reports { reports[report.message.id] = PackedMessage(report) }
        }
        return self.writer.submit(.patient, reading: settlements.map(\.message), on: eventLoop) {
            [reports] transaction in
            try settlements.map { try transaction.settle($0, reports) }
        }
    }

    public func apply(
        _ order: Order, on targets: [RecipientTarget], on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.writer.submit(reading: targets.map(\.message), on: eventLoop) { try $0.apply(order, on: targets) }
    }

    public func undo(
        _ token: Int64, after id: QueueID?, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.writer.submit(on: eventLoop) { try $0.undo(token, after: id, at: now, by: actor) }
    }

    public func purge(at time: Timestamp, by order: PurgeOrder?, on eventLoop: any EventLoop) -> EventLoopFuture<Bool> {
        self.writer.submit(on: eventLoop) { try $0.purge(at: time, by: order) }
    }

    public func set(
        _ terms: StandingRule.Terms, at now: Timestamp, by actor: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule> {
        self.writer.submit(on: eventLoop) { try $0.set(terms, at: now, by: actor) }
    }

    public func end(
        rule id: Int64, at now: Timestamp, by actor: String?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StandingRule?> {
        self.writer.submit(on: eventLoop) { try $0.end(rule: id, at: now, by: actor) }
    }

    public func note(_ facts: [Fact], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { transaction in
            for fact in facts { transaction.add(SharedFact(fact: fact)) }
        }
    }

    public func acknowledge(
        _ cursor: FactCursor, as reader: String, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { try $0.acknowledge(try cursor.place, as: reader) }
    }

    public func forget(reader: String, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { try $0.forget(reader: reader) }
    }

    // MARK: content

    private static let content = Query(
        "content",
        """
        SELECT m.octets, m.digest, m.copy, c.octets FROM hoptop.messages m LEFT JOIN hoptop.content c
        ON m.copy = 0 AND c.message = m.id AND c.copy = 0 WHERE m.id = $1
        """)

    public func content(of id: QueueID, on eventLoop: any EventLoop) -> EventLoopFuture<any ContentSource> {
        if let buffer = self.cache[id] { return eventLoop.makeSucceededFuture(BufferedContent(buffer: buffer)) }
        return self.pool.read(on: eventLoop) { try self.storedContent(of: id, on: $0) }
    }

    private func storedContent(of id: QueueID, on connection: Connection) throws -> any ContentSource {
        let rows = try connection.rows(Self.content, [.integer(id.rawValue)])
        guard rows.count > 0 else {
            throw SpoolError(.damaged, "the content of \(id) is not there", queueID: id)
        }
        let (octets, copy): (Int, Int64) = (try rows.number(0, 0), try rows.integer(0, 2))
        let digest = rows.integerIfPresent(0, 1)
        guard copy == 0 else {
            return PartedContent(
                pool: self.pool, id: id, copy: copy, octets: octets,
                verification: digest.map { ContentVerification(expected: $0) })
        }
        guard let buffer = rows.bufferIfPresent(0, 3), buffer.readableBytes == octets,
            digest.map({ $0 == Digest.of(buffer) }) ?? true
        else { throw SpoolError.changedContent(of: id) }
        return BufferedContent(buffer: buffer)
    }

    // MARK: the end

    public func giveUp(after time: TimeAmount) {
        self.farewell.withLockedValue { farewell in
            farewell =
                farewell
                ?? Task {
                    try await Task.sleep(for: .nanoseconds(time.nanoseconds))
                    self.link.patience.end()
                    while true {
                        _ = self.restartWrites(since: .now() - .seconds(1))
                        try await Task.sleep(for: .seconds(1))
                    }
                }
        }
    }

    /// Waits for what was begun, then gives the node's number back.
    public func close() async {
        self.giveUp(after: .seconds(10))
        self.listener.close()
        await self.writer.close()
        await self.pool.close()
        self.farewell.withLockedValue { $0?.cancel() }
    }
}
