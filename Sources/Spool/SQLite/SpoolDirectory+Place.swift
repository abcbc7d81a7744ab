import Glibc
import Synchronization

/// A name, and which file it led to.
struct RememberedFile {
    let path: String
    private let device: dev_t
    private let number: ino_t

    /// `nil` when there is none.
    init?(_ path: String) {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        self.path = path
        self.device = information.st_dev
        self.number = information.st_ino
    }

    /// Whether the name still leads there.
    var isInPlace: Bool {
        var information = stat()
        return stat(self.path, &information) == 0 && information.st_dev == self.device
            && information.st_ino == self.number
    }
}

/// Files that are open go on when their names are removed, or their file system is unmounted: what is written to them then
/// is lost with the process.
extension SpoolDirectory {
    /// What is open is what the names lead to.
    func rememberPlace() {
        let files = [self.database, "\(self.database)-wal", "\(self.path)/content"].compactMap { RememberedFile($0) }
        self.place.withLock { $0 = files }
    }

    /// - Throws: `.unavailable` when the names lead elsewhere by now.
    func checkPlace() throws(SpoolError) {
        guard !self.place.withLock({ $0.allSatisfy(\.isInPlace) }) else { return }
        throw SpoolError(
            .unavailable,
            "the spool's files are no longer in \(self.path): bring them back there, or restart with what is there now")
    }
}
