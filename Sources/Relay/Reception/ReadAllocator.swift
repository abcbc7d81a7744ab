import NIOCore

/// Memory for what a session's client says.
///
/// A channel keeps one buffer for its life. Most sessions that are open do nothing, so that one is small: a command fits, or
/// a few. Where more is there, or content is awaited, each buffer is made for its read, as large as it pays, and goes when
/// what is in it went; but where many sessions carry content it is no larger than a piece of that. A few sessions with large
/// content may keep a large one, since it costs time to make those.
struct ReadAllocator: RecvByteBufferAllocator {
    private static let smallest = 256
    private static let large = 64 << 10
    /// The last read left nothing behind.
    private var isDrained = true
    /// Most messages fit into one read, and of large ones much is there at a time.
    private var adaptive = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 8192, maximum: 256 << 10)
    private var keeper: ContentMemory.Keeper?
    private let memory: ContentMemory
    private let session: NIOLoopBound<ServerHandler>

    init(_ memory: ContentMemory, for session: ServerHandler, on loop: any EventLoop) {
        self.memory = memory
        self.session = NIOLoopBound(session, eventLoop: loop)
    }

    private var isSmall: Bool { self.isDrained && self.session.value.writer == nil }

    private var octets: Int {
        guard !self.isSmall, let fitting = self.adaptive.nextBufferSize() else { return Self.smallest }
        return min(fitting, self.memory.readOctets)
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: self.octets) }

    /// The size of the buffer that is kept; of one made for its read, none.
    func nextBufferSize() -> Int? { self.isSmall || self.keeper != nil ? self.octets : nil }

    mutating func record(actualReadBytes: Int) -> Bool {
        if !self.isSmall { _ = self.adaptive.record(actualReadBytes: actualReadBytes) }
        if self.keeper == nil, self.octets >= Self.large { self.keeper = self.memory.keeper() }
        self.isDrained = actualReadBytes < Self.smallest
        return true
    }
}
