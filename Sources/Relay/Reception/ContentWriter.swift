import Mail
import NIOCore
import NIOPosix
import Spool

/// Takes the content of one message on its way in: small content stays in memory for the transaction that stores it,
/// larger content streams to a file off the event loop, one chunk at a time, so that a slow disk holds the client back.
struct ContentWriter {
    let id: QueueID
    private(set) var octets = 0
    private var place: Place

    private enum Place {
        case memory(ByteBuffer)
        case file(any StreamedContent)
    }

    init(id: QueueID, traceField: String, allocator: ByteBufferAllocator) {
        self.id = id
        var buffer = allocator.buffer(capacity: 8 << 10)
        self.octets = buffer.writeString(traceField)
        self.place = .memory(buffer)
    }

    /// - Returns: `nil` when done at once, else a future that completes when the disk has taken the chunk.
    mutating func append(
        _ chunk: ByteBuffer, spool: any Spool, threads: NIOThreadPool, on loop: any EventLoop
    ) throws(SpoolError) -> EventLoopFuture<Void>? {
        self.octets += chunk.readableBytes
        switch self.place {
        case .memory(var buffer):
            self.place = .memory(ByteBuffer())  // So that `buffer` is unique and grows in place.
            buffer.writeImmutableBuffer(chunk)
            guard buffer.readableBytes > largestInlineContent else {
                self.place = .memory(buffer)
                return nil
            }
            let file = try spool.newContentFile(for: self.id)
            self.place = .file(file)
            let all = buffer
            return threads.runIfActive(eventLoop: loop) { try file.append(all) }
        case .file(let file):
            return threads.runIfActive(eventLoop: loop) { try file.append(chunk) }
        }
    }

    /// What the spool stores; a file is synced first.
    func finish(threads: NIOThreadPool, on loop: any EventLoop) -> EventLoopFuture<StoredContent>? {
        guard case .file(let file) = self.place else { return nil }
        return threads.runIfActive(eventLoop: loop) {
            try file.finish()
            return .file(file)
        }
    }
    var inline: StoredContent? {
        guard case .memory(let buffer) = self.place else { return nil }
        return .buffer(buffer)
    }

    func discard() {
        if case .file(let file) = self.place { file.discard() }
    }
}
