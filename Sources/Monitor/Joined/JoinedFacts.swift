import Mail

/// Facts of several nodes by time, each node's in the order that it has them in.
struct JoinedFacts {
    private(set) var rows: [FactRow] = []
    /// How many of each page were taken, by the page's place.
    private(set) var taken: [Int]

    /// - Parameters:
    ///   - pages: what each node has, with the node's name.
    ///   - count: so many at most.
    init(_ pages: [(node: String, rows: [FactRow])], count: Int) {
        self.taken = pages.map { _ in 0 }
        while self.rows.count < count {
            let places = self.taken
            let next = pages.indices.filter { places[$0] < pages[$0].rows.count }
                .min { pages[$0].rows[places[$0]].at < pages[$1].rows[places[$1]].at }
            guard let next else { break }
            var row = pages[next].rows[self.taken[next]]
            row.node = row.node ?? pages[next].node
            self.rows.append(row)
            self.taken[next] += 1
        }
    }
}
