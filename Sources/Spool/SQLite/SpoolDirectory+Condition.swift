import Glibc
import Synchronization

/// What its file system says of the spool.
extension SpoolDirectory {
    /// Opened for it, so that a lack of descriptors, a directory that is gone and a disk that fails are seen too.
    ///
    /// - Returns: octets that this user can still fill, and those inside the database that are filled first.
    func freeOctets() throws(SpoolError) -> Int {
        let file = Glibc.open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw SpoolError(FileError(errno)) }
        defer { Glibc.close(file) }
        var information = statvfs()
        guard fstatvfs(file, &information) == 0 else { throw SpoolError(FileError(errno)) }
        guard information.f_flag & UInt(ST_RDONLY) == 0 else { throw SpoolError(FileError(EROFS)) }
        try self.checkPlace()
        let (free, overflow) = information.f_bavail.multipliedReportingOverflow(by: information.f_frsize)
        let reusable = self.reusableOctets.load(ordering: .relaxed)
        return overflow ? .max : min(Int(clamping: free), .max - reusable) + reusable
    }
}

extension SpoolDirectory {
    /// About as much as a message of the larger ones among the small.
    private static let probeOctets = 256 << 10

    /// Writes a file where new content goes, syncs it, and takes it away.
    func tryWriting() throws(SpoolError) {
        let path = "\(self.path)/incoming/probe"
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SpoolError(FileError(errno)) }
        defer {
            Glibc.close(file)
            unlink(path)
        }
        let octets = [UInt8](repeating: 0, count: Self.probeOctets)
        let count = write(file, octets, octets.count)
        guard count >= 0, fsync(file) == 0 else { throw SpoolError(FileError(errno)) }
        guard count == octets.count else { throw SpoolError(FileError(ENOSPC)) }
    }
}
