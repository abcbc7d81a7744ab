import Glibc
import Mail
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Small content that came in a moment ago, so that the happy path never reads it back. Bounded; what does not fit is
/// read from the database.
final class ContentCache: Sendable {
    private static let limit = 64 << 20
    private struct State {
        var buffers: [QueueID: ByteBuffer] = [:]
        var octets = 0
    }
    private let state = NIOLockedValueBox(State())

    subscript(id: QueueID) -> ByteBuffer? { self.state.withLockedValue { $0.buffers[id] } }

    func insert(_ contents: [(QueueID, ByteBuffer)]) {
        guard !contents.isEmpty else { return }
        self.state.withLockedValue { state in
            for (id, buffer) in contents where state.octets + buffer.readableBytes <= Self.limit {
                state.buffers[id] = buffer
                state.octets += buffer.readableBytes
            }
        }
    }

    func remove(_ ids: some Sequence<QueueID>) {
        self.state.withLockedValue { state in
            for id in ids {
                if let buffer = state.buffers.removeValue(forKey: id) { state.octets -= buffer.readableBytes }
            }
        }
    }
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

    init(_ directory: SpoolDirectory, _ id: QueueID, threads: NIOThreadPool) throws(SpoolError) {
        self.id = id
        self.threads = threads
        self.file = Glibc.open(directory.content(id), O_RDONLY | O_CLOEXEC)
        guard self.file >= 0 else {
            let error = FileError(errno)
            // Without its folder it is not the file that is missing.
            if error.code == ENOENT { try directory.checkPlace() }
            let words = "the content of \(id) cannot be read: \(error)"
            throw SpoolError(error.code == ENOENT ? .damaged : .unavailable, words, queueID: id)
        }
        var information = stat()
        guard fstat(self.file, &information) == 0 else { throw SpoolError(FileError(errno), id) }
        self.octets = Int(information.st_size)
    }

    deinit { Glibc.close(self.file) }

    func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        self.threads.runIfActive(eventLoop: eventLoop) {
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            let read = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { octets in
                let result = pread(self.file, octets.baseAddress, count, off_t(offset))
                guard result >= 0 else { throw SpoolError(FileError(errno), self.id) }
                return result
            }
            guard read > 0 || offset >= self.octets else {
                throw SpoolError(.damaged, "the content of \(self.id) ends early", queueID: self.id)
            }
            return buffer
        }
    }
}
