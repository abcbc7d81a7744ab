import Mail
import NIOCore
import NIOPosix
import Spool

/// Takes the content of one message on its way in: small content stays in memory for the transaction that stores it,
/// larger content streams to a file off the event loop, a piece at a time, so that a slow disk holds the client back.
struct ContentWriter {
    let id: QueueID
    private(set) var octets = 0
    private var place: Place
    /// Of our own field, with which the content begins.
    let traceOctets: Int
    private var boundary = TraceBoundary()
    /// What a submission server adds.
    private let fields: SubmissionFields?

    private enum Place {
        case memory(ByteBuffer)
        /// A file, and what it does not have yet.
        case file(any StreamedContent, rest: ByteBuffer)
    }
    var isFile: Bool { if case .file = self.place { true } else { false } }
    let share: ContentMemory.Share

    /// - Parameter fields: what the header may lack (RFC 6409 §8); `nil`: the content stays as it is.
    init(
        id: QueueID, traceField: String, adding fields: SubmissionFields? = nil, share: ContentMemory.Share,
        allocator: ByteBufferAllocator
    ) {
        self.id = id
        self.share = share
        self.fields = fields
        self.traceOctets = traceField.utf8.count
        var buffer = allocator.buffer(capacity: self.traceOctets)
        self.octets = buffer.writeString(traceField)
        self.place = .memory(buffer)
    }

    /// - Returns: `nil` when done at once, else a future that completes when the disk has taken the chunk.
    mutating func append(
        _ chunk: ByteBuffer, spool: any Spool, threads: NIOThreadPool, on loop: any EventLoop
    ) -> EventLoopFuture<Void>? {
        let chunk = self.boundary.receive(chunk)
        self.octets += chunk.readableBytes
        switch self.place {
        case .memory(var buffer):
            self.place = .memory(ByteBuffer())  // So that `buffer` is unique and grows in place.
            // The fields need the whole header.
            let limit = self.fields == nil ? self.share.pieceOctets : largestInlineContent
            guard buffer.readableBytes + chunk.readableBytes > limit else {
                buffer.writeImmutableBuffer(chunk)
                self.place = .memory(buffer)
                return nil
            }
            let file = spool.newContentFile(for: self.id)
            self.place = .file(file, rest: ByteBuffer())
            guard self.fields == nil else {
                buffer.writeImmutableBuffer(chunk)
                let all = self.completed(buffer)
                return threads.runIfActive(eventLoop: loop) { try file.append(all) }
            }
            return Self.append([buffer, chunk], to: file, threads: threads, on: loop)
        case .file(let file, var rest):
            self.place = .file(file, rest: ByteBuffer())
            // Each piece costs two threads a wake-up, so it is a large one if there is memory.
            let pieceOctets = self.share.pieceOctets
            guard rest.readableBytes + chunk.readableBytes < pieceOctets, !self.share.isScarce else {
                return Self.append([rest, chunk], to: file, threads: threads, on: loop)
            }
            if rest.storageCapacity < pieceOctets { rest.reserveCapacity(pieceOctets) }
            rest.writeImmutableBuffer(chunk)
            self.place = .file(file, rest: rest)
            return nil
        }
    }

    private static func append(
        _ pieces: [ByteBuffer], to file: any StreamedContent, threads: NIOThreadPool, on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
        threads.runIfActive(eventLoop: loop) { for piece in pieces { try file.append(piece) } }
    }

    /// The content is complete. Comes before ``inline()`` and ``finish(threads:on:)``.
    mutating func end() {
        let last = self.boundary.finish()
        guard last.readableBytes > 0 else { return }
        self.octets += last.readableBytes
        switch self.place {
        case .memory(var buffer):
            buffer.writeImmutableBuffer(last)
            self.place = .memory(buffer)
        case .file(let file, var rest):
            rest.writeImmutableBuffer(last)
            self.place = .file(file, rest: rest)
        }
    }

    /// What the spool stores; a file is synced first.
    func finish(threads: NIOThreadPool, on loop: any EventLoop) -> EventLoopFuture<StoredContent>? {
        guard case .file(let file, let rest) = self.place else { return nil }
        return threads.runIfActive(eventLoop: loop) {
            try file.append(rest)
            try file.finish()
            return .file(file)
        }
    }
    /// What is small enough for the transaction; `nil` when it is a file.
    mutating func inline() -> StoredContent? {
        guard case .memory(let buffer) = self.place else { return nil }
        return .buffer(self.completed(buffer))
    }

    /// The content with its header as a submission server leaves it, behind our trace field.
    private mutating func completed(_ buffer: ByteBuffer) -> ByteBuffer {
        guard let fields = self.fields else { return buffer }
        var rest = buffer
        guard var completed = rest.readSlice(length: self.traceOctets) else { return buffer }
        completed.writeImmutableBuffer(fields.completed(rest))
        self.octets += completed.readableBytes - buffer.readableBytes
        return completed
    }

    /// May be called while a piece is being written.
    func discard(threads: NIOThreadPool) {
        if case .file(let file, _) = self.place { threads.submit { _ in file.discard() } }
    }
}
