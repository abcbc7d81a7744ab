import Monitor

/// What nodes are called where there is little room: without the domain that all of them share.
struct NodeNames {
    private var short: [String: String] = [:]
    /// Columns that the longest of them takes, within limits.
    let columns: Int

    init(_ names: [String]) {
        let labels = Set(names).map { (name: $0, labels: $0.split(separator: ".")) }
        // One label is left of each.
        let most = labels.map { $0.labels.count - 1 }.min() ?? 0
        let first = labels.first?.labels ?? []
        let shared = (0...max(most, 0)).last { count in
            labels.allSatisfy { $0.labels.suffix(count) == first.suffix(count) }
        }
        for (name, labels) in labels { self.short[name] = labels.dropLast(shared ?? 0).joined(separator: ".") }
        self.columns = min(12, max(4, self.short.values.map { SafeText($0).columns }.max() ?? 0))
    }

    subscript(name: String) -> String { self.short[name] ?? name }
}

extension Surroundings {
    /// What the nodes of a joined feed are called; `nil`: one node is shown, which need not be told of each row.
    ///
    /// - Parameter rows: nodes that rows name.
    func nodeNames(at node: Int, rows: some Sequence<String>) -> NodeNames? {
        let named = Set(rows)
        guard self.nodes[node].isJoined || named.count > 1 else { return nil }
        return NodeNames(named.union(self.nodes[node].capabilities?.nodes ?? []).sorted())
    }
}

extension Column {
    /// Which node a row is of.
    static func node(_ names: NodeNames, _ name: @escaping @Sendable (Row) -> String) -> Column {
        Column("NODE", .fixed(names.columns)) { row, _ in TableCell(names[name(row)], .muted) }
    }
}
