import NIOCore
import Synchronization

/// Shares memory among the sessions that carry content at the same time: few have large pieces, many have small ones, so
/// that all of them together need about the same.
final class ContentMemory: Sendable {
    private static let octets = 8 << 20
    private static let piece = (smallest: 2 << 10, scarce: 8 << 10, largest: 128 << 10)

    private let sharers = Atomic(0)
    /// Sessions that have a recipient, and whose message is not complete yet: they are about to need a share.
    let mailsUnderWay = Atomic(0)

    /// A session's share, for as long as it lives.
    final class Share: Sendable {
        private let memory: ContentMemory
        fileprivate init(_ memory: ContentMemory) {
            self.memory = memory
            memory.sharers.add(1, ordering: .relaxed)
        }
        deinit { self.memory.sharers.subtract(1, ordering: .relaxed) }

        /// Octets that are held at a time: a power of two, as buffers have room for.
        var pieceOctets: Int { self.memory.pieceOctets }

        /// So many have one that each holds one piece at a time.
        var isScarce: Bool { self.pieceOctets <= ContentMemory.piece.scarce }
    }

    func share() -> Share { Share(self) }

    /// Octets that are read at a time.
    var readOctets: Int {
        let piece = self.pieceOctets
        return piece == Self.piece.largest ? 2 * piece : piece
    }

    var pieceOctets: Int {
        let sharers = max(self.sharers.load(ordering: .relaxed), self.mailsUnderWay.load(ordering: .relaxed))
        let fair = Self.octets / max(sharers, 1)
        var piece = Self.piece.largest
        while piece > fair, piece > Self.piece.smallest { piece /= 2 }
        return piece
    }
}

/// Reads commands, which are short: most sessions that are open do nothing.
func commandReadAllocator() -> some RecvByteBufferAllocator {
    AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 1024, maximum: 8192)
}

/// Reads as much at a time as there is, but where many sessions carry content no more than a piece of it.
struct ContentReadAllocator: RecvByteBufferAllocator {
    /// Most messages fit into one read, and of large ones much is there at a time.
    private var adaptive = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 8192, maximum: 256 << 10)
    private let memory: ContentMemory

    init(_ memory: ContentMemory) { self.memory = memory }

    func nextBufferSize() -> Int? { self.adaptive.nextBufferSize().map { min($0, self.memory.readOctets) } }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.nextBufferSize().map { allocator.buffer(capacity: $0) } ?? self.adaptive.buffer(allocator: allocator)
    }
    mutating func record(actualReadBytes: Int) -> Bool { self.adaptive.record(actualReadBytes: actualReadBytes) }
}
