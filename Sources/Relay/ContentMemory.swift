import CMalloc
import NIOConcurrencyHelpers
import Synchronization

/// Shares memory among the sessions that carry content at the same time: few have large pieces, many have small ones, so
/// that all of them together need about the same.
final class ContentMemory: Sendable {
    private static let octets = 8 << 20
    private static let piece = (smallest: 2 << 10, scarce: 32 << 10, largest: 128 << 10)
    /// Sharers from which on what lies free is given back to the system, until so few are left.
    private static let trimmed = (from: 1024, until: 64)

    /// They keep as much as all sharers have, at most.
    private static let mostKeepers = 32

    private let sharers = Atomic(0)
    private let keepers = Atomic(0)
    private let isTrimming = Atomic(false)
    private let crowded = NIOLockedValueBox<@Sendable () -> Void>({})
    /// Sessions that have a recipient, and whose message is not complete yet: they are about to need a share.
    let mailsUnderWay = Atomic(0)

    /// A session's share, for as long as it lives.
    final class Share: Sendable {
        private let memory: ContentMemory
        fileprivate init(_ memory: ContentMemory) {
            self.memory = memory
            if memory.sharers.add(1, ordering: .relaxed).newValue == ContentMemory.trimmed.from {
                memory.becameCrowded()
            }
        }
        deinit { self.memory.sharers.subtract(1, ordering: .relaxed) }

        /// Octets that are held at a time: a power of two, as buffers have room for.
        var pieceOctets: Int { self.memory.pieceOctets }

        /// The sharers are so many that each holds one piece at a time.
        var isScarce: Bool { self.pieceOctets <= ContentMemory.piece.scarce }
    }

    func share() -> Share { Share(self) }

    /// Leave for a channel to keep a large buffer for its life.
    final class Keeper: Sendable {
        private let memory: ContentMemory
        fileprivate init(_ memory: ContentMemory) { self.memory = memory }
        deinit { self.memory.keepers.subtract(1, ordering: .relaxed) }
    }

    /// - Returns: `nil`: enough channels keep one.
    func keeper() -> Keeper? {
        guard self.keepers.add(1, ordering: .relaxed).newValue <= Self.mostKeepers else {
            self.keepers.subtract(1, ordering: .relaxed)
            return nil
        }
        return Keeper(self)
    }

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

    /// - Parameter body: called, on any thread, when there is something to ``trim()``, which is then to be called now and then
    ///   for as long as it wants to be.
    func whenCrowded(_ body: @escaping @Sendable () -> Void) { self.crowded.withLockedValue { $0 = body } }

    private func becameCrowded() {
        if !self.isTrimming.exchange(true, ordering: .relaxed) { self.crowded.withLockedValue { $0 }() }
    }

    /// Gives back to the system what many pieces left behind between what stays. Off the event loops: it takes milliseconds.
    ///
    /// - Returns: whether to call it again after a while.
    func trim() -> Bool {
        hoptop_trim_heaps()
        guard self.sharers.load(ordering: .relaxed) < Self.trimmed.until else { return true }
        self.isTrimming.store(false, ordering: .sequentiallyConsistent)
        // A crowd that came just now found it under way.
        return self.sharers.load(ordering: .sequentiallyConsistent) >= Self.trimmed.from
            && !self.isTrimming.exchange(true, ordering: .relaxed)
    }
}
