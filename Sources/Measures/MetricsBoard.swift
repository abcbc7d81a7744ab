public import CoreMetrics
import NIOConcurrencyHelpers

/// Keeps what handles of swift-metrics count, for the page. A program has one for each relay in it.
///
/// What ``Metric/all`` does not define is counted nowhere: whatever is served is documented.
public final class MetricsBoard: MetricsFactory {
    /// The values of one metric by its labels'. A handle that is made twice is the same one.
    private struct Values {
        var counts: [[String]: Count] = [:]
        var distributions: [[String]: Distribution] = [:]
    }
    private let values = NIOLockedValueBox<[Metric: Values]>([:])

    public init() {}

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        guard let metric = Self.metric(label, .counter) else { return NOOPMetricsHandler.instance }
        let labels = dimensions.map(\.1)
        return self.values.withLockedValue { values in
            let count = values[metric]?.counts[labels] ?? Count()
            values[metric, default: Values()].counts[labels] = count
            return count
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.distribution(label, dimensions, grain: 1e-9) ?? NOOPMetricsHandler.instance
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler { self.distribution(label, dimensions, grain: 1) ?? NOOPMetricsHandler.instance }

    // Gauges are looked up when the page is made, and are no handles.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        NOOPMetricsHandler.instance
    }

    // What a handle has counted stays true when the handle is gone.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}

    private func distribution(_ label: String, _ dimensions: [(String, String)], grain: Double) -> Distribution? {
        guard let metric = Self.metric(label, .histogram) else { return nil }
        let labels = dimensions.map(\.1)
        return self.values.withLockedValue { values in
            let distribution =
                values[metric]?.distributions[labels] ?? Distribution(buckets: metric.buckets, grain: grain)
            values[metric, default: Values()].distributions[labels] = distribution
            return distribution
        }
    }

    private static func metric(_ label: String, _ kind: Metric.Kind) -> Metric? {
        guard let metric = Metric.byName[label], metric.kind == kind else {
            assertionFailure("\(label) is no \(kind.rawValue) of the table")
            return nil
        }
        return metric
    }

    /// Everything there is, in the text form that Prometheus scrapes.
    ///
    /// - Parameter samples: what is known elsewhere, and was looked up now.
    public func page(_ samples: [Sample]) -> String {
        let values = self.values.withLockedValue { $0 }
        let looked = Dictionary(grouping: samples, by: \.metric)
        var page = ExpositionPage()
        for metric in Metric.all {
            page.head(metric)
            switch metric.kind {
            case .histogram:
                for labels in metric.knownLabels {
                    let known = values[metric]?.distributions[labels]?.snapshot
                    page.add(
                        metric, labels,
                        known ?? Distribution.Snapshot(counts: Array(repeating: 0, count: metric.buckets.count + 1)))
                }
            case .counter, .gauge:
                var lines = values[metric]?.counts.mapValues { Double($0.value) } ?? [:]
                for sample in looked[metric] ?? [] { lines[sample.labels] = sample.value }
                for labels in metric.knownLabels {
                    // What is only looked up and was not found is unknown, and not 0.
                    guard let value = lines.removeValue(forKey: labels) ?? (metric.source == .start ? 0 : nil) else {
                        continue
                    }
                    page.add(metric, labels, value)
                }
                for (labels, value) in lines.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                    page.add(metric, labels, value)
                }
            }
        }
        return page.text
    }
}
