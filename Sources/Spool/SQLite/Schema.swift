import GRDB

/// The tables, version by version. `user_version` says which one a file has.
enum Schema {
    static let version = 8

    /// Settings that a file keeps for ever, so they come before its first table.
    static func prepare(_ db: Database) throws {
        try db.execute(sql: "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;")
    }

    /// - Throws: `.newerVersion`.
    static func refuseNewer(_ db: Database, _ directory: SpoolDirectory) throws {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard found > self.version else { return }
        throw SpoolError(
            .newerVersion,
            "the spool \(directory.path) has version \(found), and this program knows \(self.version): "
                + "use the newer hoptop, or another spool with --spool DIRECTORY")
    }

    static func migrate(_ db: Database) throws {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        if found < 1 {
            try db.execute(
                sql: """
                    CREATE TABLE messages (
                        id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, arrived INTEGER NOT NULL,
                        octets INTEGER NOT NULL, envelope BLOB NOT NULL, recipients BLOB NOT NULL,
                        isFile INTEGER NOT NULL);
                    CREATE TABLE content (id INTEGER PRIMARY KEY, octets BLOB NOT NULL);
                    CREATE TABLE facts (
                        sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
                        message INTEGER NOT NULL, recipient INTEGER, fromPath TEXT, toPath TEXT, nextHop TEXT,
                        remoteID TEXT, text TEXT, session TEXT, octets INTEGER, milliseconds INTEGER);
                    CREATE INDEX factsOfMessage ON facts (message);
                    CREATE TABLE dropped (
                        message INTEGER NOT NULL, recipient INTEGER NOT NULL, token INTEGER NOT NULL,
                        until INTEGER NOT NULL, generation INTEGER NOT NULL, before BLOB NOT NULL,
                        PRIMARY KEY (message, recipient)) WITHOUT ROWID;
                    CREATE INDEX droppedByToken ON dropped (token);
                    CREATE TABLE counters (
                        one INTEGER PRIMARY KEY CHECK (one = 1), lastID INTEGER NOT NULL, accepted INTEGER NOT NULL,
                        relayed INTEGER NOT NULL, deferredAttempts INTEGER NOT NULL, bounced INTEGER NOT NULL,
                        expired INTEGER NOT NULL, dropped INTEGER NOT NULL, reports INTEGER NOT NULL);
                    INSERT INTO counters VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);
                    """)
        }
        if found < 2 {
            // NULL where content came before there were digests: it is not verified.
            try db.execute(sql: "ALTER TABLE messages ADD COLUMN digest INTEGER")
        }
        if found < 3 {
            // What happened to many recipients at once is one row: its recipient and toPath are those of the first of them,
            // the others are packed, and its sequence is the last one's.
            try db.execute(sql: "ALTER TABLE facts ADD COLUMN others BLOB")
        }
        if found < 4 {
            // An accepted message's envelope says how it came, also when the message is gone. Facts of before stay as they
            // are, so that a damaged page of them stops no migration: their words are read anew each time.
            try db.execute(
                sql: """
                    ALTER TABLE facts ADD COLUMN actor TEXT;
                    ALTER TABLE facts ADD COLUMN envelope BLOB;
                    ALTER TABLE facts ADD COLUMN subject BLOB;
                    CREATE TABLE readers (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
                    """)
        }
        if found < 5 {
            // NULL where there was no session, or where it is not known what it had.
            try db.execute(sql: "ALTER TABLE facts ADD COLUMN security TEXT")
        }
        if found < 6 {
            try db.execute(sql: "ALTER TABLE counters ADD COLUMN lastRule INTEGER NOT NULL DEFAULT 0")
        }
        if found < 7 {
            // NULL where a message has none, and where it was accepted before.
            try db.execute(sql: "ALTER TABLE facts ADD COLUMN messageID TEXT")
        }
        if found < 8 {
            // NULL where nobody else said it, and where it was said before.
            try db.execute(sql: "ALTER TABLE facts ADD COLUMN saidBy INTEGER")
        }
        if found < 1 {
            try self.addRules(db)
            try self.addPolicies(db)
            try self.addTallies(db)
        }
        try db.execute(sql: "PRAGMA user_version = \(self.version)")
    }

    /// Whether messages have digests: what only looks into a spool leaves an older version as it is.
    static func hasDigests(_ db: Database) throws -> Bool {
        try Int.fetchOne(db.cachedStatement(sql: "PRAGMA user_version")) ?? 0 >= 2
    }

    /// What an older file lacks, and what it works without: outside of a transaction, which a damaged table would undo.
    static func addMissing(_ db: Database) throws {
        try db.execute(sql: "CREATE INDEX IF NOT EXISTS droppedByTime ON dropped (until)")
        try self.addRules(db)
        try self.addPolicies(db)
        try self.addTallies(db)
    }

    /// Room for a table's first page is made by moving another, which may be damaged.
    private static func addRules(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS rules (
                    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, terms TEXT NOT NULL)
                """)
    }

    private static func addPolicies(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS policies (
                    domain TEXT PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL, fetched INTEGER NOT NULL,
                    until INTEGER NOT NULL) WITHOUT ROWID
                """)
    }

    private static func addTallies(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS tallies (
                    day INTEGER NOT NULL, domain TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
                    PRIMARY KEY (day, domain, what)) WITHOUT ROWID
                """)
    }
}
