import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Small content that came in a moment ago, so that the happy path never reads it back. Bounded; what does not fit is
/// read from the database.
final class ContentCache: Sendable {
    /// Octets of memory, which is more than what is read: a buffer has room to grow.
    private let buffers = NIOLockedValueBox(
        RecentValues<QueueID, ByteBuffer>(limit: 32 << 20) { $0.storageCapacity })

    subscript(id: QueueID) -> ByteBuffer? { self.buffers.withLockedValue { $0[id] } }

    func insert(_ contents: [(QueueID, ByteBuffer)]) {
        guard !contents.isEmpty else { return }
        self.buffers.withLockedValue { for (id, buffer) in contents { $0.insert(buffer, for: id) } }
    }

    func remove(_ ids: some Sequence<QueueID>) { self.buffers.withLockedValue { for id in ids { $0.remove(id) } } }
}

struct BufferedContent: ContentSource {
    let buffer: ByteBuffer
    var octets: Int { self.buffer.readableBytes }

    func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        let start = min(max(offset, 0), self.octets)
        let slice = self.buffer.getSlice(
            at: self.buffer.readerIndex + start, length: min(max(count, 0), self.octets - start))
        return eventLoop.makeSucceededFuture(slice ?? ByteBuffer())
    }
}

/// A file in `content/`, open as long as somebody reads it, so that it can be unlinked meanwhile.
final class FileContent: ContentSource {
    let octets: Int
    private let id: QueueID
    private let file: CInt
    private let threads: NIOThreadPool
    private let verification: NIOLockedValueBox<Verification>?

    /// How far it was read in order.
    private struct Verification {
        let expected: Int64
        var digest = Digest()
        var end = 0
    }

    /// - Parameter digest: ``Digest`` of what was accepted; `nil`: unknown.
    init(
        _ directory: SpoolDirectory, _ id: QueueID, digest: Int64?, threads: NIOThreadPool
    ) throws(SpoolError) {
        self.id = id
        self.verification = digest.map { NIOLockedValueBox(Verification(expected: $0)) }
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
            try self.verify(buffer, from: offset)
            return buffer
        }
    }

    /// A reader of all of it, in order, is not handed the end when it is not what was accepted, and so can still break off.
    private func verify(_ piece: ByteBuffer, from offset: Int) throws(SpoolError) {
        let isChanged = self.verification?.withLockedValue { state in
            if offset == 0 { state = Verification(expected: state.expected) }
            guard offset == state.end else { return false }
            piece.withUnsafeReadableBytes { state.digest.update($0) }
            state.end += piece.readableBytes
            return state.end >= self.octets && state.digest.value != state.expected
        }
        if isChanged == true { throw .changedContent(of: self.id) }
    }
}
