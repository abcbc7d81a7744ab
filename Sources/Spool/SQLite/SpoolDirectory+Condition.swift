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
        return Self.room(
            onDisk: overflow ? .max : Int(clamping: free), inDatabase: self.reusableOctets.load(ordering: .relaxed),
            log: self.logOctets, atMost: Self.largestLog(at: self.path))
    }

    /// What is free inside the database does not count while the log may still have to grow and the disk lacks room for
    /// that: without its log nothing can be written down, and what is kept free may be more than any floor.
    static func room(onDisk free: Int, inDatabase reusable: Int, log: Int, atMost largest: Int) -> Int {
        free < largest - log ? free : min(free, .max - reusable) + reusable
    }

    /// Pages after which the log is folded back (`wal_autocheckpoint`): a long one holds many pages that were written again
    /// meanwhile, but on a small disk it must leave room for mail.
    static func logPages(at path: String) -> Int {
        var information = statvfs()
        // What is not there yet will be where its folder is.
        var place = path[...]
        while statvfs(String(place), &information) != 0 {
            guard let slash = place.dropLast().lastIndex(of: "/") else { return self.logPagesAtMost }
            place = place[...slash]
        }
        let (octets, overflow) = information.f_blocks.multipliedReportingOverflow(by: information.f_frsize)
        let share = overflow ? .max : Int(clamping: octets) / 16
        return min(max(share / self.pageOctets, self.logPagesAtLeast), self.logPagesAtMost)
    }
    private static let logPagesAtMost = 4000
    private static let logPagesAtLeast = 32
    private static let pageOctets = 8192

    /// It is folded back after its pages, or a transaction later.
    static func largestLog(at path: String) -> Int { self.logPages(at: path) * self.pageOctets * 5 / 4 }

    /// The size of the database's log as it is.
    private var logOctets: Int {
        var information = stat()
        return stat("\(self.database)-wal", &information) == 0 ? Int(information.st_size) : 0
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
        guard count >= 0 else { throw SpoolError(FileError(errno)) }
        do { try Self.sync(file) } catch { throw SpoolError(error) }
        guard count == octets.count else { throw SpoolError(FileError(ENOSPC)) }
    }
}
