import CoreMetrics
import Measures
import NIOCore

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
