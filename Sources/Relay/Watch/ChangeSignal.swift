import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// Tells watchers that something changed, at most every 100 ms, and costs one atomic operation while none is due.
///
/// Without a watcher nothing is scheduled; without a change nothing wakes. A watcher that is slow is told of all areas at once.
final class ChangeSignal: Sendable {
    private let pending = Atomic<UInt8>(0)
    private let watching = Atomic<Bool>(false)
    private let watchers = NIOLockedValueBox<[Int: AsyncStream<FeedChange>.Continuation]>([:])
    let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    /// From any thread.
    func raise(_ area: FeedChange.Area) {
        guard self.watching.load(ordering: .relaxed) else { return }
        let bit: UInt8 = 1 << Self.place(area)
        let old = self.pending.bitwiseOr(bit, ordering: .acquiringAndReleasing).oldValue
        if old == 0 { self.loop.scheduleTask(in: .milliseconds(100)) { self.deliver() } }
    }

    private func deliver() {
        let bits = self.pending.exchange(0, ordering: .acquiringAndReleasing)
        let areas = Set(FeedChange.Area.allCases.filter { bits & (1 << Self.place($0)) != 0 })
        guard !areas.isEmpty else { return }
        let change = FeedChange.changed(areas: areas)
        for watcher in self.watchers.withLockedValue({ Array($0.values) }) { change.tell(watcher) }
    }

    func changes() -> AsyncStream<FeedChange> {
        let (changes, watcher) = FeedChange.stream()
        let key = self.watchers.withLockedValue { watchers in
            let key = (watchers.keys.max() ?? 0) + 1
            watchers[key] = watcher
            self.watching.store(true, ordering: .releasing)
            return key
        }
        watcher.onTermination = { _ in
            self.watchers.withLockedValue { watchers in
                watchers[key] = nil
                self.watching.store(!watchers.isEmpty, ordering: .releasing)
            }
        }
        return changes
    }

    func finish() {
        for watcher in self.watchers.withLockedValue({ Array($0.values) }) { watcher.finish() }
    }

    private static func place(_ area: FeedChange.Area) -> UInt8 {
        switch area {
        case .queue: 0
        case .connections: 1
        case .facts: 2
        case .transcripts: 3
        case .journal: 4
        }
    }
}
