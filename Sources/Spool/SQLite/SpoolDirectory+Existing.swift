import Glibc
import Mail

/// What is in a spool's folders.
extension SpoolDirectory {
    private static let pieceOctets = 128 << 10

    /// Reads a large content's file.
    ///
    /// - Returns: its octets, and their digest.
    func digestContent(of id: QueueID) throws -> (Int, Int64) {
        let file = Glibc.open(self.content(id), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileError(errno) }
        defer { Glibc.close(file) }
        let digest = Digest()
        var octets = 0
        return try withUnsafeTemporaryAllocation(byteCount: Self.pieceOctets, alignment: 16) { piece in
            while true {
                let count = Glibc.read(file, piece.baseAddress, piece.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw FileError(errno) }
                guard count > 0 else { return (octets, digest.value) }
                digest.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
                octets += count
            }
        }
    }

    /// A sound database that takes the place of the one that is there.
    var repaired: String { "\(self.path)/repaired.sqlite" }

    /// The new database must not meet the old one's log, nor the old one be left without it. Two names cannot be changed at
    /// once; but this can be done again, as long as the new database waits under a name of its own.
    func finishRepair() throws {
        guard access(self.repaired, F_OK) == 0 else { return }
        for suffix in ["-wal", "-shm"] { unlink("\(self.database)\(suffix)") }
        // A power cut must not bring the log back beside the new one.
        try self.sync(self.path)
        guard rename(self.repaired, self.database) == 0 else { throw FileError(errno) }
        try self.sync(self.path)
    }

    /// Names below the spool's directory.
    func filesNotNamed(by named: Set<QueueID>) -> [String] {
        let contents = Self.names("\(self.path)/content").filter { name in
            QueueID(name).map { !named.contains($0) } ?? true
        }
        return contents.map { "content/\($0)" } + Self.names("\(self.path)/incoming").map { "incoming/\($0)" }
    }
}
