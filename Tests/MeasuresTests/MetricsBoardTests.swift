import CoreMetrics
import Foundation
import Measures
import Testing

@Suite("metrics")
struct MetricsBoardTests {
    @Test("what handles counted and what was looked up stand on one page, and what nobody counted is 0 there")
    func page() {
        let board = MetricsBoard()
        Metric.sessionsFailed.counter("out", on: board).increment(by: 2)
        Metric.sessionsFailed.counter("out", on: board).increment()
        let page = board.page([
            Sample(.received, value: 41), Sample(.factsBehind, "jour\"nal\\\n", value: 7),
            Sample(.oldestAge, value: 0.25),
        ])
        #expect(page.contains("\n# TYPE hoptop_sessions_failed_total counter\n"))
        #expect(page.contains("\nhoptop_sessions_failed_total{direction=\"in\"} 0\n"))
        #expect(page.contains("\nhoptop_sessions_failed_total{direction=\"out\"} 3\n"))
        #expect(page.contains("\nhoptop_messages_received_total 41\n"))
        #expect(page.contains("\nhoptop_spool_facts_behind{reader=\"jour\\\"nal\\\\\\n\"} 7\n"))
        #expect(page.contains("\nhoptop_queue_oldest_age_seconds 0.25\n"))
    }

    @Test("a value falls into each bucket that it does not exceed")
    func buckets() {
        let board = MetricsBoard()
        let timer = Metric.spoolTransaction.timer(on: board)
        for nanoseconds in [500_000, 500_001, 15_000_000_000, 15_000_000_001] { timer.recordNanoseconds(nanoseconds) }
        let lines = board.page([]).split(separator: "\n").filter { $0.hasPrefix(Metric.spoolTransaction.name) }
        #expect(lines.first == "hoptop_spool_transaction_duration_seconds_bucket{le=\"0.0005\"} 1")
        #expect(lines.dropFirst().first == "hoptop_spool_transaction_duration_seconds_bucket{le=\"0.001\"} 2")
        #expect(
            lines.suffix(4) == [
                "hoptop_spool_transaction_duration_seconds_bucket{le=\"15\"} 3",
                "hoptop_spool_transaction_duration_seconds_bucket{le=\"+Inf\"} 4",
                "hoptop_spool_transaction_duration_seconds_sum 30.001000002",
                "hoptop_spool_transaction_duration_seconds_count 4",
            ])
    }

    @Test("the kernel says what this process takes up")
    func process() throws {
        let samples = ProcessMeasures.now()
        func value(_ metric: Metric) throws -> Double { try #require(samples.first { $0.metric == metric }).value }
        #expect(try value(.residentMemory) > 1e6)
        #expect(try value(.virtualMemory) >= value(.residentMemory))
        #expect(try value(.descriptors) >= 3)
        #expect(try value(.descriptorLimit) >= value(.descriptors))
        #expect(try value(.cpu) > 0)
        let start = try value(.startTime)
        #expect(start < Date().timeIntervalSince1970 + 1 && start > Date().timeIntervalSince1970 - 86_400)
    }

    @Test("names are those that Prometheus asks for")
    func names() {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
        for metric in Metric.all {
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(metric.buckets.isEmpty == (metric.kind != .histogram), "\(metric.name)")
            #expect(metric.buckets == metric.buckets.sorted(), "\(metric.name)")
        }
    }
}
