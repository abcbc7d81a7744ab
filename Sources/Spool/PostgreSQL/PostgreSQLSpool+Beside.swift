public import Mail
public import NIOCore

/// What is kept beside the mail, and how the store is doing.
extension PostgreSQLSpool: PolicyStore, TallyStore, SpoolCondition {
    public var policies: any PolicyStore { self }
    public var tallies: any TallyStore { self }
    public var condition: any SpoolCondition { self }

    // MARK: policies

    private static let keptColumns = "domain, id, text, fetched, until"
    private static let keep = Query(
        "keep-policy",
        """
        INSERT INTO hoptop.policies (\(keptColumns)) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (domain) DO UPDATE
        SET id = excluded.id, text = excluded.text, fetched = excluded.fetched, until = excluded.until
        """)
    private static let forgetPolicies = Query("forget-policies", "DELETE FROM hoptop.policies WHERE until <= $1")
    private static let kept = Query(
        "kept-policy", "SELECT \(keptColumns) FROM hoptop.policies WHERE domain = $1 AND until > $2")
    private static let due = Query(
        "due-policies",
        """
        SELECT \(keptColumns) FROM hoptop.policies
        WHERE fetched + least($1, (until - fetched) / 2) <= $2 AND until > $2 ORDER BY fetched LIMIT $3
        """)

    public func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { transaction in
            try transaction.connection.add(Self.forgetPolicies, [.integer(policy.fetched.milliseconds)])
            try transaction.connection.add(
                Self.keep,
                [
                    .text(policy.domain), .text(policy.id), .text(policy.text), .integer(policy.fetched.milliseconds),
                    .integer(policy.until.milliseconds),
                ])
        }
    }

    public func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.kept, [.text(domain), .integer(now.milliseconds)])
            return try rows.count > 0 ? KeptPolicy(rows, 0) : nil
        }
    }

    public func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy] {
        try await self.pool.read { connection in
            let rows = try connection.rows(
                Self.due, [.integer(KeptPolicy.dayMilliseconds), .integer(now.milliseconds), .integer(count)])
            return try (0..<rows.count).map { try KeptPolicy(rows, $0) }
        }
    }

    // MARK: tallies

    private static let addTally = Query(
        "add-tally",
        """
        INSERT INTO hoptop.tallies AS t (day, domain, what, count) VALUES ($1, $2, $3, $4)
        ON CONFLICT (day, domain, what) DO UPDATE SET count = t.count + excluded.count
        """)
    private static let days = Query(
        "tallied-days",
        """
        SELECT domain, day, count(*), sum(octet_length(what))::bigint, sum(count)::bigint FROM hoptop.tallies
        WHERE day < $1 GROUP BY day, domain ORDER BY day, domain COLLATE "C"
        """)
    private static let ofDay = Query(
        "tallies-of-day",
        "SELECT what, count FROM hoptop.tallies WHERE day = $1 AND domain = $2 ORDER BY what COLLATE \"C\"")
    private static let forgetDay = Query(
        "forget-tallies", "DELETE FROM hoptop.tallies WHERE day = $1 AND domain = $2")

    public func add(_ tallies: [Tally], on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        // In one order for all nodes, so that none waits for another that waits for it.
        let sorted = tallies.sorted { ($0.day, $0.domain, $0.what) < ($1.day, $1.domain, $1.what) }
        return self.writer.submit(.patient, on: eventLoop) { transaction in
            for tally in sorted {
                try transaction.connection.add(
                    Self.addTally,
                    [.integer(tally.day), .text(tally.domain), .text(tally.what), .integer(tally.count)])
            }
        }
    }

    public func talliedDays(before day: Int) async throws -> [TalliedDay] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.days, [.integer(day)])
            return try (0..<rows.count).map { row in
                TalliedDay(
                    domain: try rows.text(row, 0), day: try rows.number(row, 1), kinds: try rows.number(row, 2),
                    octets: try rows.number(row, 3), count: try rows.number(row, 4))
            }
        }
    }

    public func tallies(of domain: String, on day: Int) async throws -> [Tally] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.ofDay, [.integer(day), .text(domain)])
            return try (0..<rows.count).map {
                Tally(domain: domain, day: day, what: try rows.text($0, 0), count: try rows.number($0, 1))
            }
        }
    }

    public func forgetTallies(of domain: String, on day: Int, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) {
            try $0.connection.add(Self.forgetDay, [.integer(day), .text(domain)])
        }
    }

    // MARK: its condition

    private static let behind = Query(
        "behind", "SELECT r.name, greatest(c.last_fact - r.sequence, 0) FROM hoptop.readers r, hoptop.counters c")

    /// How much room the database has it does not say.
    public func freeOctets() throws(SpoolError) -> Int? { nil }

    /// A commit of its own, which is as durable as that of a message.
    public func tryWriting(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        self.writer.submit(on: eventLoop) { _ in }
    }

    public func factsBehind() async throws -> [String: Int] {
        try await self.pool.read { connection in
            let rows = try connection.rows(Self.behind)
            return try (0..<rows.count).reduce(into: [:]) { $0[try rows.text($1, 0)] = try rows.number($1, 1) }
        }
    }

    /// Reads count too, since they wait for the same database.
    public var writingSince: NIODeadline? { [self.writer.watch.since, self.pool.since].compactMap { $0 }.min() }
    public func restartWrites(since time: NIODeadline) -> Int {
        self.writer.watch.interrupt(since: time) + self.pool.interrupt(since: time)
    }
}

extension KeptPolicy {
    fileprivate init(_ rows: Rows, _ row: Int) throws(SpoolError) {
        self.init(
            domain: try rows.text(row, 0), id: try rows.text(row, 1), text: try rows.text(row, 2),
            fetched: try rows.timestamp(row, 3), until: try rows.timestamp(row, 4))
    }
}
