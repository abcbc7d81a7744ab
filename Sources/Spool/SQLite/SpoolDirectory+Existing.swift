import Glibc
import Mail

/// What is in a spool's folders.
extension SpoolDirectory {
    /// Of a large content's file.
    func contentOctets(of id: QueueID) throws -> Int {
        var information = stat()
        guard stat(self.content(id), &information) == 0 else { throw FileError(errno) }
        return Int(information.st_size)
    }

    /// Below the spool's directory.
    func filesNotNamed(by named: Set<QueueID>) -> [String] {
        let contents = Self.names("\(self.path)/content").filter { name in
            QueueID(name).map { !named.contains($0) } ?? true
        }
        return contents.map { "content/\($0)" } + Self.names("\(self.path)/incoming").map { "incoming/\($0)" }
    }
}
