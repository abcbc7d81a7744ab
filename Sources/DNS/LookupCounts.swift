import CoreMetrics
import Measures

/// Counts what came of questions.
struct LookupCounts: Sendable {
    private let counters: [LookupResult: Counter]

    init(on board: any MetricsFactory) { self.counters = Metric.lookups.counters(LookupResult.self, on: board) }

    func count(_ answer: RawAnswer) {
        let result: LookupResult =
            switch answer.failure {
            case .bogus: .bogus
            case .refused, .timedOut, .unavailable: .failed
            case nil: answer.records.isEmpty ? .none : .records
            }
        self.counters[result]?.increment()
    }
}
