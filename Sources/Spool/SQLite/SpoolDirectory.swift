import Glibc
import Mail
import Synchronization

/// The folders and files beside the database, and the lock that keeps a second process out.
final class SpoolDirectory: Sendable {
    let path: String
    /// The file system cannot be written, so that a spool can only be looked at.
    let isReadOnly: Bool
    /// The lock file's descriptor; -1 once it is let go.
    private let lock: Atomic<CInt>
    let place = Mutex<[RememberedFile]>([])
    /// Octets of free pages in the database, as the writer last saw them.
    let reusableOctets = Atomic<Int>(0)
    let writes = WatchedWrites()

    var database: String { "\(self.path)/spool.sqlite" }
    func incoming(_ id: QueueID) -> String { "\(self.path)/incoming/\(id)" }
    func content(_ id: QueueID) -> String { "\(self.path)/content/\(id)" }

    /// Makes what is missing, and takes the lock.
    init(_ path: String) throws(SpoolError) {
        self.path = path
        self.isReadOnly = false
        try Self.makeDirectory(path)
        self.lock = Atomic(try Self.takeLock(path))
        try Self.makeDirectory("\(path)/incoming")
        try Self.makeDirectory("\(path)/content")
        do { try self.finishRepair() } catch { throw SpoolError(error) }
    }

    /// Takes the lock of a spool that is there, and makes nothing.
    init(existing path: String) throws(SpoolError) {
        guard access("\(path)/spool.sqlite", F_OK) == 0 else {
            throw SpoolError(.unavailable, "there is no spool in \(path): name one with --spool DIRECTORY")
        }
        self.path = path
        self.isReadOnly = access(path, W_OK) != 0 && errno == EROFS
        self.lock = Atomic(try Self.takeLock(path, isReadOnly: self.isReadOnly))
        if self.isReadOnly { return }
        do { try self.finishRepair() } catch { throw SpoolError(error) }
    }

    deinit { self.unlock() }

    /// Lets another process have the spool.
    func unlock() {
        let file = self.lock.exchange(-1, ordering: .acquiringAndReleasing)
        guard file >= 0 else { return }
        // Said, since closing is not enough: a child that this process begins has the file too, until it runs its program.
        flock(file, LOCK_UN)
        Glibc.close(file)
    }

    private static func makeDirectory(_ path: String) throws(SpoolError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            if mkdir(made, 0o700) == 0 || errno == EEXIST { continue }
            throw self.failure(path, errno)
        }
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            throw self.failure(path, ENOTDIR)
        }
        guard access(path, W_OK | X_OK) == 0 else { throw self.failure(path, errno) }
    }

    private static func failure(_ path: String, _ code: CInt) -> SpoolError {
        SpoolError(
            .notWritable,
            "the spool directory \(path) cannot be written (\(String(cString: strerror(code)))): "
                + "name another with --spool DIRECTORY")
    }

    private static func takeLock(_ path: String, isReadOnly: Bool = false) throws(SpoolError) -> CInt {
        let flags = isReadOnly ? O_RDONLY : O_RDWR | O_CREAT
        let file = Glibc.open("\(path)/lock", flags | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw self.failure(path, errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 32)
            let count = max(read(file, &text, text.count), 0)
            let owner = String(decoding: text[..<count].prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self)
            Glibc.close(file)
            throw SpoolError(
                .inUse,
                "the spool \(path) is in use by process \(owner.isEmpty ? "?" : owner): "
                    + "stop that one or name another with --spool DIRECTORY", owner: Int32(owner))
        }
        if isReadOnly { return file }
        ftruncate(file, 0)
        let line = "\(getpid())\n"
        _ = line.withCString { write(file, $0, strlen($0)) }
        return file
    }

    func syncContent() throws { try self.sync("\(self.path)/content") }

    /// Makes durable the names of what lies in the spool, and its own in the folders above it.
    ///
    /// Names that were there are synced too: whoever made them may have been killed before this.
    func syncNames() throws {
        let path = self.path
        let above = path.indices.filter { path[$0] == "/" }.map { $0 == path.startIndex ? "/" : String(path[..<$0]) }
        try self.sync(path)
        for folder in above + (path.hasPrefix("/") ? [] : ["."]) {
            // A folder that we may not read was made by somebody else.
            do { try self.sync(folder) } catch let error as FileError where error.code == EACCES {}
        }
    }

    /// - Parameter path: of a file or a directory.
    func sync(_ path: String) throws {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileError(errno) }
        defer { Glibc.close(file) }
        try Self.sync(file)
    }

    /// Syncs wholly, however often it is interrupted.
    static func sync(_ file: CInt) throws(FileError) {
        while fsync(file) != 0 { if errno != EINTR { throw FileError(errno) } }
    }

    /// What the files of large content are named after.
    var contentNames: [QueueID] { Self.names("\(self.path)/content").compactMap { QueueID($0) } }

    /// Removes files that no message names: of sessions that a crash ended.
    func sweep(keeping isNamed: (QueueID) throws -> Bool) rethrows {
        for name in Self.names("\(self.path)/incoming") { unlink("\(self.path)/incoming/\(name)") }
        for name in Self.names("\(self.path)/content") {
            if let id = QueueID(name), try isNamed(id) { continue }
            unlink("\(self.path)/content/\(name)")
        }
    }

    static func names(_ directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// A system call that failed.
struct FileError: Error, CustomStringConvertible {
    let code: CInt
    init(_ code: CInt) { self.code = code }
    var description: String {
        let words = String(cString: strerror(self.code))
        return self.code == EMFILE ? "\(words): raise the limit (ulimit -n, or LimitNOFILE= of systemd)" : words
    }
}
