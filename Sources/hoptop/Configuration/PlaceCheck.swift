import Glibc
import Journal
import Relay

/// Whether what the configuration names as files and folders can be there. Nothing is made: what is missing is looked for as
/// far as its own folder.
enum PlaceCheck {
    /// - Throws: ``Misplaced`` that names the key.
    static func check(_ configuration: Configuration) throws(Misplaced) {
        if let file = configuration.log.file { try self.check(file: file, "log.file") }
        // Folders above the spool's are made with it.
        let spool = configuration.relay.spoolDirectory
        if configuration.relay.spoolDatabase == nil, let kind = self.kind(of: spool), kind != S_IFDIR {
            throw Misplaced(key: "spool.directory", reason: "\(spool) is no folder: name another")
        }
        if case .path(let socket) = configuration.control.socket { try self.check(parentOf: socket, "control.socket") }
        let journal = configuration.journal
        // Where it is in the spool's folder, that is looked at when the spool is opened.
        if journal.isKept, let directory = journal.directory { try self.check(folder: directory, "journal.directory") }
    }

    /// What would not work, a line that says what to do.
    struct Misplaced: Error, CustomStringConvertible {
        let key: String
        let reason: String
        var description: String { "\(self.key): \(self.reason)" }
    }

    private static func check(file path: String, _ key: String) throws(Misplaced) {
        guard let kind = self.kind(of: path) else { return try self.check(parentOf: path, key) }
        guard kind != S_IFDIR else { throw Misplaced(key: key, reason: "\(path) is a folder: name a file in it") }
        guard access(path, W_OK) == 0 else { throw self.unwritable(path, key) }
    }

    private static func check(folder path: String, _ key: String) throws(Misplaced) {
        guard path.hasPrefix("/") else {
            throw Misplaced(key: key, reason: "\(path) depends on where hoptop is started: begin it with /")
        }
        guard let kind = self.kind(of: path) else { return try self.check(parentOf: path, key) }
        guard kind == S_IFDIR else { throw Misplaced(key: key, reason: "\(path) is no folder: name another") }
        try self.checkWritable(path, key)
    }

    private static func check(parentOf path: String, _ key: String) throws(Misplaced) {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let parent = trimmed.lastIndex(of: "/").map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        guard self.kind(of: parent) == S_IFDIR else {
            throw Misplaced(
                key: key, reason: "\(path) cannot be made: there is no folder \(parent): make it, or name another")
        }
        try self.checkWritable(parent, key)
    }

    private static func checkWritable(_ folder: String, _ key: String) throws(Misplaced) {
        guard access(folder, W_OK | X_OK) == 0 else { throw self.unwritable(folder, key) }
        var information = statvfs()
        // Those of the kernel, such as /proc, have no blocks, and refuse files only when one is made.
        if statvfs(folder, &information) == 0, information.f_blocks == 0 {
            throw Misplaced(key: key, reason: "\(folder) is on no disk: name another")
        }
    }

    private static func unwritable(_ path: String, _ key: String) -> Misplaced {
        Misplaced(key: key, reason: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }

    private static func kind(of path: String) -> mode_t? {
        var information = stat()
        return stat(path, &information) == 0 ? information.st_mode & S_IFMT : nil
    }
}
