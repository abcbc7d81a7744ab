import CoreMetrics
import Measures
import NIOCore
import Synchronization

/// What the writer's transactions cost.
struct WriterMeasures: Sendable {
    private let duration: CoreMetrics.Timer
    private let changes: Recorder
    let failures: Counter

    init(on board: any MetricsFactory) {
        self.duration = Metric.spoolTransaction.timer(on: board)
        self.changes = Metric.spoolBatch.recorder(on: board)
        self.failures = Metric.spoolFailures.counter(on: board)
    }

    /// What was changed is on disk.
    func committed(_ changes: Int, since begun: NIODeadline) {
        self.duration.recordNanoseconds((.now() - begun).nanoseconds)
        self.changes.record(changes)
    }
}

/// What the writer has written, and what waits for it; counted from any thread.
final class WriterTotals: Sendable {
    private let transactions = Atomic<Int>(0)
    private let changes = Atomic<Int>(0)
    private let pendingOctets = Atomic<Int>(0)

    func submitted(_ octets: Int) { self.pendingOctets.add(octets, ordering: .relaxed) }
    /// What was submitted is on disk, or failed.
    func finished(_ octets: Int) { self.pendingOctets.subtract(octets, ordering: .relaxed) }
    func committed(_ changes: Int) {
        self.transactions.add(1, ordering: .relaxed)
        self.changes.add(changes, ordering: .relaxed)
    }

    var now: SpoolWriting {
        SpoolWriting(
            transactions: self.transactions.load(ordering: .relaxed), changes: self.changes.load(ordering: .relaxed),
            pendingOctets: self.pendingOctets.load(ordering: .relaxed))
    }
}
