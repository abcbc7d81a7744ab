import Foundation
import GRDB
import Mail
import NIOCore
import SMTP

extension Row {
    /// The value is checked, since a disk can lie, and GRDB's own subscript traps where it is of another type.
    func checked<Value: DatabaseValueConvertible>(_ column: String) throws(SpoolError) -> Value {
        guard let value = Value.fromDatabaseValue(self[column] as DatabaseValue) else {
            throw SpoolError(.damaged, "a row of the spool is damaged: its \(column) is none")
        }
        return value
    }
    func checkedIfPresent<Value: DatabaseValueConvertible>(_ column: String) -> Value? {
        Value.fromDatabaseValue(self[column] as DatabaseValue)
    }
    /// `nil` for NULL alone.
    func checkedOrNull<Value: DatabaseValueConvertible>(_ column: String) throws(SpoolError) -> Value? {
        (self[column] as DatabaseValue).isNull ? nil : try self.checked(column)
    }
    func holdsIntegers(_ columns: [String]) -> Bool {
        columns.allSatisfy { (self.checkedIfPresent($0) as Int64?) != nil }
    }
}

extension SpooledMessage {
    static func fetch(_ db: Database, _ id: QueueID) throws -> SpooledMessage? {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM messages WHERE id = ?"), arguments: [id.rawValue]
        ).map(SpooledMessage.init)
    }

    init(_ row: Row) throws {
        let id = QueueID(rawValue: try row.checked("id"))
        var envelope = try Unpacker(ByteBuffer(bytes: try row.checked("envelope") as Data), of: id)
        var recipients = try Unpacker(ByteBuffer(bytes: try row.checked("recipients") as Data), of: id)
        let (reversePath, parameters, arrival) = try envelope.envelope()
        self.init(
            id: id, generation: try row.checked("generation"),
            arrived: Timestamp(milliseconds: try row.checked("arrived")),
            reversePath: reversePath, parameters: parameters, arrival: arrival,
            contentOctets: try row.checked("octets"),
            recipients: try recipients.recipients())
    }
}

/// What the database knows of a message's content.
struct StoredRow {
    /// Octets, as they were accepted.
    var count: Int
    /// ``Digest``; `nil`: none was made.
    var digest: Int64?
    /// `nil`: it is in a file.
    var octets: ByteBuffer?

    /// Read by one SELECT, so that it needs no transaction around it.
    static func fetch(_ db: Database, _ id: QueueID) throws -> StoredRow? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT messages.octets AS count, digest, content.octets AS octets
                FROM messages LEFT JOIN content ON content.id = messages.id WHERE messages.id = ?
                """)
        let rows = try Row.fetchCursor(statement, arguments: [id.rawValue])
        // A row is only there as long as its cursor is.
        return try withExtendedLifetime(rows) {
            guard let row = try rows.next() else { return nil }
            return StoredRow(
                count: try row.checked("count"), digest: try row.checkedOrNull("digest"),
                octets: try row.withUnsafeData(named: "octets") { $0.map { ByteBuffer(bytes: $0) } })
        }
    }
}

/// The columns of `facts` in their order, which never changes: those of a later version come behind. Facts are read by the
/// million, and to look for a column by its name takes longer than to read it.
private enum FactColumn: Int {
    case sequence, at, kind, message, recipient, fromPath, toPath, nextHop, remoteID, text, session, octets
    case milliseconds, others, actor, envelope, subject, security, messageID, saidBy
}

extension Row {
    /// An older spool has no such column: NULL.
    private func value(_ column: FactColumn) -> DatabaseValue {
        column.rawValue < self.count ? self[column.rawValue] : .null
    }
    fileprivate func checked<Value: DatabaseValueConvertible>(_ column: FactColumn) throws(SpoolError) -> Value {
        guard let value = Value.fromDatabaseValue(self.value(column)) else {
            throw SpoolError(.damaged, "a row of the spool is damaged: its \(column) is none")
        }
        return value
    }
    fileprivate func checkedIfPresent<Value: DatabaseValueConvertible>(_ column: FactColumn) -> Value? {
        Value.fromDatabaseValue(self.value(column))
    }
    fileprivate func checkedOrNull<Value: DatabaseValueConvertible>(
        _ column: FactColumn
    ) throws(SpoolError) -> Value? { self.value(column).isNull ? nil : try self.checked(column) }
}

/// A fact and its place among the others.
struct PlacedFact: Equatable {
    var sequence: Int64
    var fact: Fact

    /// What a row tells, in order: the fact of each of its recipients. None where the row is damaged.
    static func all(in row: Row) -> [PlacedFact] { (try? self.read(row)) ?? [] }

    private static func read(_ row: Row) throws -> [PlacedFact] {
        let fact = try Fact(row)
        let last: Int64 = try row.checked(.sequence)
        guard let octets: Data = try row.checkedOrNull(.others) else {
            return [PlacedFact(sequence: last, fact: fact)]
        }
        let id = try fact.message ?? QueueID(rawValue: row.checked(.message))
        var unpacker = try Unpacker(ByteBuffer(bytes: octets), of: id)
        let others = try unpacker.others()
        guard last > others.count else {
            throw SpoolError(.damaged, "a fact of \(id) has no place among the others", queueID: id)
        }
        return self.all(of: RecentFacts.Row(last: last, SharedFact(fact: fact, others: others)))
    }
}

extension Fact {
    fileprivate init(_ row: Row) throws {
        let id = QueueID(rawValue: try row.checked(.message))
        guard let kind = Kind(rawValue: try row.checked(.kind)) else {
            throw SpoolError(.damaged, "a fact of \(id) is of no known kind", queueID: id)
        }
        self.init(
            at: Timestamp(milliseconds: try row.checked(.at)), kind: kind, message: id.rawValue == 0 ? nil : id,
            recipient: row.checkedIfPresent(.recipient), from: row.checkedIfPresent(.fromPath),
            to: row.checkedIfPresent(.toPath), nextHop: row.checkedIfPresent(.nextHop),
            remoteID: row.checkedIfPresent(.remoteID), text: row.checkedIfPresent(.text),
            session: row.checkedIfPresent(.session), contentOctets: row.checkedIfPresent(.octets),
            milliseconds: row.checkedIfPresent(.milliseconds))
        self.actor = row.checkedIfPresent(.actor)
        if let octets: Data = try row.checkedOrNull(.envelope) {
            var unpacker = try Unpacker(ByteBuffer(bytes: octets), of: id)
            self.arrival = try unpacker.envelope().2
        }
        self.subject = (row.checkedIfPresent(.subject) as Data?).map { ByteBuffer(bytes: $0) }
        self.security = (row.checkedIfPresent(.security) as String?).map { SessionSecurity(description: $0) }
        self.messageID = row.checkedIfPresent(.messageID)
        self.saidBy = (row.checkedIfPresent(.saidBy) as Int?).flatMap { ReplyAuthor(rawValue: $0) }
        self.readOlderText()
    }

    /// Before version 4, who ordered something and who handed a message over were words.
    private mutating func readOlderText() {
        guard let text = self.text else { return }
        switch self.kind {
        case .dropped, .held, .released, .retried:
            guard text.hasPrefix("by ") else { return }
            self.actor = String(text.dropFirst(3))
        case .accepted:
            // A report made here comes from no session, and had the protocol in place of a peer.
            let isReport = self.session == nil
            self.arrival = Arrival(
                peer: isReport ? nil : text, with: isReport ? text : "", session: self.session)
        default: return
        }
        self.text = nil
    }
}
