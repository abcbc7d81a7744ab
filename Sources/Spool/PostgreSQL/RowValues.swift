import Mail
import NIOCore
import SMTP

extension SpooledMessage {
    /// What ``init(_:_:)`` reads, in that order.
    static let columns = "id, generation, arrived, octets, envelope, recipients"
    static let columnCount = 6
    /// The same of a table that has another name in a statement.
    static func columns(of table: String) -> String {
        self.columns.split(separator: ", ").map { "\(table).\($0)" }.joined(separator: ", ")
    }

    init(_ rows: Rows, _ row: Int) throws(SpoolError) {
        let id = QueueID(rawValue: try rows.integer(row, 0))
        var envelope = try Unpacker(rows.buffer(row, 4), of: id)
        var recipients = try Unpacker(rows.buffer(row, 5), of: id)
        let (reversePath, parameters, arrival) = try envelope.envelope()
        self.init(
            id: id, generation: try rows.number(row, 1), arrived: try rows.timestamp(row, 2),
            reversePath: reversePath, parameters: parameters, arrival: arrival,
            contentOctets: try rows.number(row, 3), recipients: try recipients.recipients())
    }
}

extension Lease {
    /// - Parameter rows: messages in order of their IDs.
    init(_ rows: Rows) throws {
        self.init([])
        for row in 0..<rows.count {
            let id = QueueID(rawValue: try rows.integer(row, 0))
            self.end = id
            do { self.messages.append(try SpooledMessage(rows, row)) } catch {
                self.damaged.append(Damage(id, "\(error)"))
            }
        }
    }
}

extension Drop {
    /// message, recipient, token, until, generation, before
    init(_ rows: Rows, _ row: Int) throws(SpoolError) {
        let id = QueueID(rawValue: try rows.integer(row, 0))
        var unpacker = try Unpacker(rows.buffer(row, 5), of: id)
        guard let before = try unpacker.recipients().first, try rows.integer(row, 1) == before.index else {
            throw SpoolError(.damaged, "a drop of \(id) is damaged", queueID: id)
        }
        self.init(
            message: id, token: try rows.integer(row, 2), until: try rows.timestamp(row, 3),
            generation: try rows.number(row, 4), before: before)
    }
}

extension StandingRule {
    /// id, at, actor, terms
    init(_ rows: Rows, _ row: Int) throws {
        self.init(
            id: try rows.integer(row, 0), try Terms(encoded: rows.text(row, 3)), at: try rows.timestamp(row, 1),
            by: try rows.text(row, 2))
    }
}

extension PlacedFact {
    static let columns = """
        sequence, at, kind, message, recipient, from_path, to_path, next_hop, remote_id, text, session, octets,
        milliseconds, others, actor, envelope, subject, security, message_id, said_by
        """

    /// What a row tells, in order: the fact of each of its recipients. None where the row is damaged.
    static func all(in rows: Rows, _ row: Int) -> [PlacedFact] { (try? self.read(rows, row)) ?? [] }

    private static func read(_ rows: Rows, _ row: Int) throws -> [PlacedFact] {
        let fact = try Fact(rows, row)
        let last = try rows.integer(row, 0)
        guard let octets = rows.bufferIfPresent(row, 13) else { return [PlacedFact(sequence: last, fact: fact)] }
        var unpacker = try Unpacker(octets, of: fact.message ?? QueueID(rawValue: 0))
        let others = try unpacker.others()
        let first = last - Int64(others.count)
        return zip(first...last, SharedFact(fact: fact, others: others).each).map(PlacedFact.init)
    }
}

extension Fact {
    /// The columns of ``PlacedFact``.
    fileprivate init(_ rows: Rows, _ row: Int) throws {
        let id = QueueID(rawValue: try rows.integer(row, 3))
        guard let kind = Kind(rawValue: try rows.text(row, 2)) else {
            throw SpoolError(.damaged, "a fact of \(id) is of no known kind", queueID: id)
        }
        self.init(
            at: try rows.timestamp(row, 1), kind: kind, message: id.rawValue == 0 ? nil : id,
            recipient: rows.integerIfPresent(row, 4).map { Int($0) }, from: rows.textIfPresent(row, 5),
            to: rows.textIfPresent(row, 6), nextHop: rows.textIfPresent(row, 7),
            remoteID: rows.textIfPresent(row, 8), text: rows.textIfPresent(row, 9),
            session: rows.textIfPresent(row, 10),
            security: rows.textIfPresent(row, 17).map { SessionSecurity(description: $0) },
            actor: rows.textIfPresent(row, 14), contentOctets: rows.integerIfPresent(row, 11).map { Int($0) },
            milliseconds: rows.integerIfPresent(row, 12), subject: rows.bufferIfPresent(row, 16),
            messageID: rows.textIfPresent(row, 18))
        self.saidBy = rows.integerIfPresent(row, 19).flatMap { ReplyAuthor(rawValue: Int($0)) }
        if let octets = rows.bufferIfPresent(row, 15) {
            var unpacker = try Unpacker(octets, of: id)
            self.arrival = try unpacker.envelope().2
        }
    }
}

extension Counters {
    static let columns = "accepted, relayed, deferred_attempts, bounced, expired, dropped, reports"

    init(_ rows: Rows, _ row: Int) throws(SpoolError) {
        self.init()
        self.accepted = try rows.number(row, 0)
        self.relayed = try rows.number(row, 1)
        self.deferredAttempts = try rows.number(row, 2)
        self.bounced = try rows.number(row, 3)
        self.expired = try rows.number(row, 4)
        self.dropped = try rows.number(row, 5)
        self.reports = try rows.number(row, 6)
    }
}
