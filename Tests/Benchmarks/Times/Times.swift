import Benchmark
import Cases

/// Every case by the clock. One iteration handles a thousand messages, lines or frames, since CPU is known to a hundredth of
/// a second only; where one step handles more it is one step.
let benchmarks: @Sendable () -> Void = {
    for known in Case.all {
        _ = Benchmark(
            // The tool takes a slash for the end of its target's name.
            known.name.replacing("/", with: ": "),
            configuration: Benchmark.Configuration(
                metrics: [.wallClock, .cpuTotal], timeUnits: .microseconds, maxDuration: .seconds(3)),
            closure: { (benchmark: Benchmark, step: () throws -> Void) in
                for _ in 0..<max(1, 1000 / known.units) { try step() }
            },
            setup: { try known.prepare() })
    }
}
