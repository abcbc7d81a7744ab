/// The tables in the database's schema `hoptop`, version by version.
enum PostgreSQLSchema {
    static let version: Int64 = Int64(versions.count)

    /// Read from the tables: what a name leads to is kept in a memory that another node's COMMIT reaches too late.
    private static let isThere = Query(
        "schema-there", "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'hoptop' AND tablename = 'schema'"
    )
    /// Columns that have other names by now tell tables of a build between two versions: they lack what the next one brings.
    private static let versionFound = Query(
        "schema-version",
        """
        SELECT least(version, (SELECT CASE WHEN count(*) > 0 THEN 5 ELSE version END FROM pg_catalog.pg_attribute
            WHERE attrelid = 'hoptop.nodes'::regclass AND attname IN ('parts', 'visits') AND NOT attisdropped))
        FROM hoptop.schema
        """)
    private static let noteVersion = Query("schema-note", "UPDATE hoptop.schema SET version = $1")
    /// One that changes the tables at a time. Nodes lock their numbers, up to 255.
    private static let lock = Query("schema-lock", "SELECT pg_advisory_xact_lock(7235419, 256)")
    /// Keeps the tables as they are, for as long as the connection has it. Several may.
    private static let keep = Query("schema-keep", "SELECT pg_advisory_lock_shared(7235419, 256)")
    private static let letGo = Query("schema-let-go", "SELECT pg_advisory_unlock_shared(7235419, 256)")
    /// Who has a number, or whose lease is not over: a connection may just be lost, or shared. Of all versions.
    private static let live = Query(
        "schema-live",
        """
        SELECT node, name FROM hoptop.nodes n WHERE until > now() OR EXISTS (
            SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 7235419 AND objid::bigint = n.node AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        ORDER BY node
        """)

    /// Makes the tables where there are none, as each node does at its start.
    ///
    /// - Throws: `.olderVersion`: what older nodes work on is not changed under them by the first new one;
    ///   `.newerVersion`; `.notWritable` where the role may not make them.
    static func prepare(_ connection: Connection) throws {
        var found = try self.found(connection)
        if found == 0 { found = try self.update(connection) { $0 == 0 }.to }
        try self.refuseOther(found)
    }

    /// Does what makes this one a node that ``migrate(_:isForced:)`` finds, while nobody changes the tables. Where it fails the
    /// connection is of no more use.
    ///
    /// - Throws: `.newerVersion` and `.olderVersion`, before anything is done: they were changed after ``prepare(_:)``.
    static func whileKept<Value>(_ connection: Connection, _ body: () throws -> Value) throws -> Value {
        try connection.add(self.keep)
        // Its own statement, so that it sees what was committed while that waited.
        try connection.run()
        try self.refuseOther(try self.found(connection))
        let value = try body()
        _ = try connection.rows(self.letGo)
        return value
    }

    private static func refuseOther(_ found: Int64) throws {
        guard found < self.version else { return try self.refuseNewer(found) }
        throw SpoolError(
            .olderVersion,
            "the spool's database has version \(found), and this program needs \(self.version): stop all nodes of the "
                + "older hoptop, then bring it forward with hoptop spool migrate")
    }

    /// Brings older tables forward.
    ///
    /// - Parameter isForced: also under nodes that are there.
    /// - Throws: `.inUse` with who is there; as ``prepare(_:)``.
    static func migrate(_ connection: Connection, isForced: Bool) throws -> SpoolMigration {
        let migration = try self.update(connection) { found in
            if found > 0, found < self.version, !isForced { try self.refuse(try self.liveNodes(connection)) }
            return true
        }
        try self.refuseNewer(migration.from)
        return migration
    }

    /// What ``migrate(_:isForced:)`` would do.
    static func rehearse(_ connection: Connection) throws -> SpoolMigration {
        let found = try self.found(connection)
        try self.refuseNewer(found)
        return SpoolMigration(
            from: found, to: self.version, live: found > 0 && found < self.version ? try self.liveNodes(connection) : []
        )
    }

    private static func refuseNewer(_ found: Int64) throws {
        guard found > self.version else { return }
        throw SpoolError(
            .newerVersion,
            "the spool's database has version \(found), and this program knows \(self.version): use the newer hoptop")
    }

    private static func refuse(_ live: [String]) throws {
        guard !live.isEmpty else { return }
        throw SpoolError(
            .inUse,
            "\(live.joined(separator: ", ")) of the older version \(live.count == 1 ? "uses" : "use") the spool's "
                + "database: stop \(live.count == 1 ? "it" : "them") first")
    }

