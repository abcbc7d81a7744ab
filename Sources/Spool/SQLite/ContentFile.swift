import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore

/// Large content on its way in, in `incoming/`, and from its transaction on in `content/`.
///
/// `@unchecked Sendable`: each call holds the lock until the disk has done it. A session may end, and discard the file,
/// while a piece of it is being written.
final class ContentFile: StreamedContent, @unchecked Sendable {
    /// Files of one message at a time.
    private static let filesLimit = 100

    private enum State: Equatable {
        case unopened
        case open(CInt)
        /// Synced and closed.
        case finished
        case placed
        case discarded
    }

    private let directory: SpoolDirectory
    private let id: QueueID
    private let lock = NIOLock()
    private var state = State.unopened
    /// Where it lies until it is placed.
    private var path: String
    private let digest = Digest()
    private var octets = 0
    private var found = FoundFields()

    init(_ directory: SpoolDirectory, _ id: QueueID) {
        self.directory = directory
        self.id = id
        self.path = directory.incoming(id)
    }

    deinit { if case .open(let file) = self.state { Glibc.close(file) } }

    func append(_ chunk: ByteBuffer) throws {
        try self.lock.withLock {
            guard self.state != .discarded else { return }  // Nobody wants it any more.
            let file = try self.opened()
            try chunk.withUnsafeReadableBytes { octets in
                var rest = octets
                while !rest.isEmpty {
                    let (count, code) = self.directory.writes.watch {
                        (write(file, rest.baseAddress, rest.count), errno)
                    }
                    if count < 0, code == EINTR { continue }
                    guard count >= 0 else { throw SpoolError(FileError(code), self.id) }
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                }
                self.digest.update(octets)
            }
            if self.octets == 0 { self.found = FoundFields(in: chunk) }
            self.octets += chunk.readableBytes
        }
    }

    private func opened() throws -> CInt {
        if case .open(let file) = self.state { return file }
        var count = 1
        while true {
            let file = Glibc.open(self.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file < 0 else {
                self.state = .open(file)
                return file
            }
            // The message is being written anew, and has a file already.
            guard errno == EEXIST, count < Self.filesLimit else { throw SpoolError(FileError(errno), self.id) }
            count += 1
            self.path = "\(self.directory.incoming(self.id))-\(count)"
        }
    }

    var subject: ByteBuffer? { self.lock.withLock { self.found.subject } }
    var messageID: String? { self.lock.withLock { self.found.messageID } }

    /// The digest of what was appended.
    var digestValue: Int64 { self.lock.withLock { self.digest.value } }

    func finish() throws {
        try self.lock.withLock {
            guard self.state != .discarded else {
                throw SpoolError(.unavailable, "discarded content", queueID: self.id)
            }
            let file = try self.opened()
            do {
                try self.directory.writes.watch(octets: self.octets) { try SpoolDirectory.sync(file) }
            } catch { throw SpoolError(error, self.id) }
            Glibc.close(file)
            self.state = .finished
        }
    }

    func read(from offset: Int, count: Int) throws -> ByteBuffer {
        try self.lock.withLock {
            guard self.state == .finished else {
                throw SpoolError(.unavailable, "content is read that is not finished", queueID: self.id)
            }
            let file = Glibc.open(self.path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { throw SpoolError(FileError(errno), self.id) }
            defer { Glibc.close(file) }
            var buffer = ByteBuffer()
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { octets in
                var read = 0
                while read < count {
                    let result = pread(file, octets.baseAddress! + read, count - read, off_t(offset + read))
                    if result < 0, errno == EINTR { continue }
                    guard result >= 0 else { throw SpoolError(FileError(errno), self.id) }
                    if result == 0 { break }
                    read += result
                }
                return read
            }
            return buffer
        }
    }

    /// Puts it where a row may name it; the directory is still to be synced.
    func place() throws {
        try self.lock.withLock {
            guard self.state != .placed else { return }
            guard self.state == .finished else {
                throw SpoolError(.unavailable, "unfinished content", queueID: self.id)
            }
            guard rename(self.path, self.directory.content(self.id)) == 0 else {
                throw FileError(errno)
            }
            self.state = .placed
        }
    }

    func discard() {
        self.lock.withLock {
            if case .open(let file) = self.state { Glibc.close(file) }
            switch self.state {
            case .unopened, .discarded: break  // The name may be another's.
            case .open, .finished: unlink(self.path)
            case .placed: unlink(self.directory.content(self.id))
            }
            self.state = .discarded
        }
    }
}
