import Mail
import NIOConcurrencyHelpers
package import NIOCore

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

/// Content that is in memory.
package struct BufferedContent: ContentSource {
    let buffer: ByteBuffer
    package var octets: Int { self.buffer.readableBytes }

    package init(buffer: ByteBuffer) { self.buffer = buffer }

    package func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        let start = min(max(offset, 0), self.octets)
        let slice = self.buffer.getSlice(
            at: self.buffer.readerIndex + start, length: min(max(count, 0), self.octets - start))
        return eventLoop.makeSucceededFuture(slice ?? ByteBuffer())
    }
}