    private static func liveNodes(_ connection: Connection) throws -> [String] {
        let rows = try connection.rows(self.live)
        return try (0..<rows.count).map { row in "node \(try rows.integer(row, 0)) (\(try rows.text(row, 1)))" }
    }

    /// 0: there are no tables.
    private static func found(_ connection: Connection) throws -> Int64 {
        guard try connection.rows(self.isThere).integer(0, 0) == 1 else { return 0 }
        return try connection.rows(self.versionFound).integer(0, 0)
    }

    /// - Parameter isWanted: whether tables of that version are changed, while nobody else changes them.
    private static func update(_ connection: Connection, _ isWanted: (Int64) throws -> Bool) throws -> SpoolMigration {
        do {
            try connection.add(TransactionQuery.begin)
            try connection.add(self.lock)
            let found = try self.found(connection)
            let isChanged = try found < self.version && isWanted(found)
            if isChanged {
                for (version, statements) in self.versions.enumerated().dropFirst(Int(found)) {
                    for (number, sql) in statements.enumerated() {
                        try connection.add(Query("schema-\(version + 1)-\(number)", sql))
                        try connection.run()
                    }
                    try connection.add(self.noteVersion, [.integer(version + 1)])
                }
            }
            try connection.add(TransactionQuery.commit)
            try connection.run()
            return SpoolMigration(from: found, to: isChanged ? self.version : found)
        } catch {
            try connection.rollBack()
            throw error
        }
    }

    private static let versions = [first, second, third, fourth, fifth, sixth]

    /// Who said what a fact tells: `ReplyAuthor`.
    ///
    /// A build between the versions had other names for columns of the fifth, and maybe this one already.
    private static let sixth = [
        "ALTER TABLE hoptop.facts ADD COLUMN IF NOT EXISTS said_by bigint",
        """
        DO $$ DECLARE former text; present text; BEGIN
            FOR former, present IN VALUES ('parts', 'shares'), ('visits', 'courier') LOOP
                IF EXISTS (SELECT FROM pg_catalog.pg_attribute
                    WHERE attrelid = 'hoptop.nodes'::regclass AND attname = former AND NOT attisdropped) THEN
                    EXECUTE format('ALTER TABLE hoptop.nodes RENAME COLUMN %I TO %I', former, present);
                END IF;
            END LOOP;
        END $$
        """,
    ]

    /// Each node's `FleetDivision`. `courier`: it is no relay, and comes once to bring mail.
    private static let fifth = [
        """
        ALTER TABLE hoptop.nodes ADD COLUMN shares bigint NOT NULL DEFAULT 0, ADD COLUMN known bigint NOT NULL DEFAULT 0,
            ADD COLUMN crowded text NOT NULL DEFAULT '', ADD COLUMN courier boolean NOT NULL DEFAULT false
        """,
        "UPDATE hoptop.nodes SET courier = true WHERE stopped AND name = 'hoptop spool copy'",
    ]

    /// When a node asked last, by the database's clock.
    private static let fourth = [
        "ALTER TABLE hoptop.permits ADD COLUMN asked_at timestamptz NOT NULL DEFAULT clock_timestamp()"
    ]

    /// Connections to sites of which there are fewer than nodes. `token` is that of the node's lease.
    private static let third = [
        """
        CREATE TABLE hoptop.permits (
            site text NOT NULL, node bigint NOT NULL, token bigint NOT NULL, held bigint NOT NULL, wanted bigint NOT NULL,
            turn bigint NOT NULL, PRIMARY KEY (site, node)) WITH (fillfactor = 50)
        """
    ]

    /// Several nodes on one queue.
    private static let second = [
        // `taken` counts the messages that it took over from others; `quiet`: it drains, and has nothing under way.
        """
        ALTER TABLE hoptop.nodes ADD COLUMN lease bigint NOT NULL DEFAULT 30000,
            ADD COLUMN taken bigint NOT NULL DEFAULT 0, ADD COLUMN draining boolean NOT NULL DEFAULT false,
            ADD COLUMN quiet boolean NOT NULL DEFAULT false,
            ADD COLUMN stopped boolean NOT NULL DEFAULT false, ADD COLUMN software text NOT NULL DEFAULT ''
        """
    ]

