import GRDB
import Glibc
import Mail

extension SpoolError {
    /// What SQLite, the file system or the store itself said, as a caller is told.
    ///
    /// - Parameter reading: nothing was to be written.
    init(_ error: any Error, _ id: QueueID? = nil, reading: Bool = false) {
        let failure = "the spool cannot be \(reading ? "read" : "written")"
        switch error {
        case let error as SpoolError: self = error
        case let error as FileError:
            let isFull = error.code == ENOSPC || error.code == EDQUOT
            self.init(isFull ? .full : .unavailable, "\(failure): \(error)", queueID: id)
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_FULL: self.init(.full, "the spool's disk is full: make room", queueID: id)
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                self.init(
                    .damaged,
                    "the spool's database is damaged (\(error.message ?? "?")): stop hoptop and run hoptop spool check",
                    queueID: id)
            default:
                self.init(.unavailable, "\(failure): \(error.message ?? "\(error)")", queueID: id)
            }
        default: self.init(.unavailable, "the spool cannot be used: \(error)", queueID: id)
        }
    }
}
