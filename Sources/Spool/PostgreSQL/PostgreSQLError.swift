import CPostgreSQL
import Mail

/// What the database, or the way to it, said.
struct PostgreSQLError: Error, CustomStringConvertible {
    /// One line; libpq's words name no password.
    var description: String
    /// `23505`; `nil` when it did not come from the database.
    var state: String?
    /// The connection is of no more use, and what became of the last COMMIT may not be known.
    var isLost: Bool

    /// The database may be read, and not written to, as a standby.
    var isReadOnly: Bool { self.state == "25006" }

    init(_ description: String, isLost: Bool = false) {
        self.description = description
        self.isLost = isLost
    }

    /// - Parameter result: of a statement that failed.
    init(_ result: OpaquePointer, isLost: Bool) {
        self.init(Self.line(PQresultErrorMessage(result)), isLost: isLost)
        self.state = PQresultErrorField(result, CInt(UInt8(ascii: "C"))).map { String(cString: $0) }
    }

    init(connecting handle: OpaquePointer, isLost: Bool = true) {
        self.init(Self.line(PQerrorMessage(handle)), isLost: isLost)
    }

    private static func line(_ message: UnsafeMutablePointer<CChar>?) -> String {
        let text = message.map { String(cString: $0) } ?? ""
        let lines = text.split(whereSeparator: \.isNewline).map { $0.drop { $0.isWhitespace } }
        return lines.isEmpty ? "the connection is lost" : lines.joined(separator: "; ")
    }
}

extension SpoolError {
    /// Why a database could not be opened.
    init(opening address: DatabaseAddress, _ error: any Error) {
        self.init(database: error)
        guard self.code == .unavailable, error is PostgreSQLError else { return }
        self.init(.unavailable, "the spool's database \(address) cannot be used: \(error)")
    }

    /// - Parameter reading: nothing was to be written.
    init(database error: any Error, _ id: QueueID? = nil, reading: Bool = false) {
        switch error {
        case let error as SpoolError: self = error
        case let error as PostgreSQLError:
            let failure = "the spool's database cannot be \(reading ? "read" : "written")"
            switch error.state {
            case "53100": self.init(.full, "the disk of the spool's database is full: make room", queueID: id)
            case "XX001", "XX002":
                self.init(.damaged, "the spool's database is damaged: \(error)", queueID: id)
            case "42501": self.init(.notWritable, "\(failure): \(error): grant its role what it needs", queueID: id)
            default: self.init(.unavailable, "\(failure): \(error)", queueID: id)
            }
            self.isAway = error.isLost
        default: self.init(.unavailable, "the spool cannot be used: \(error)", queueID: id)
        }
    }
}
