import Foundation
import GRDB
import Mail
import NIOCore

extension SpooledMessage {
    static func fetch(_ db: Database, _ id: QueueID) throws -> SpooledMessage? {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM messages WHERE id = ?"), arguments: [id.rawValue]
        ).map(SpooledMessage.init)
    }

    init(_ row: Row) throws {
        let id = QueueID(rawValue: row["id"])
        var envelope = try Unpacker(ByteBuffer(bytes: row["envelope"] as Data), of: id)
        var recipients = try Unpacker(ByteBuffer(bytes: row["recipients"] as Data), of: id)
        let (reversePath, parameters, arrival) = try envelope.envelope()
        self.init(
            id: id, generation: row["generation"], arrived: Timestamp(milliseconds: row["arrived"]),
            reversePath: reversePath, parameters: parameters, arrival: arrival, contentOctets: row["octets"],
            recipients: try recipients.recipients())
    }
}

extension Fact {
    init(_ row: Row) throws {
        let id = QueueID(rawValue: row["message"])
        guard let kind = Kind(rawValue: row["kind"]) else {
            throw SpoolError(.damaged, "a fact of \(id) is of no known kind", queueID: id)
        }
        self.init(
            sequence: row["sequence"], at: Timestamp(milliseconds: row["at"]), kind: kind, message: id,
            recipient: row["recipient"], from: row["fromPath"], to: row["toPath"], nextHop: row["nextHop"],
            remoteID: row["remoteID"], text: row["text"], session: row["session"], contentOctets: row["octets"],
            milliseconds: row["milliseconds"])
    }
}
