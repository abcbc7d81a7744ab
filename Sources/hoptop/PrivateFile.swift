import CoreFoundation  // Where `stat` counts as defined as soon as another file here imports Foundation.
import Glibc

/// Changes a file with secrets so that a reader sees the old text or the new one, also after a crash.
enum PrivateFile {
    /// Reads `path`, or begins with nothing where there is no such file, and puts what `change` makes of it in its place.
    ///
    /// The new file has the owner of the old one; others than the owner, and the group that could read it, see nothing.
    /// Whoever changes the file at the same time waits. On failure the old text stands.
    static func change(_ path: String, _ change: (String) throws(Failure) -> String) throws(Failure) {
        let path = Self.resolved(path)
        let directory = Self.directory(of: path)
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.failure("\(directory) cannot be opened") }
        defer { close(folder) }
        guard flock(folder, LOCK_EX) == 0 else { throw Self.failure("\(directory) cannot be locked") }

        let (text, status) = try Self.read(path)
        try Self.write(try change(text), to: path, like: status)
        guard fsync(folder) == 0 else { throw Self.failure("\(directory) cannot be synced") }
    }

    /// A symbolic link stays one.
    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func read(_ path: String) throws(Failure) -> (text: String, status: stat?) {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)  // A FIFO would wait for its writer.
        if descriptor < 0, errno == ENOENT { return ("", nil) }
        guard descriptor >= 0 else { throw Self.failure("\(path) cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("\(path) cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("\(path) is no ordinary file") }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw Self.failure("\(path) cannot be read") }
            if count == 0 { break }
            octets += chunk[..<count]
        }
        guard let text = String(validating: octets, as: UTF8.self) else { throw Failure("\(path) is not UTF-8 text") }
        return (text, status)
    }

    private static func write(_ text: String, to path: String, like status: stat?) throws(Failure) {
        var template = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)  // With mode 0600.
        guard descriptor >= 0 else { throw Self.failure("\(path) cannot be written beside the old one") }
        let temporary = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        var isRenamed = false
        defer {
            close(descriptor)
            if !isRenamed { unlink(temporary) }
        }
        if let status {
            // Run by root, the relay's user must still be able to read it.
            guard fchown(descriptor, status.st_uid, status.st_gid) == 0,
                fchmod(descriptor, S_IRUSR | S_IWUSR | status.st_mode & S_IRGRP) == 0
            else { throw Self.failure("\(path) cannot keep its owner; run this as the owner or as root") }
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Self.failure("\(path) cannot be written") }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw Self.failure("\(path) cannot be synced") }
        guard rename(temporary, path) == 0 else { throw Self.failure("\(path) cannot be replaced") }
        isRenamed = true
    }

    private static func failure(_ text: String) -> Failure { Failure("\(text): \(String(cString: strerror(errno)))") }
}
