public import Mail

// A feed that has all rows of a list at hand answers any question about them here.

extension QueueQuery {
    /// The rows that match, in the query's order. A filter sees of a message the recipient that its row shows.
    public func matching(_ rows: some Sequence<QueueRow>, at now: Timestamp) -> [QueueRow] {
        // A rank is worked out once for each row, and not at each comparison.
        let ranked = rows.filter { self.filter.matches(QueueRowSubject($0, at: now)) }
            .map { (rank: QueueRank($0, by: self.sort), row: $0) }
        let sorted = ranked.sorted { left, right in
            left.rank == right.rank
                ? self.isBefore(left.row, right.row)
                : self.descending ? right.rank < left.rank : left.rank < right.rank
        }
        return sorted.map(\.row)
    }

    /// - Parameters:
    ///   - rows: those that match, in order.
    ///   - total: how many there are without the query.
    public func window(
        of rows: [QueueRow], total: Int, _ request: WindowRequest<MessageRef>, at now: Timestamp
    ) -> Window<QueueRow> { self.part(of: rows, total: total, request, at: now) }

    public func find(_ search: SearchRequest, in rows: [QueueRow], at now: Timestamp) -> SearchHit<MessageRef>? {
        self.hit(search, in: rows) { QueueRowSubject($0, at: now) }
    }
}

extension ConnectionQuery {
    /// The rows that match, in the query's order.
    public func matching(_ rows: some Sequence<ConnectionRow>, at now: Timestamp) -> [ConnectionRow] {
        rows.filter { row in
            (self.includesEnded || row.ended == nil) && self.filter.matches(ConnectionSubject(row, at: now))
        }.sorted(by: self.isBefore)
    }

    /// - Parameters:
    ///   - rows: those that match, in order.
    ///   - total: how many there are without the query.
    public func window(
        of rows: [ConnectionRow], total: Int, _ request: WindowRequest<SessionRef>, at now: Timestamp
    ) -> Window<ConnectionRow> { self.part(of: rows, total: total, request, at: now) }

    public func find(_ search: SearchRequest, in rows: [ConnectionRow], at now: Timestamp) -> SearchHit<SessionRef>? {
        self.hit(search, in: rows) { ConnectionSubject($0, at: now) }
    }
}

extension JoinableQuery {
    fileprivate func part(
        of rows: [Row], total: Int, _ request: WindowRequest<Ref>, at now: Timestamp
    ) -> Window<Row> {
        let shown = request.rows(of: rows.count) { ref in
            rows.firstIndex { Self.isSame(Self.ref(of: $0), ref) }
        }
        return Window(
            rows: Array(rows[shown]), first: shown.lowerBound, matched: rows.count, total: total, at: now)
    }

    fileprivate func hit(
        _ search: SearchRequest, in rows: [Row], as subject: (Row) -> some FilterSubject
    ) -> SearchHit<Ref>? {
        search.rows(of: rows.count).first { search.wanted.matches(subject(rows[$0])) }
            .map { SearchHit(Self.ref(of: rows[$0]), row: $0) }
    }
}
