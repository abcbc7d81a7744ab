import CoreMetrics
import Synchronization

/// A counter: one atomic addition, in no order with anything else.
final class Count: CounterHandler {
    private let number = Atomic<Int64>(0)
    var value: Int64 { self.number.load(ordering: .relaxed) }
    func increment(by amount: Int64) { self.number.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { self.number.store(0, ordering: .relaxed) }
}

/// How often a value fell into each bucket: two atomic additions a value, and no memory.
final class Distribution: TimerHandler, RecorderHandler {
    struct Snapshot {
        /// One for each bucket, and one for what is beyond them.
        var counts: [Int64]
        /// In the metric's unit.
        var sum = 0.0
    }
    /// The largest value of each bucket, in grains.
    private let bounds: [Int64]
    private let counts: [Count]
    private let sum = Count()
    /// What a recorded 1 is in the metric's unit: a nanosecond, or just one.
    private let grain: Double

    init(buckets: [Double], grain: Double) {
        self.grain = grain
        self.bounds = buckets.map { Int64(($0 / grain).rounded()) }
        self.counts = (0...buckets.count).map { _ in Count() }
    }

    func record(_ value: Int64) {
        self.counts[self.bounds.firstIndex { value <= $0 } ?? self.bounds.count].increment(by: 1)
        self.sum.increment(by: value)
    }
    func record(_ value: Double) { self.record(Int64(value.rounded())) }
    func recordNanoseconds(_ duration: Int64) { self.record(duration) }

    var snapshot: Snapshot {
        Snapshot(counts: self.counts.map(\.value), sum: Double(self.sum.value) * self.grain)
    }
}
