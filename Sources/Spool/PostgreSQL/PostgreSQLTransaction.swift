import Mail
import NIOCore
import SMTP

/// The statements of one transaction. Reads wait for the database, writes are queued and go out with the COMMIT.
///
/// The rows of messages that it reads are locked until it ends, in order of their IDs, so that no other node changes what a
/// rule has seen.
final class PostgreSQLTransaction {
    /// How many messages one transaction takes back or forgets the drops of.
    static let messagesInPart = 500

    /// A message as it is in the transaction.
    struct Loaded {
        var message: Result<SpooledMessage, SpoolError>
        /// The node that has it.
        var holder: UInt8
        /// How many drops of it can be taken back.
        var drops: Int
    }

    let connection: Connection
    let node: UInt8
    private var loaded: [QueueID: Loaded?] = [:]
    private var facts: [(fact: SharedFact, envelope: [UInt8]?)] = []
    private var counts = Counters()
    /// The highest queue ID of those that were added.
    private(set) var lastID: QueueID?
    /// Content that was added, and messages that are gone.
    private(set) var cached: [(QueueID, ByteBuffer)] = []
    private(set) var gone: [QueueID] = []
    /// The sequence of the last fact, when it is committed; `nil`: it has none.
    private(set) var lastFact: Int64?
    /// Readers need fewer facts than before.
    var readersMoved = false
    /// Other nodes are to look at once, at what they have to do something about.
    ///
    /// Never with the mail that comes and goes: commits that notify wait for each other, and each wakes all nodes.
    var wakesOthers = false

    init(_ connection: Connection, node: UInt8) {
        self.connection = connection
        self.node = node
    }

    // MARK: messages

    private static let read = Query(
        "read",
        """
        SELECT \(SpooledMessage.columns), holder, (SELECT count(*) FROM hoptop.dropped d WHERE d.message = m.id)
        FROM hoptop.messages m WHERE id = ANY ($1) ORDER BY id FOR UPDATE OF m
        """)

    /// Reads messages, and all that was queued before.
    func load(_ ids: [QueueID]) throws {
        let missing = Set(ids).filter { self.loaded[$0] == nil }.sorted()
        guard !missing.isEmpty else { return try self.connection.run() }
        try self.connection.add(Self.read, [.bigints(missing.map(\.rawValue))]) { rows in
            for id in missing { self.loaded[id] = .some(nil) }
            for row in 0..<rows.count {
                let id = QueueID(rawValue: try rows.integer(row, 0))
                let message = Result { () throws(SpoolError) in try SpooledMessage(rows, row) }
                self.loaded[id] = Loaded(
                    message: message, holder: try rows.number(row, SpooledMessage.columnCount),
                    drops: try rows.number(row, SpooledMessage.columnCount + 1))
            }
        }
        try self.connection.run()
    }

    private func find(_ id: QueueID) throws -> Loaded? {
        if self.loaded[id] == nil { try self.load([id]) }
        return self.loaded[id] ?? nil
    }

    /// - Returns: `nil` when there is none (any more).
    func message(_ id: QueueID) throws -> SpooledMessage? { try self.find(id)?.message.get() }

    /// `nil` also when its row is there and cannot be unpacked.
    func messageIfSound(_ id: QueueID) throws -> SpooledMessage? {
        do { return try self.message(id) } catch let error as SpoolError where error.code == .damaged { return nil }
    }

    /// The node that has it; `nil`: it is gone.
    func holder(of id: QueueID) throws -> UInt8? { try self.find(id)?.holder }

    /// Whether a drop of it can be taken back.
    func isUndoable(_ id: QueueID) throws -> Bool { try self.find(id)?.drops ?? 0 > 0 }

    func changeDrops(of id: QueueID, by count: Int) { self.loaded[id]??.drops += count }

