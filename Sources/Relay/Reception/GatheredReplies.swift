import NIOCore
import NIOPosix

/// Sends the replies of one event loop's sessions behind each other, when all of them that had input were served.
///
/// A reply wakes the client that waits for it. Sent at once, it takes the processor away from the sessions that are still to
/// be served, and a client of many sessions is woken for each of them.
///
/// `@unchecked Sendable`: used on its event loop alone.
final class GatheredReplies: @unchecked Sendable {
    /// Sessions that wait for each other, lest the first of thousands waits for all of them.
    private static let limit = 64
    private static let ofThread = ThreadSpecificVariable<GatheredReplies>()

    private let loop: NIOIsolatedEventLoop
    /// Memory for the next replies of any of them: a session that only waits keeps none.
    private var spares: [ByteBuffer] = []
    private var waiting: [(handler: ServerHandler, context: ChannelHandlerContext)] = []

    private init(_ loop: NIOIsolatedEventLoop) { self.loop = loop }

    /// The gathered replies of the event loop that runs this.
    static func of(_ loop: any EventLoop) -> GatheredReplies {
        if let known = self.ofThread.currentValue, known.loop.nonisolated() === loop { return known }
        let new = GatheredReplies(loop.assumeIsolated())
        self.ofThread.currentValue = new
        return new
    }

    /// An empty one, to write replies into.
    func buffer() -> ByteBuffer { self.spares.popLast() ?? ByteBuffer() }

    /// Takes back the memory of what was written a moment ago. What the channel could not write at once keeps its own.
    func reuse(_ written: consuming ByteBuffer) {
        guard self.spares.count < Self.limit, written.capacity <= ByteBuffer.keptOctets else { return }
        written.clear()
        self.spares.append(written)
    }

    /// `handler` has something to write.
    func add(_ handler: ServerHandler, _ context: ChannelHandlerContext) {
        if self.waiting.isEmpty { self.loop.execute { self.write() } }
        self.waiting.append((handler, context))
        if self.waiting.count == Self.limit { self.write() }
    }

    private func write() {
        // A write that fails closes its channel, and others may have something to say to that.
        var waiting: [(handler: ServerHandler, context: ChannelHandlerContext)] = []
        swap(&waiting, &self.waiting)
        for (handler, context) in waiting { handler.write(context) }
        guard self.waiting.isEmpty else { return }
        waiting.removeAll(keepingCapacity: true)
        swap(&waiting, &self.waiting)
    }
}
