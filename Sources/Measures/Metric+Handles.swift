public import CoreMetrics

/// What rooms count by: handles of swift-metrics, made once. Without a board they count nowhere.
extension Metric {
    /// - Parameter values: one for each label, in their order.
    public func counter(_ values: String..., on board: any MetricsFactory) -> Counter {
        Counter(label: self.name, dimensions: self.dimensions(values), factory: board)
    }

    /// A counter for each word of its only label.
    public func counters<Word: LabelWord>(_ type: Word.Type, on board: any MetricsFactory) -> [Word: Counter] {
        Dictionary(uniqueKeysWithValues: Word.allCases.map { ($0, self.counter($0.rawValue, on: board)) })
    }

    /// A counter for each pair of words of its two labels.
    public func counters<First: LabelWord, Second: LabelWord>(
        _ first: First.Type, _ second: Second.Type, on board: any MetricsFactory
    ) -> [First: [Second: Counter]] {
        let rows = First.allCases.map { one in
            (one, Second.allCases.map { ($0, self.counter(one.rawValue, $0.rawValue, on: board)) })
        }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0, Dictionary(uniqueKeysWithValues: $1)) })
    }

    /// Of a histogram in seconds.
    public func timer(on board: any MetricsFactory) -> CoreMetrics.Timer {
        CoreMetrics.Timer(label: self.name, dimensions: [], factory: board)
    }

    /// Of a histogram of numbers.
    public func recorder(on board: any MetricsFactory) -> Recorder {
        Recorder(label: self.name, dimensions: [], factory: board)
    }
}
