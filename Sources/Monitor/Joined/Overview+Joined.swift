import Mail

extension Overview {
    private static let destinationsShown = 200

    /// Several nodes' as one: counts are added up, times are those of the slowest.
    ///
    /// - Parameters:
    ///   - overviews: at least one, by the name of its node.
    ///   - absent: nodes that are missing, which is told first of all.
    init(joining overviews: [(node: String, overview: Overview)], absent: [AbsentNode], as name: String) {
        let all = overviews.map(\.overview)
        func sum(_ part: (Overview) -> Int) -> Int { all.reduce(0) { $0 + part($1) } }
        let destinations = DestinationAges.joined(all.flatMap(\.destinations))
        self.init(
            node: name, started: all.map(\.started).max() ?? Timestamp(milliseconds: 0),
            at: all.map(\.at).max() ?? Timestamp(milliseconds: 0), listening: all.flatMap(\.listening),
            isAccepting: all.allSatisfy(\.isAccepting), queuedMessages: sum(\.queuedMessages),
            queuedOctets: sum(\.queuedOctets), recipients: RecipientCounts(joining: all.map(\.recipients)),
            totals: Totals(joining: all.map(\.totals)), received: Self.flow(all.map(\.received)),
            relayed: Self.flow(all.map(\.relayed)), deferred: Self.flow(all.map(\.deferred)),
            bounced: Self.flow(all.map(\.bounced)), receiveP95: all.compactMap(\.receiveP95).max(),
            relayP95: all.compactMap(\.relayP95).max(), sessionsIn: sum(\.sessionsIn),
            // Without a limit of one there is none of all.
            sessionsInLimit: all.contains { $0.sessionsInLimit == 0 } ? 0 : sum(\.sessionsInLimit),
            sessionsOut: sum(\.sessionsOut), oldest: all.compactMap(\.oldest).min(),
            attention: absent.map { Attention(.failure, .unreachable(node: $0)) } + Attention.joined(overviews),
            moreAttention: sum { $0.moreAttention ?? 0 },
            failures: all.contains { $0.failures != nil } ? Failures(joining: all.compactMap(\.failures)) : nil,
            destinations: Array(destinations.prefix(Self.destinationsShown)),
            moreDestinations: sum(\.moreDestinations) + max(destinations.count - Self.destinationsShown, 0))
        self.receiveP50 = all.compactMap(\.receiveP50).max()
        self.relayP50 = all.compactMap(\.relayP50).max()
        self.durability = Durability(joining: all.compactMap(\.durability))
        let domains = all.compactMap(\.domains)
        self.domains =
            domains.isEmpty
            ? nil : Array(DestinationAges.joined(domains.flatMap { $0 }).prefix(Self.destinationsShown))
    }

    /// What is its own: what it tells of the queue, another node that shares it tells as well.
    var withoutQueue: Overview {
        var own = self
        (own.queuedMessages, own.queuedOctets, own.recipients, own.totals) = (0, 0, RecipientCounts(), Totals())
        (own.oldest, own.failures, own.domains, own.moreDestinations) = (nil, nil, nil, 0)
        own.moreAttention = nil
        for index in own.destinations.indices {
            (own.destinations[index].total, own.destinations[index].ages) = (0, AgeCounts())
        }
        own.attention.removeAll(where: \.isAboutQueue)
        return own
    }

    /// Counts a second, of which the newest ones of all are of one moment.
    private static func flow(_ counts: [[Int]]) -> [Int] {
        let length = counts.map(\.count).max() ?? 0
        return counts.reduce(into: Array(repeating: 0, count: length)) { sums, counts in
            for (place, count) in counts.enumerated() { sums[length - counts.count + place] += count }
        }
    }
}

extension Overview.Durability {
    /// What is written is added up, who waits longest counts, and so does the fullest disk.
    fileprivate init?(joining all: [Self]) {
        guard !all.isEmpty else { return nil }
        self.init(
            syncs: all.reduce(0) { $0 + $1.syncs }, changes: all.reduce(0) { $0 + $1.changes },
            replyP50: all.compactMap(\.replyP50).max(), replyP99: all.compactMap(\.replyP99).max(),
            pendingOctets: all.reduce(0) { $0 + $1.pendingOctets }, freeOctets: all.compactMap(\.freeOctets).min())
    }
}

extension Overview.Totals {
    fileprivate init(joining all: [Self]) {
        func sum(_ part: (Self) -> Int) -> Int { all.reduce(0) { $0 + part($1) } }
        self.init(
            received: sum(\.received), reports: sum(\.reports), relayed: sum(\.relayed),
            deferredAttempts: sum(\.deferredAttempts), bounced: sum(\.bounced), expired: sum(\.expired),
            dropped: sum(\.dropped))
    }
}

extension RecipientCounts {
    fileprivate init(joining all: [Self]) {
        self.init()
        for state in RecipientState.allCases { self[state] = all.reduce(0) { $0 + $1[state] } }
    }
}

extension Attention {
    fileprivate var isAboutQueue: Bool {
        switch self.kind {
        case .unrouted, .deferring, .suspended, .damaged, .nodeGone: true
        default: false
        }
    }

    /// The worst first, and of those what concerns most recipients.
    fileprivate static func joined(_ overviews: [(node: String, overview: Overview)]) -> [Attention] {
        let all = overviews.flatMap { node, overview in
            overview.attention.map { attention in
                var attention = attention
                attention.node = attention.node ?? node
                return attention
            }
        }
        let ranked = all.enumerated().sorted { left, right in
            (right.element.severity.rank, right.element.count ?? .max, left.offset)
                < (left.element.severity.rank, left.element.count ?? .max, right.offset)
        }
        return ranked.map(\.element)
    }
}

extension Attention.Severity {
    fileprivate var rank: Int {
        switch self {
        case .notice: 0
        case .warning: 1
        case .failure: 2
        }
    }
}

extension DestinationAges {
    /// Those of one name as one, which is in the condition of the worst; those with most recipients first.
    fileprivate static func joined(_ all: [DestinationAges]) -> [DestinationAges] {
        Dictionary(grouping: all, by: \.destination).values.compactMap { some in
            guard var joined = some.max(by: { $0.condition.rank < $1.condition.rank }) else { return nil }
            joined.connections = some.reduce(0) { $0 + $1.connections }
            // What all nodes may have together each of them says.
            let ofAll = some.filter { $0.isLimitOfAll ?? false }.map(\.connectionLimit).max()
            let own = some.filter { !($0.isLimitOfAll ?? false) }
            joined.connectionLimit = own.reduce(ofAll ?? 0) { $0 + $1.connectionLimit }
            joined.isLimitOfAll = own.isEmpty ? true : nil
            joined.total = some.reduce(0) { $0 + $1.total }
            joined.remaining = some.compactMap(\.remaining).max()
            joined.ages = AgeCounts(
                some.reduce(into: AgeCounts().columns) { sums, row in
                    for (place, count) in row.ages.columns.enumerated() { sums[place] += count }
                })
            return joined
        }.sorted { ($1.total, $0.destination) < ($0.total, $1.destination) }
    }
}
