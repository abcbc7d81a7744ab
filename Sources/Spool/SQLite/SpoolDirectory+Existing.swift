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
        var digest = ContentDigest()
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

    /// Below the spool's directory.
    func filesNotNamed(by named: Set<QueueID>) -> [String] {
        let contents = Self.names("\(self.path)/content").filter { name in
            QueueID(name).map { !named.contains($0) } ?? true
        }
        return contents.map { "content/\($0)" } + Self.names("\(self.path)/incoming").map { "incoming/\($0)" }
    }
}
