import Mail

/// Entries of several nodes' journals as one list.
struct JoinedEntries {
    private let windows: [JournalWindow]
    private let newestFirst: Bool
    private(set) var rows: [JournalEntry] = []
    /// How many of each window were taken.
    private(set) var taken: [Int]

    init(_ windows: [JournalWindow], newestFirst: Bool) {
        self.windows = windows
        self.newestFirst = newestFirst
        self.taken = windows.map { _ in 0 }
    }

    /// - Parameter count: so many at most.
    mutating func merge(count: Int) {
        while self.rows.count < count, let next = self.next {
            self.rows.append(self.windows[next].rows[self.taken[next]])
            self.taken[next] += 1
        }
    }

    /// The window whose next row stands first; `nil`: there is none, or one that is not known yet may stand before it.
    private var next: Int? {
        let open = self.windows.indices.filter { !self.isExhausted($0) }
        let times = self.windows.indices.filter { self.isExhausted($0) && !self.windows[$0].isComplete }
            .compactMap { self.windows[$0].reached }
        let next = open.min { left, right in
            let (one, other) = (self.at(left), self.at(right))
            return self.newestFirst ? one > other : one < other
        }
        guard let next else { return nil }
        let isKnown = times.allSatisfy { self.newestFirst ? self.at(next) >= $0 : self.at(next) <= $0 }
        return isKnown ? next : nil
    }
    private func isExhausted(_ index: Int) -> Bool { self.taken[index] == self.windows[index].rows.count }
    private func at(_ index: Int) -> Timestamp { self.windows[index].rows[self.taken[index]].fact.at }

    var isComplete: Bool { self.windows.indices.allSatisfy { self.isExhausted($0) && self.windows[$0].isComplete } }

    /// The time up to which all nodes were looked through.
    var reached: Timestamp? {
        let times = self.windows.indices.compactMap { index in
            self.isExhausted(index) ? self.windows[index].reached : self.at(index)
        }
        return self.newestFirst ? times.max() : times.min()
    }
}

extension JournalStatus {
    init(joining parts: [(node: String, status: JournalStatus)], absent: [AbsentNode]?) {
        let all = parts.map(\.status)
        func sum(_ number: (JournalStatus) -> Int) -> Int { all.reduce(0) { $0 + number($1) } }
        let failures = parts.compactMap { part in part.status.failure.map { "\(part.node): \($0)" } }
        self.init(
            directory: nil, entries: sum(\.entries), octets: sum(\.octets), octetsLimit: sum(\.octetsLimit),
            ageLimit: all.map(\.ageLimit).max() ?? 0, oldest: all.compactMap(\.oldest).min(),
            newest: all.compactMap(\.newest).max(), transcripts: sum(\.transcripts), behind: sum(\.behind),
            missing: sum(\.missing), failure: failures.isEmpty ? nil : failures.joined(separator: "; "), absent: absent)
    }
}
