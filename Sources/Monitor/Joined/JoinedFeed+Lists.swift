import Synchronization

/// Where windows of the last queries began and ended.
struct JoinedHints<Query: JoinableQuery> {
    private var hints: [(query: Query, hints: JoinedWindow<Query>.Hints)] = []
    subscript(query: Query) -> JoinedWindow<Query>.Hints {
        get { self.hints.first { $0.query == query }?.hints ?? JoinedWindow<Query>.Hints() }
        set {
            self.hints.removeAll { $0.query == query }
            self.hints.insert((query, newValue), at: 0)
            if self.hints.count > 4 { self.hints.removeLast() }
        }
    }
}

extension JoinedFeed {
    /// All nodes are asked at once, round by round, until the rows of the window are at hand.
    ///
    /// - Returns: also the cuts in front of it and behind it.
    func window<Query: JoinableQuery>(
        _ query: Query, _ request: WindowRequest<Query.Ref>, _ hints: borrowing Mutex<JoinedHints<Query>>
    ) async throws -> (window: Window<Query.Row>, cuts: JoinedWindow<Query>.Hints) {
        try await self.nodes.byShares { shares in
            try await self.window(query, shares.map { query.narrowed(to: $0) }, request, hints)
        }
    }

    /// - Parameter queries: what each node is asked.
    private func window<Query: JoinableQuery>(
        _ query: Query, _ queries: [Query], _ request: WindowRequest<Query.Ref>,
        _ hints: borrowing Mutex<JoinedHints<Query>>
    ) async throws -> (window: Window<Query.Row>, cuts: JoinedWindow<Query>.Hints) {
        var owners: [Int] = []
        if case .item(let id, _, _) = request.anchor, let node = try? await self.nodes.index(of: Query.node(of: id)) {
            owners = [node] + self.nodes.peers(of: node)
        }
        let first = await self.nodes.firstOfEachQueue()
        var joined = JoinedWindow(
            query, request, isAbsent: self.nodes.all.map { _ in false }, owners: owners,
            hints: hints.withLock { $0[query] })
        var absent: [AbsentNode] = []
        while joined.result == nil {
            let wanted = joined.wanted
            let answers = await self.nodes.answers(wanted.keys) { index, feed in
                guard let request = wanted[index] else { throw FeedError(.invalid, "nothing was asked") }
                var window = try await queries[index].window(request, of: feed)
                // Of one queue the rows that there are without the query are counted once.
                if queries[index] != query, !first.contains(index) { window.total = 0 }
                return window
            }
            absent += answers.absent
            if absent.count == self.nodes.all.count { _ = try answers.checked() }
            joined.take(answers.values.reduce(into: [:]) { $0[$1.index] = $1.value })
        }
        guard var result = joined.result else { throw FeedError(.unavailable, "there is no node to ask") }
        hints.withLock { $0[query] = result.hints }
        if !absent.isEmpty { result.window.absent = absent.sorted { $0.node < $1.node } }
        return (result.window, result.hints)
    }

    /// Each node looks on from where the search begins in its own list; of what they find the nearest counts.
    func find<Query: JoinableQuery>(
        _ search: SearchRequest, _ query: Query, _ hints: borrowing Mutex<JoinedHints<Query>>
    ) async throws -> SearchHit<Query.Ref>? {
        var (window, cuts) = try await self.window(
            query, WindowRequest(.row(number: search.start), count: 1), hints)
        guard window.matched > 0 else { return nil }
        let start = (search.start % window.matched + window.matched) % window.matched
        if window.first != start {
            (window, cuts) = try await self.window(query, WindowRequest(.row(number: start), count: 1), hints)
        }
        let places = search.isForward ? cuts.before : cuts.behind.map { $0 - 1 }
        let found = try await self.nodes.byShares { shares in
            try await self.nodes.ask(self.nodes.all.indices) { index, feed in
                // Going round is the node's own: past its end it begins again.
                let request = SearchRequest(search.wanted, from: places[index], isForward: search.isForward)
                return try await self.hit(query.narrowed(to: shares[index]), request, in: feed)
            }
        }
        let hits = found.values.compactMap { answer in answer.value.map { (place: places[answer.index], $0) } }
        let ahead = hits.filter { search.isForward ? $0.1.number >= $0.place : $0.1.number <= $0.place }
        let candidates = (ahead.isEmpty ? hits : ahead).map(\.1)
        let best = candidates.min {
            search.isForward ? query.isBefore($0.row, $1.row) : query.isBefore($1.row, $0.row)
        }
        guard let best else { return nil }
        let item = WindowRequest.Anchor.item(id: Query.ref(of: best.row), offset: 0, fallback: start)
        let shown = try await self.window(query, WindowRequest(item, count: 1), hints).window
        return SearchHit(Query.ref(of: best.row), row: shown.first)
    }

    /// What a node's own search finds, and its row there.
    private func hit<Query: JoinableQuery>(
        _ query: Query, _ search: SearchRequest, in feed: any MonitorFeed
    ) async throws -> (number: Int, row: Query.Row)? {
        let look = try await query.window(WindowRequest(.row(number: 0), count: 1), of: feed)
        guard look.matched > 0 else { return nil }
        var search = search
        search.start = ((search.start % look.matched) + look.matched) % look.matched
        guard let hit = try await query.find(search, in: feed) else { return nil }
        let window = try await query.window(
            WindowRequest(.item(id: hit.id, offset: 0, fallback: hit.row), count: 1), of: feed)
        return window.rows.first.map { (hit.row, $0) }
    }
}
