import Foundation
import GRDB
import Mail
import NIOCore
import SMTP

extension Row {
    /// Checked, since a disk can lie, and GRDB's own subscript traps where a value is of another type.
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
    /// As it was accepted.
    var count: Int
    /// ``Digest``; `nil`: none was made.
    var digest: Int64?
    /// `nil`: it is in a file.
    var octets: ByteBuffer?

    /// One SELECT, so that it needs no transaction around it.
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

extension Fact {
    /// What a row tells, in order: of each of its recipients. None where the row is damaged.
    static func all(in row: Row) -> [Fact] { (try? self.read(row)) ?? [] }

    private static func read(_ row: Row) throws -> [Fact] {
        var fact = try Fact(row)
        guard row.hasColumn("others"), let octets: Data = try row.checkedOrNull("others") else { return [fact] }
        var unpacker = try Unpacker(ByteBuffer(bytes: octets), of: fact.message)
        let others = try unpacker.others()
        guard fact.sequence > others.count else {
            throw SpoolError(.damaged, "a fact of \(fact.message) has no place among the others", queueID: fact.message)
        }
        fact.sequence -= Int64(others.count)
        return others.reduce(into: [fact]) { facts, other in
            fact.sequence += 1
            fact.recipient = other.index
            fact.to = other.forwardPath.description
            facts.append(fact)
        }
    }

    private init(_ row: Row) throws {
        let id = QueueID(rawValue: try row.checked("message"))
        guard let kind = Kind(rawValue: try row.checked("kind")) else {
            throw SpoolError(.damaged, "a fact of \(id) is of no known kind", queueID: id)
        }
        self.init(
            sequence: try row.checked("sequence"), at: Timestamp(milliseconds: try row.checked("at")), kind: kind,
            message: id,
            recipient: row.checkedIfPresent("recipient"), from: row.checkedIfPresent("fromPath"),
            to: row.checkedIfPresent("toPath"), nextHop: row.checkedIfPresent("nextHop"),
            remoteID: row.checkedIfPresent("remoteID"), text: row.checkedIfPresent("text"),
            session: row.checkedIfPresent("session"), contentOctets: row.checkedIfPresent("octets"),
            milliseconds: row.checkedIfPresent("milliseconds"))
    }
}