    /// Times are milliseconds since 1970, as everywhere in a spool; but for `until`, which is the database's own clock.
    private static let first = [
        "CREATE SCHEMA hoptop",
        "CREATE TABLE hoptop.schema (version bigint NOT NULL)",
        "INSERT INTO hoptop.schema VALUES (1)",
        // Who works on the queue. `token` goes up with each start, so that an earlier process of the same number can write
        // no more; `written` counts the transactions, so that one whose COMMIT was not answered is known to have been or not.
        """
        CREATE TABLE hoptop.nodes (
            node bigint PRIMARY KEY, token bigint NOT NULL, name text NOT NULL, written bigint NOT NULL,
            last_id bigint NOT NULL, until timestamptz NOT NULL) WITH (fillfactor = 10)
        """,
        // Of a deferral only `generation` and `recipients` change, which no index has: the row's page has room for that.
        """
        CREATE TABLE hoptop.messages (
            id bigint PRIMARY KEY, holder bigint NOT NULL, generation bigint NOT NULL, arrived bigint NOT NULL,
            octets bigint NOT NULL, envelope bytea NOT NULL, recipients bytea NOT NULL, copy bigint NOT NULL,
            digest bigint) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)
        """,
        "CREATE INDEX messages_of_node ON hoptop.messages (holder, id)",
        // Content in parts. What is mail is seldom worth compressing, and octets that are not are read from the middle.
        """
        CREATE TABLE hoptop.content (
            message bigint NOT NULL, copy bigint NOT NULL, part bigint NOT NULL, octets bytea NOT NULL,
            PRIMARY KEY (message, copy, part)) WITH (autovacuum_vacuum_scale_factor = 0.05)
        """,
        "ALTER TABLE hoptop.content ALTER COLUMN octets SET STORAGE EXTERNAL",
        // Content on its way in, that no message names yet.
        "CREATE TABLE hoptop.incoming (message bigint NOT NULL, copy bigint NOT NULL, PRIMARY KEY (message, copy))",
        """
        CREATE TABLE hoptop.facts (
            sequence bigint PRIMARY KEY, at bigint NOT NULL, kind text NOT NULL, message bigint NOT NULL,
            recipient bigint, from_path text, to_path text, next_hop text, remote_id text, text text, session text,
            octets bigint, milliseconds bigint, others bytea, actor text, envelope bytea, subject bytea, security text,
            message_id text) WITH (autovacuum_vacuum_scale_factor = 0.05)
        """,
        "CREATE INDEX facts_of_message ON hoptop.facts (message)",
        """
        CREATE TABLE hoptop.dropped (
            message bigint NOT NULL, recipient bigint NOT NULL, token bigint NOT NULL, until bigint NOT NULL,
            generation bigint NOT NULL, before bytea NOT NULL, PRIMARY KEY (message, recipient))
        """,
        "CREATE INDEX dropped_by_token ON hoptop.dropped (token, message)",
        "CREATE INDEX dropped_by_time ON hoptop.dropped (until)",
        "CREATE SEQUENCE hoptop.tokens",
        "CREATE TABLE hoptop.readers (name text PRIMARY KEY, sequence bigint NOT NULL)",
        """
        CREATE TABLE hoptop.rules (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, actor text NOT NULL,
            terms text NOT NULL)
        """,
        """
        CREATE TABLE hoptop.policies (
            domain text PRIMARY KEY, id text NOT NULL, text text NOT NULL, fetched bigint NOT NULL,
            until bigint NOT NULL)
        """,
        """
        CREATE TABLE hoptop.tallies (
            day bigint NOT NULL, domain text NOT NULL, what text NOT NULL, count bigint NOT NULL,
            PRIMARY KEY (day, domain, what))
        """,
        // One row, which every transaction that has facts writes last before its COMMIT: so facts are numbered in the order
        // in which they are seen.
        """
        CREATE TABLE hoptop.counters (
            last_fact bigint NOT NULL, pruned bigint NOT NULL, accepted bigint NOT NULL, relayed bigint NOT NULL,
            deferred_attempts bigint NOT NULL, bounced bigint NOT NULL, expired bigint NOT NULL,
            dropped bigint NOT NULL, reports bigint NOT NULL) WITH (fillfactor = 10)
        """,
        "INSERT INTO hoptop.counters VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0)",
    ]
}

enum TransactionQuery {
    static let begin = Query("begin", "BEGIN")
    static let commit = Query("commit", "COMMIT")
    static let rollback = Query("rollback", "ROLLBACK")
}
