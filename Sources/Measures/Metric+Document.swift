extension Metric {
    /// What people read about the metrics, as Markdown.
    public static var document: String {
        let rows = self.all.map { metric in
            let labels = metric.labels.map { label in
                label.values.isEmpty ? "`\(label.name)`" : "`\(label.name)`: \(label.values.joined(separator: ", "))"
            }
            return
                "| `\(metric.name)` | \(metric.kind.rawValue) | \(metric.source.words) | \(labels.joined(separator: "; ")) | "
                + "\(metric.help) |\n"
        }
        return "| name | kind | counted | labels | what it is |\n| --- | --- | --- | --- | --- |\n" + rows.joined()
    }
}

extension Metric.Source {
    /// Since when, in a word or two.
    fileprivate var words: String {
        switch self {
        case .spool: "since the spool was made"
        case .start: "since the start"
        case .now: "now"
        }
    }
}
