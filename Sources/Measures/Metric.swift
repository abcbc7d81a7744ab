/// What is counted or measured under one name, as those who scrape it see it.
///
/// All there are stand in ``all``: the page, its documentation and the handles that the rooms count by are made from it.
public struct Metric: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        /// Only goes up, and begins at 0 again where it says so.
        case counter
        case gauge
        case histogram
    }

    /// One of the few words by which values of a metric are told apart. No name, address or domain is ever one: there is no
    /// end of those.
    public struct Label: Sendable, Hashable {
        public let name: String
        /// All that it can be, which the page has from the start; empty: a few words that only the running program knows.
        public let values: [String]
        init(_ name: String, _ values: [String] = []) {
            self.name = name
            self.values = values
        }
        init<Word: LabelWord>(_ name: String, _ type: Word.Type) {
            self.init(name, Word.allCases.map(\.rawValue))
        }
    }

    /// Where its values come from, and so when they begin at 0.
    public enum Source: String, Sendable, Hashable {
        /// The spool's counters, which survive a restart.
        case spool
        /// Counted since the program started.
        case start
        /// Looked up when somebody asks.
        case now
    }

    /// `hoptop_sessions_total`; the unit is in the name (seconds, bytes).
    public let name: String
    public let kind: Kind
    public let source: Source
    /// A sentence for people.
    public let help: String
    public let labels: [Label]
    /// Upper bounds of a histogram's buckets, in its unit, without the last one, which takes everything.
    public let buckets: [Double]

    init(
        _ name: String, _ kind: Kind, from source: Source, _ help: String, by labels: [Label] = [],
        buckets: [Double] = []
    ) {
        self.name = name
        self.kind = kind
        self.source = source
        self.help = help
        self.labels = labels
        self.buckets = buckets
    }

    /// The combinations of labels that the page has from the start, so that a rate over them never lacks its first value.
    var knownLabels: [[String]] {
        self.labels.reduce([[]]) { known, label in known.flatMap { words in label.values.map { words + [$0] } } }
    }

    /// Each label with its value.
    func dimensions(_ values: [String]) -> [(String, String)] {
        precondition(values.count == self.labels.count, "\(self.name) has other labels")
        return zip(self.labels, values).map { ($0.name, $1) }
    }
}

/// One value, as it is now.
public struct Sample: Sendable, Hashable {
    public let metric: Metric
    /// One for each of the metric's labels, in their order.
    public let labels: [String]
    public let value: Double

    public init(_ metric: Metric, _ labels: String..., value: Double) {
        self.metric = metric
        self.labels = labels
        self.value = value
    }
    public init(_ metric: Metric, _ labels: String..., value: Int) {
        self.metric = metric
        self.labels = labels
        self.value = Double(value)
    }
}
