import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder that one program at a time may fill.
///
/// `@unchecked Sendable`: the descriptor never changes.
final class FolderLock: @unchecked Sendable {
    private let descriptor: CInt

    /// Makes the folder, where its own folder is there.
    ///
    /// - Throws: ``JournalError``
    init(_ directory: String) throws {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw JournalError("\(directory) cannot be made: \(String(cString: strerror(errno)))")
        }
        let descriptor = open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw JournalError("\(directory) cannot be written: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw JournalError("\(directory) is filled by another hoptop: name another with journal.directory")
        }
        self.descriptor = descriptor
    }
    deinit { close(self.descriptor) }
}