    private static let insertMessage = Query(
        "insert-message", "INSERT INTO hoptop.messages VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    private static let insertContent = Query("insert-content", "INSERT INTO hoptop.content VALUES ($1, 0, 0, $2)")

    func insert(_ new: PackedMessage) throws {
        let id = new.message.id
        var copy: Int64 = 0
        var digest = new.digest
        switch new.content {
        case .buffer(let octets):
            try self.connection.add(Self.insertContent, [.integer(id.rawValue), .buffer(octets)])
            self.cached.append((id, octets))
        case .file(let stream):
            guard let stream = stream as? UploadedContent else {
                throw SpoolError(.foreign, "content of another spool", queueID: id)
            }
            copy = stream.copy
            digest = try stream.settle(in: self.connection)
        }
        try self.connection.add(
            Self.insertMessage,
            [
                .integer(id.rawValue), .integer(self.node), .integer(new.message.generation),
                .integer(new.message.arrived.milliseconds), .integer(new.message.contentOctets),
                .octets(new.envelope), .octets(new.recipients), .integer(copy), .integer(digest),
            ])
        self.lastID = max(self.lastID ?? id, id)
        self.counts.accepted += 1
        self.add(new.acceptance, envelope: new.envelope)
        for hold in new.holds { self.add(hold) }
        self.loaded[id] = Loaded(message: .success(new.message), holder: self.node, drops: 0)
    }

    private static let update = Query(
        "update-message", "UPDATE hoptop.messages SET generation = $2, recipients = $3 WHERE id = $1")
    private static let delete = Query("delete-message", "DELETE FROM hoptop.messages WHERE id = $1")
    private static let deleteContent = Query("delete-content", "DELETE FROM hoptop.content WHERE message = $1")

    /// Writes the message's row.
    ///
    /// - Parameter message: `nil`: nothing needs it any more.
    func write(_ message: SpooledMessage?, as id: QueueID) throws {
        if let message {
            try self.connection.add(
                Self.update,
                [
                    .integer(id.rawValue), .integer(message.generation),
                    .octets(Packer.recipients(message.recipients)),
                ])
            self.loaded[id]??.message = .success(message)
        } else {
            try self.connection.add(Self.delete, [.integer(id.rawValue)])
            try self.connection.add(Self.deleteContent, [.integer(id.rawValue)])
            self.loaded[id] = .some(nil)
            self.gone.append(id)
        }
    }

    // MARK: facts and counts

    /// - Parameter envelope: packed, of an accepted message: how it came is kept there.
    func add(_ fact: SharedFact, envelope: [UInt8]? = nil) { self.facts.append((fact, envelope)) }
    func count(_ counts: Counters) { self.counts += counts }

    private static let countAll = Query(
        "count",
        """
        UPDATE hoptop.counters SET last_fact = last_fact + $1, accepted = accepted + $2, relayed = relayed + $3,
            deferred_attempts = deferred_attempts + $4, bounced = bounced + $5, expired = expired + $6,
            dropped = dropped + $7, reports = reports + $8
        RETURNING last_fact
        """)
    /// Of the transaction's facts the last one has the number that the counters now have.
    private static let insertFact = Query(
        "insert-fact",
        """
        INSERT INTO hoptop.facts SELECT last_fact - $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
            $17, $18, $19, $20 FROM hoptop.counters
        """)

    /// Queues the facts and the counts. The row of the counters is every node's: it is held from here to the end of the COMMIT,
    /// and so the next one that numbers facts has all these before its own, and whoever reads sees no gap that is filled later.
    func finish() throws {
        if self.wakesOthers { try self.connection.add(FleetListener.notify, [.text("\(self.node)")]) }
        // Each recipient has a fact of its own.
        var left = self.facts.reduce(0) { $0 + $1.fact.count }
        guard left > 0 || self.counts != Counters() else { return }
        try self.connection.add(
            Self.countAll,
            [
                .integer(left), .integer(self.counts.accepted), .integer(self.counts.relayed),
                .integer(self.counts.deferredAttempts), .integer(self.counts.bounced), .integer(self.counts.expired),
                .integer(self.counts.dropped), .integer(self.counts.reports),
            ]
        ) { self.lastFact = try $0.integer(0, 0) }
        for (shared, envelope) in self.facts {
            left -= shared.count
            try self.insert(shared, envelope, before: left)
        }
    }

    /// - Parameter rest: how many facts come behind it.
    private func insert(_ shared: SharedFact, _ envelope: [UInt8]?, before rest: Int) throws {
        let fact = shared.fact
        let envelope = envelope ?? fact.arrival.map { Packer.envelope(.null, [], $0) }
        try self.connection.add(
            Self.insertFact,
            [
                .integer(rest), .integer(fact.at.milliseconds), .text(fact.kind.rawValue),
                .integer(fact.message?.rawValue ?? 0), .integer(fact.recipient), .text(fact.from), .text(fact.to),
                .text(fact.nextHop), .text(fact.remoteID), .text(fact.text), .text(fact.session),
                .integer(fact.contentOctets), .integer(fact.milliseconds),
                shared.others.isEmpty ? .null : .octets(Packer.others(shared.others)), .text(fact.actor),
                envelope.map { .octets($0) } ?? .null, .buffer(fact.subject), .text(fact.security?.description),
                .text(fact.messageID), .integer(fact.saidBy?.rawValue),
            ])
    }
}
