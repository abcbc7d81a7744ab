import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// Who traces dialogues at the moment. A session has a bit for each, so that it tells each of them once until that one has
/// looked; without any it costs a session one atomic load a line.
final class TraceBoard: Sendable {
    private static let limit = UInt64.bitWidth

    private let bits = Atomic<UInt64>(0)
    private let watches = NIOLockedValueBox<[TraceWatch]>([])
    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    /// The bits of all that trace.
    var watching: UInt64 { self.bits.load(ordering: .relaxed) }

    /// - Throws: `.unavailable` when there are too many.
    func open(_ direction: ConnectionRow.Direction?) throws(FeedError) -> TraceWatch {
        let opened: TraceWatch? = self.watches.withLockedValue { watches in
            let taken = watches.reduce(0) { $0 | $1.bit }
            guard watches.count < Self.limit else { return nil }
            let watch = TraceWatch(bit: ~taken & (taken &+ 1), direction: direction, loop: self.loop)
            watches.append(watch)
            self.bits.store(taken | watch.bit, ordering: .releasing)
            return watch
        }
        guard let opened else {
            throw FeedError(.unavailable, "\(Self.limit) traces are under way, and no more are given: end one of them")
        }
        return opened
    }

    func close(_ watch: TraceWatch) {
        self.watches.withLockedValue { watches in
            watches.removeAll { $0 === watch }
            self.bits.store(watches.reduce(0) { $0 | $1.bit }, ordering: .releasing)
        }
    }

    /// From any thread.
    func changed(_ record: SessionRecord, for bits: UInt64) {
        for watch in self.watches(bits) { watch.changed(record) }
    }
    func ended(_ record: SessionRecord, for bits: UInt64) {
        guard bits != 0 else { return }
        for watch in self.watches(bits) { watch.ended(record) }
    }
    private func watches(_ bits: UInt64) -> [TraceWatch] {
        self.watches.withLockedValue { $0.filter { $0.bit & bits != 0 } }
    }

    /// Nothing more will come.
    func finish() {
        for watch in self.watches(.max) { watch.finish() }
    }
}
