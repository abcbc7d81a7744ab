/// The text form that Prometheus scrapes: lines of name, labels and value, each metric behind what it is.
///
/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>, version 0.0.4.
struct ExpositionPage {
    private(set) var text = ""

    init() { self.text.reserveCapacity(16 << 10) }

    mutating func head(_ metric: Metric) {
        self.text += "# HELP \(metric.name) \(Self.escaped(metric.help, isLabel: false))\n"
        self.text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
    }

    mutating func add(_ metric: Metric, _ labels: [String], _ value: Double) {
        self.line(metric.name, metric.dimensions(labels), value)
    }

    mutating func add(_ metric: Metric, _ labels: [String], _ snapshot: Distribution.Snapshot) {
        let dimensions = metric.dimensions(labels)
        var total: Int64 = 0
        for (bound, count) in zip(metric.buckets.map { Self.number($0) } + ["+Inf"], snapshot.counts) {
            total += count
            self.line("\(metric.name)_bucket", dimensions + [("le", bound)], Double(total))
        }
        self.line("\(metric.name)_sum", dimensions, snapshot.sum)
        self.line("\(metric.name)_count", dimensions, Double(total))
    }

    private mutating func line(_ name: String, _ dimensions: [(String, String)], _ value: Double) {
        self.text += name
        if !dimensions.isEmpty {
            let pairs = dimensions.map { "\($0)=\"\(Self.escaped($1, isLabel: true))\"" }
            self.text += "{\(pairs.joined(separator: ","))}"
        }
        self.text += " \(Self.number(value))\n"
    }

    /// Whole numbers without a point.
    private static func number(_ value: Double) -> String { Int64(exactly: value).map { "\($0)" } ?? "\(value)" }

    private static func escaped(_ text: String, isLabel: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where isLabel: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
