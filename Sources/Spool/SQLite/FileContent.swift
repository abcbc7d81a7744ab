import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A file in `content/`, open as long as somebody reads it, so that it can be unlinked meanwhile.
final class FileContent: ContentSource {
    let octets: Int
    private let id: QueueID
    private let file: CInt
    private let threads: NIOThreadPool
    private let verification: ContentVerification?

    /// - Parameter digest: ``Digest`` of what was accepted; `nil`: unknown.
    init(
        _ directory: SpoolDirectory, _ id: QueueID, digest: Int64?, threads: NIOThreadPool
    ) throws(SpoolError) {
        self.id = id
        self.verification = digest.map { ContentVerification(expected: $0) }
        self.threads = threads
        self.file = Glibc.open(directory.content(id), O_RDONLY | O_CLOEXEC)
        guard self.file >= 0 else {
            let error = FileError(errno)
            // The file is not what is missing when its folder is.
            if error.code == ENOENT { try directory.checkPlace() }
            let words = "the content of \(id) cannot be read: \(error)"
            throw SpoolError(error.code == ENOENT ? .damaged : .unavailable, words, queueID: id)
        }
        var information = stat()
        guard fstat(self.file, &information) == 0 else { throw SpoolError(FileError(errno), id, reading: true) }
        self.octets = Int(information.st_size)
    }

    deinit { Glibc.close(self.file) }

    func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        self.threads.runIfActive(eventLoop: eventLoop) {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            let read = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { octets in
                let result = pread(self.file, octets.baseAddress, count, off_t(offset))
                guard result >= 0 else { throw SpoolError(FileError(errno), self.id, reading: true) }
                return result
            }
            guard read > 0 || offset >= self.octets else {
                throw SpoolError(.damaged, "the content of \(self.id) ends early", queueID: self.id)
            }
            try self.verification?.check(buffer, from: offset, of: self.octets, self.id)
            return buffer
        }
    }
}
