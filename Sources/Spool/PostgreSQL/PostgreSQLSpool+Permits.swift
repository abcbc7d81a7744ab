extension PostgreSQLSpool {
    /// As a commit of mail, which waits for the disk and the standby: a permit that is lost would be had twice.
    private static let waitForDisk = Query("permits-sync", "SET LOCAL synchronous_commit TO DEFAULT")
    /// No node waits long for another one that has the lock, and one that stands still in the middle is ended by the database
    /// before its lease is over.
    private static let limitWaits = Query(
        "permits-waits",
        """
        SELECT set_config('lock_timeout', '2s', true),
            set_config('idle_in_transaction_session_timeout', ($1::bigint / 2)::text, true)
        """)
    /// One node asks at a time: nodes lock their numbers, up to 255, and who changes the tables the next one.
    private static let lockPermits = Query("permits-lock", "SELECT pg_advisory_xact_lock(7235419, 257)")
    /// A node whose time is over cannot renew its lease meanwhile, and one that is just doing so keeps what it has.
    private static let forgetPermits = Query(
        "permits-forget",
        """
        WITH gone AS MATERIALIZED (
            SELECT node FROM hoptop.nodes n WHERE until <= clock_timestamp()
                AND EXISTS (SELECT FROM hoptop.permits p WHERE p.node = n.node)
            FOR NO KEY UPDATE SKIP LOCKED)
        DELETE FROM hoptop.permits p USING hoptop.nodes n
        WHERE n.node = p.node AND (p.token <> n.token OR p.node IN (SELECT node FROM gone))
        """)
    private static let hasLease = Query(
        "permits-lease",
        "SELECT count(*) FROM hoptop.nodes WHERE node = $1 AND token = $2 AND until > clock_timestamp()")
    private static let permits = Query(
        "permits",
        """
        SELECT node, held,
            CASE WHEN asked_at > clock_timestamp() - $2::bigint * interval '1 ms' THEN wanted ELSE held END, turn
        FROM hoptop.permits WHERE site = $1
        """)
    private static let keepPermits = Query(
        "permits-keep",
        """
        INSERT INTO hoptop.permits (site, node, token, held, wanted, turn, asked_at)
        VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
        ON CONFLICT (site, node) DO UPDATE SET token = excluded.token, held = excluded.held, wanted = excluded.wanted,
            turn = excluded.turn, asked_at = excluded.asked_at
        """)
    private static let returnPermits = Query(
        "permits-return", "DELETE FROM hoptop.permits WHERE site = $1 AND node = $2")

    public func permits(_ requests: [PermitRequest], under lease: Int64) async throws -> [PermitGrant] {
        let (node, milliseconds) = (self.node, self.writer.term.milliseconds)
        return try await self.pool.read { connection in
            do {
                return try Self.permits(requests, of: node, under: lease, for: milliseconds, on: connection)
            } catch {
                if !connection.isLost { try connection.rollBack() }
                throw error
            }
        }
    }

    /// Two round trips, however many sites there are.
    private static func permits(
        _ requests: [PermitRequest], of node: UInt8, under lease: Int64, for milliseconds: Int64,
        on connection: Connection
    ) throws -> [PermitGrant] {
        var places: [[PermitLine.Place]] = []
        try connection.add(TransactionQuery.begin)
        try connection.add(self.limitWaits, [.integer(milliseconds)])
        try connection.add(self.waitForDisk)
        try connection.add(self.lockPermits)
        try connection.add(self.forgetPermits)
        try connection.add(self.hasLease, [.integer(node), .integer(lease)]) { rows in
            guard try rows.integer(0, 0) == 1 else { throw NodeLease.Over() }
        }
        for request in requests {
            try connection.add(self.permits, [.text(request.site), .integer(PermitLine.patience)]) { rows in
                places.append(
                    try (0..<rows.count).map { row in
                        PermitLine.Place(
                            node: try rows.number(row, 0), held: try rows.number(row, 1),
                            wanted: try rows.number(row, 2), turn: try rows.integer(row, 3))
                    })
            }
        }
        try connection.run()
        let answers = zip(requests, places).map { PermitLine($1).answer($0, of: node) }
        for (answer, before) in zip(answers, places) {
            let site = QueryValue.text(answer.grant.site)
            let known = before.first { $0.node == node }
            // That it still waits is written too: who does not ask has no place.
            if let place = answer.place, place != known || place.isWaiting {
                try connection.add(
                    self.keepPermits,
                    [
                        site, .integer(node), .integer(lease), .integer(place.held), .integer(place.wanted),
                        .integer(place.turn),
                    ])
            } else if answer.place == nil, known != nil {
                try connection.add(self.returnPermits, [site, .integer(node)])
            }
        }
        if answers.contains(where: \.concernsOthers) { try connection.add(FleetListener.notify, [.text("\(node)")]) }
        _ = try connection.rows(TransactionQuery.commit)
        return answers.map(\.grant)
    }
}
