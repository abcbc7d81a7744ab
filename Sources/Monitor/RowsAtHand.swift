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

extension JournalQuery {
    /// A window of entries that are all at hand; its places are numbers of entries.
    ///
    /// - Parameter entries: the oldest first, with numbers that follow one another.
    public func window(
        of entries: [JournalEntry], _ request: JournalRequest, at now: Timestamp
    ) -> JournalWindow {
        let places = (entries.first?.ref.number ?? 1) - 1...(entries.last?.ref.number ?? 0)
        let asked = request.place.flatMap { Int64($0) } ?? (self.newestFirst ? places.upperBound : places.lowerBound)
        let start = min(max(asked, places.lowerBound), places.upperBound)
        let last = self.newestFirst ? places.lowerBound : places.upperBound
        var end = start
        var reached: Timestamp?
        var rows: [JournalEntry] = []
        while end != last, rows.count < request.count {
            end += self.newestFirst ? -1 : 1
            let entry = entries[Int((self.newestFirst ? end : end - 1) - places.lowerBound)]
            reached = entry.fact.at
            let isInTime =
                self.since.map { entry.fact.at >= $0 } ?? true && self.until.map { entry.fact.at < $0 } ?? true
            let subject = JournalSubject(entry, at: now)
            if isInTime, self.filter.matches(subject), self.wanted.matches(subject) { rows.append(entry) }
        }
        return JournalWindow(
            rows: rows, start: "\(start)", end: "\(end)", isComplete: end == last, reached: reached,
            total: entries.count, at: now)
    }
}
