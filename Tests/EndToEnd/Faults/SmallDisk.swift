import Foundation
import Glibc
import Testing

@testable import hoptop

/// A file system of a few megabytes in memory, which goes with it.
///
/// Only who may mount can have one: tests that need it are enabled where ``isPermitted``.
final class SmallDisk {
    let path: String
    private var filler: String { "\(self.path)/filler" }

    /// Whether this user may mount; else the tests on real disks are skipped.
    static let isPermitted: Bool = {
        guard let disk = try? SmallDisk(megabytes: 1) else { return false }
        withExtendedLifetime(disk) {}
        return true
    }()

    init(megabytes: Int) throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-disk-\(UUID())").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        guard mount("tmpfs", self.path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            let reason = String(cString: strerror(errno))
            try? FileManager.default.removeItem(atPath: self.path)
            throw Failure("a disk for the test cannot be mounted: \(reason)")
        }
    }

    deinit {
        umount2(self.path, CInt(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: self.path)
    }

    /// Leaves so many kilobytes free.
    func fill(leavingKilobytes rest: Int) throws {
        var room = statvfs()
        guard statvfs(self.path, &room) == 0 else { throw Failure("the disk has no size") }
        let octets = Int(room.f_bavail * room.f_frsize) - rest << 10
        let file = open(self.filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        guard file >= 0, octets > 0, posix_fallocate(file, end, off_t(octets)) == 0 else {
            throw Failure("the disk cannot be filled")
        }
    }

    func empty() { unlink(self.filler) }
}
