import Foundation
import Glibc
import Mail
import NIOCore
import NIOPosix
import SpoolTesting
import Testing

@testable import Spool

/// What only a spool in a database has: who may open it, and connections that are lost.
@Suite("the spool in PostgreSQL", .timeLimit(.minutes(5)))
struct PostgreSQLSpoolTests {
    /// One spool on a database of its own.
    private struct Fixture: SpoolFixture {
        let cluster: PostgreSQLCluster
        let address: DatabaseAddress
        let spool: PostgreSQLSpool
        let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

        init() throws {
            self.cluster = try PostgreSQLCluster.shared.get()
            self.address = try self.cluster.makeDatabase()
            self.spool = try PostgreSQLSpool(self.address, node: 7, name: "a.example")
        }

        func reopened() async throws -> PostgreSQLSpool {
            await self.spool.close()
            return try PostgreSQLSpool(self.address, node: 7, name: "a.example")
        }

        @discardableResult
        func execute(_ sql: String) throws -> String { try self.cluster.execute(sql, in: self.address.database) }

        /// Ends the connections of relays, as an operator of the database may.
        func endConnections() throws {
            try self.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'hoptop'
                """)
        }

        /// Makes each COMMIT of a message wait while the connection has its lock.
        func makeCommitsWait() throws -> Connection {
            try self.execute(
                """
                CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON hoptop.messages DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION wait();
                """)
            let address = try #require(DatabaseAddress("\(self.address)?application_name=test"))
            return try Connection(address)
        }

        /// Waits until a COMMIT is under way.
        func waitForCommit() async throws {
            while try self.execute(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'
                """) != "1\n"
            { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    @Test("an address names no password, and is of a database")
    func addresses() {
        for url in [
            "postgresql:///hoptop", "postgres://ann@a.example:5433,b.example/hoptop?sslmode=verify-full",
            "postgresql://%2Frun%2Fpostgresql/hoptop",
        ] {
            #expect(DatabaseAddress(url)?.description == url)
        }
        for url in [
            "postgresql://ann:secret@a.example/hoptop", "postgresql://a.example/hoptop?password=secret",
            "postgresql://a.example/hoptop?sslmode=require&Password=secret", "/var/spool/hoptop", "postgresql://",
            "postgresql://a example/", "mysql://a.example/hoptop", "host=a.example",
        ] { #expect(DatabaseAddress(url) == nil, "\(url)") }
    }

    @Test("one process has a node's number at a time; others are told who has it, and have other numbers")
    func inUse() async throws {
        let first = try Fixture()
        let error = #expect(throws: SpoolError.self) {
            try PostgreSQLSpool(first.address, node: 7, name: "b.example")
        }
        #expect(error?.code == .inUse)
        #expect(error?.description.contains("is used by a.example as node 7") == true)
        let message = try await first.accept()
        let other = try PostgreSQLSpool(first.address, node: 8, name: "b.example")
        #expect(try await other.lease(after: nil, count: 10).messages.isEmpty)
        #expect(try await other.message(message.id) == message)
        await other.close()
        let next = try await first.reopened()
        #expect(try await next.lease(after: nil, count: 10).messages == [message])
        #expect(next.nextID(at: Timestamp(milliseconds: 0)) > message.id)
        await next.close()
    }

    @Test("a process that stands still loses its lease: others take its mail over; it goes on with what is left to it")
    func fenced() async throws {
        let first = try Fixture()
        let stopped = try PostgreSQLSpool(first.address, node: 1, name: "b.example", lease: 2000)
        let taker = try PostgreSQLSpool(first.address, node: 2, name: "c.example", lease: 2000)
        let message = first.message(octets: 3)
        var (own, other) = (message, message)
        (own.id, other.id) = (stopped.nextID(at: message.arrived), stopped.nextID(at: message.arrived))
        for message in [own, other] {
            try await stopped.accept(NewMessage(message, content: .buffer(ByteBuffer(string: "abc"))), on: first.loop)
                .get()
        }
        // Its row is locked, so that it can renew nothing, as if it were stopped.
        let lock = try Connection(first.address)
        try lock.add(TransactionQuery.begin)
        _ = try lock.rows(Query("lock", "SELECT FROM hoptop.nodes WHERE node = 1 FOR UPDATE"))
        while stopped.lease != nil { try await Task.sleep(for: .milliseconds(20)) }
        // The database thinks so a little later.
        while try first.execute("SELECT count(*) FROM hoptop.nodes WHERE node = 1 AND until <= now()") != "1\n" {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await taker.takeOver(1).messages.isEmpty)
        _ = try lock.rows(TransactionQuery.rollback)
        while stopped.lease == nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try #require(stopped.lease) > 1)
        #expect(try await stopped.lease(after: nil, count: 9).messages.map(\.id) == [own.id, other.id])
        await stopped.close()
        #expect(try await taker.takeOver(1).messages.map(\.id) == [own.id])
        await taker.close()
        await first.spool.close()
    }

    @Test("nodes that start together on an empty database make its tables once")
    func together() async throws {
        let address = try PostgreSQLCluster.shared.get().makeDatabase()
        try await withThrowingTaskGroup(of: PostgreSQLSpool.self) { group in
            for node in 1...4 {
                group.addTask { try PostgreSQLSpool(address, node: UInt8(node), name: "n\(node).example") }
            }
            for try await spool in group { await spool.close() }
        }
    }

    /// Tables as earlier programs left them, with the version that these said.
    private enum Older: CaseIterable {
        case first, between, betweenWithLast

        var version: Int64 { self == .first ? 1 : 5 }
        var statements: String {
            switch self {
            case .first:
                """
                ALTER TABLE hoptop.nodes DROP COLUMN lease, DROP COLUMN taken, DROP COLUMN draining, DROP COLUMN quiet,
                    DROP COLUMN stopped, DROP COLUMN software, DROP COLUMN shares, DROP COLUMN known, DROP COLUMN crowded,
                    DROP COLUMN courier;
                ALTER TABLE hoptop.facts DROP COLUMN said_by;
                DROP TABLE hoptop.permits;
                UPDATE hoptop.schema SET version = 1
                """
            // Columns had other names until shortly before there was a sixth version, and shortly after.
            case .between:
                """
                ALTER TABLE hoptop.nodes RENAME COLUMN shares TO parts;
                ALTER TABLE hoptop.nodes RENAME COLUMN courier TO visits;
                ALTER TABLE hoptop.facts DROP COLUMN said_by;
                UPDATE hoptop.schema SET version = 5
                """
            case .betweenWithLast: "ALTER TABLE hoptop.nodes RENAME COLUMN shares TO parts"
            }
        }
    }

    @Test(
        "older tables are left as they are by a relay's start, which names the command that brings them forward",
        arguments: Older.allCases)
    private func migration(_ older: Older) async throws {
        let fixture = try Fixture()
        let message = try await fixture.accept()
        await fixture.spool.close()
        try fixture.execute(older.statements)
        let error = #expect(throws: SpoolError.self) {
            try PostgreSQLSpool(fixture.address, node: 8, name: "b.example")
        }
        #expect(error?.code == .olderVersion)
        #expect(error?.description.contains("hoptop spool migrate") == true)
        let expected = SpoolMigration(from: older.version, to: PostgreSQLSchema.version)
        #expect(try PostgreSQLSpool.migrate(fixture.address, isRehearsed: true) == expected)
        #expect(throws: SpoolError.self) { try PostgreSQLSpool(fixture.address, node: 8, name: "b.example") }
        #expect(try PostgreSQLSpool.migrate(fixture.address) == expected)
        let next = try PostgreSQLSpool(fixture.address, node: 7, name: "a.example")
        #expect(try await next.lease(after: nil, count: 9).messages == [message])
        #expect(try await next.sharing().known == 1)
        // Nothing is to be done, so that nobody is in the way.
        #expect(try PostgreSQLSpool.migrate(fixture.address, isRehearsed: true).live == [])
        #expect(try fixture.execute("SELECT version FROM hoptop.schema") == "\(PostgreSQLSchema.version)\n")
        await next.close()
        let again = try PostgreSQLSpool.migrate(fixture.address)
        #expect(again == SpoolMigration(from: PostgreSQLSchema.version, to: PostgreSQLSchema.version))
    }

    @Test("older tables are not changed under a node that has its number, or whose lease lasts, but by force")
    func migrationUnderNodes() async throws {
        let fixture = try Fixture()
        func refused() -> String? {
            let error = #expect(throws: SpoolError.self) { try PostgreSQLSpool.migrate(fixture.address) }
            #expect(error?.code == .inUse)
            return error?.description
        }
        try fixture.execute(Older.between.statements)
        #expect(refused()?.contains("node 7 (a.example)") == true)
        #expect(try PostgreSQLSpool.migrate(fixture.address, isRehearsed: true).live == ["node 7 (a.example)"])
        await fixture.spool.close()
        // As of a process that was just killed.
        try fixture.execute("UPDATE hoptop.nodes SET until = now() + interval '1 hour'")
        #expect(refused()?.contains("node 7 (a.example)") == true)
        try fixture.execute("UPDATE hoptop.nodes SET until = now()")
        let standing = try Connection(fixture.address)
        #expect(try NodeLease.lock(7, on: standing))
        #expect(refused()?.contains("node 7 (a.example)") == true)
        #expect(try fixture.execute("SELECT version FROM hoptop.schema") == "5\n")
        #expect(try PostgreSQLSpool.migrate(fixture.address, isForced: true).to == PostgreSQLSchema.version)
    }

    @Test("a relay that starts while tables are brought forward waits, and does not work on those of a newer version")
    func startDuringMigration() async throws {
        let fixture = try Fixture()
        let migrating = try Connection(fixture.address)
        _ = try migrating.rows(Query("lock", "SELECT pg_advisory_lock(7235419, 256)"))
        let start = Task { try PostgreSQLSpool(fixture.address, node: 8, name: "b.example") }
        func waits() throws -> Bool {
            try fixture.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 256 AND NOT granted") == "1\n"
        }
        while try !waits() { try await Task.sleep(for: .milliseconds(10)) }
        try fixture.execute("UPDATE hoptop.schema SET version = \(PostgreSQLSchema.version + 1)")
        _ = try migrating.rows(Query("unlock", "SELECT pg_advisory_unlock(7235419, 256)"))
        let error = await #expect(throws: SpoolError.self) { try await start.value }
        #expect(error?.code == .newerVersion)
        #expect(try fixture.execute("SELECT count(*) FROM hoptop.nodes WHERE node = 8") == "0\n")
        await fixture.spool.close()
    }

    @Test("facts of a kind that a later version writes are passed over, and counted as missing")
    func laterKinds() async throws {
        let fixture = try Fixture()
        for _ in 0..<4 { try await fixture.accept() }
        try fixture.execute("UPDATE hoptop.facts SET kind = 'odd' WHERE sequence IN (1, 3)")
        let page = try await fixture.spool.facts(after: .start, count: 9)
        #expect(page.facts.count == 2 && page.missing == 2)
        #expect(try await fixture.spool.newestFacts(count: 9).facts.count == 2)
        await fixture.spool.close()
    }

    @Test("a node that misses to renew its lease is silent, then gone; one that stops is neither")
    func silent() async throws {
        let fixture = try Fixture()
        let other = try PostgreSQLSpool(fixture.address, node: 8, name: "b.example")
        await other.close()
        func state(_ change: String) async throws -> FleetNode.State? {
            try fixture.execute("UPDATE hoptop.nodes SET \(change) WHERE node = 8")
            return try await fixture.spool.nodes().last?.state
        }
        #expect(try await state("stopped = stopped") == .stopped)
        #expect(try await state("stopped = false, lease = 3600000, until = now() + interval '59 min'") == .up)
        #expect(try await state("until = now() + interval '30 min'") == .silent)
        #expect(try await state("draining = true") == .silent)
        #expect(try await state("until = now()") == .gone)
        await fixture.spool.close()
    }

    @Test("tables of a newer version are refused, by a start and by the command")
    func newer() async throws {
        let fixture = try Fixture()
        await fixture.spool.close()
        try fixture.execute("UPDATE hoptop.schema SET version = \(PostgreSQLSchema.version + 1)")
        for open: () throws -> Void in [
            { _ = try PostgreSQLSpool(fixture.address, node: 7, name: "a.example") },
            { _ = try PostgreSQLSpool.migrate(fixture.address, isForced: true) },
            { _ = try PostgreSQLSpool.migrate(fixture.address, isRehearsed: true) },
        ] { #expect(#expect(throws: SpoolError.self, performing: open)?.code == .newerVersion) }
    }

    @Test("a node that is gone for good is forgotten with its readers; one that may come back in a moment is not")
    func forgotten() async throws {
        let fixture = try Fixture()
        func forget(_ node: UInt8) async throws -> FleetForgetting {
            let fact = Fact(
                at: Timestamp(milliseconds: 0), kind: .forgotten, message: nil, text: "node \(node) (b.example)",
                actor: "ann")
            return try await fixture.spool.forget(node, as: fact, on: fixture.loop).get()
        }
        func readers() throws -> String { try fixture.execute("SELECT name FROM hoptop.readers ORDER BY name") }

        let other = try PostgreSQLSpool(fixture.address, node: 8, name: "b.example")
        let lease = try #require(other.lease)
        for spool in [fixture.spool, other] {
            for reader in FactReader.allCases {
                try await spool.acknowledge(.start, as: reader.name(of: spool), on: fixture.loop).get()
            }
        }
        _ = try await other.drain(8, true, on: fixture.loop).get()
        var message = fixture.message(octets: 3)
        message.id = other.nextID(at: message.arrived)
        let new = NewMessage(message, content: .buffer(ByteBuffer(string: "abc")))
        try await other.accept(new, on: fixture.loop).get()
        #expect(try await forget(8) == .live)
        #expect(try await forget(7) == .live)
        #expect(try await forget(9) == .unknown)
        await other.close()
        // Content on its way in when it was killed.
        try fixture.execute(
            """
            INSERT INTO hoptop.incoming VALUES (\(8 << 16), 1);
            INSERT INTO hoptop.content VALUES (\(8 << 16), 1, 0, '')
            """)
        // A process that stands still keeps its number.
        var standing: Connection? = try Connection(fixture.address)
        #expect(try NodeLease.lock(8, on: try #require(standing)))
        #expect(try await forget(8) == .standing)
        standing = nil
        // Or its row alone, which nobody waits for.
        let between = try Connection(fixture.address)
        try between.add(TransactionQuery.begin)
        _ = try between.rows(Query("row", "SELECT node FROM hoptop.nodes WHERE node = 8 FOR NO KEY UPDATE"))
        #expect(try await forget(8) == .standing)
        _ = try between.rows(TransactionQuery.rollback)
        while try await forget(8) != .done { try await Task.sleep(for: .milliseconds(10)) }

        #expect(try readers() == "journal of node 7\nlog of node 7\n")
        #expect(try fixture.execute("SELECT count(*) FROM hoptop.content WHERE message = \(8 << 16)") == "0\n")
        #expect(try await fixture.spool.newestFacts(count: 1).facts.map(\.text) == ["node 8 (b.example)"])
        #expect(try await fixture.spool.sharing().known == 1)
        #expect(try await fixture.spool.look().present == [7])
        // It is still shown for the mail that it left.
        #expect(try await fixture.spool.nodes().map(\.node) == [7, 8])
        #expect(try await fixture.spool.takeOver(9).messages.map(\.id) == [message.id])
        #expect(try await fixture.spool.nodes().map(\.node) == [7])
        #expect(try await forget(8) == .unknown)
        // Its number is not as if it had never been there: a lease of before must not be on again.
        let again = try PostgreSQLSpool(fixture.address, node: 8, name: "b.example")
        #expect(try #require(again.lease) > lease)
        #expect(again.nextID(at: Timestamp(milliseconds: 0)) > message.id)
        #expect(try await fixture.spool.nodes().map(\.state) == [.up, .up])
        await again.close()
        await fixture.spool.close()
    }

    @Test("a permit is another's when its node's lease is over and it is not just being renewed, or was one before")
    func permitOfNodeThatIsGone() async throws {
        let fixture = try Fixture()
        try fixture.execute(
            """
            INSERT INTO hoptop.nodes (node, token, name, written, last_id, until)
                VALUES (9, 4, 'b.example', 0, 0, now() + interval '1 hour');
            INSERT INTO hoptop.permits (site, node, token, held, wanted, turn)
                VALUES ('a', 9, 4, 1, 1, 1), ('b', 9, 3, 1, 1, 1)
            """)
        let lease = try #require(fixture.spool.lease)
        func held(_ site: String) async throws -> Int? {
            let request = PermitRequest(site: site, limit: 1, kept: 0, wanted: 1)
            return try await fixture.spool.permits([request], under: lease).first?.held
        }
        #expect(try await held("b") == 1)
        #expect(try await held("a") == 0)
        try fixture.execute("UPDATE hoptop.nodes SET until = now() - interval '1 second' WHERE node = 9")
        // It is just in the transaction that renews it, which began in time.
        let other = try Connection(fixture.address)
        try other.add(TransactionQuery.begin)
        _ = try other.rows(Query("renew", "SELECT node FROM hoptop.nodes WHERE node = 9 FOR NO KEY UPDATE"))
        #expect(try await held("a") == 0)
        _ = try other.rows(TransactionQuery.rollback)
        #expect(try await held("a") == 1)
        await fixture.spool.close()
    }

    @Test("who stands still while it asks for a permit keeps nobody for long, and all goes on when it is gone")
    func lockedPermits() async throws {
        let fixture = try Fixture()
        let lease = try #require(fixture.spool.lease)
        let request = PermitRequest(site: "a", limit: 1, kept: 0, wanted: 1)
        let other = try Connection(fixture.address)
        try other.add(TransactionQuery.begin)
        _ = try other.rows(Query("lock", "SELECT pg_advisory_xact_lock(7235419, 257)"))
        let error = await #expect(throws: SpoolError.self) {
            try await fixture.spool.permits([request], under: lease)
        }
        #expect(error?.description.contains("lock timeout") == true)
        _ = try other.rows(TransactionQuery.rollback)
        #expect(try await fixture.spool.permits([request], under: lease).first?.held == 1)
        await fixture.spool.close()
    }

    @Test("a database whose commits may be lost is refused, unless somebody says that it may be so")
    func durability() async throws {
        let fixture = try Fixture()
        try fixture.execute("ALTER DATABASE \(fixture.address.database) SET synchronous_commit = off")
        let error = #expect(throws: SpoolError.self) {
            try PostgreSQLSpool(fixture.address, node: 1, name: "b.example")
        }
        #expect(error?.description.contains("synchronous_commit is off") == true)
        let spool = try PostgreSQLSpool(fixture.address, node: 1, name: "b.example", mayLoseCommits: true)
        await spool.close()
        await fixture.spool.close()
    }

    @Test("a newer database is refused, and one that is not there is named")
    func refused() async throws {
        let fixture = try Fixture()
        await fixture.spool.close()
        try fixture.execute("UPDATE hoptop.schema SET version = 99")
        let newer = #expect(throws: SpoolError.self) { try PostgreSQLSpool(fixture.address, name: "a.example") }
        #expect(newer?.code == .newerVersion)
        let gone = fixture.cluster.address(of: "nowhere")
        let missing = #expect(throws: SpoolError.self) { try PostgreSQLSpool(gone, name: "a.example") }
        #expect(missing?.code == .unavailable)
        #expect(missing?.description.contains("database \"nowhere\" does not exist") == true)
    }

    @Test("connections that the database ends are made anew; who waited is told, and nothing is half done")
    func lostConnections() async throws {
        let fixture = try Fixture()
        let message = try await fixture.accept()
        _ = try await fixture.spool.counters()
        try fixture.endConnections()
        #expect(try await fixture.spool.counters().accepted == 1)
        let next = try await fixture.accept()
        #expect(try await fixture.spool.message(next.id) == next)
        #expect(try await fixture.settle(message, [.relayed]) == .done(generation: 1, isGone: true))
        await fixture.spool.close()
    }

    @Test("a commit whose answer is lost is asked about: who waits for it is told the truth")
    func lostAnswer() async throws {
        let fixture = try Fixture()
        let lock = try fixture.makeCommitsWait()
        let take = Query("take", "SELECT pg_advisory_lock(1)")
        let release = Query("release", "SELECT pg_advisory_unlock(1)")
        _ = try lock.rows(take)
        let message = fixture.message(octets: 3)
        let accepted = fixture.spool.accept(
            NewMessage(message, content: .buffer(ByteBuffer(string: "abc"))), on: fixture.loop)
        try await fixture.waitForCommit()
        #expect(fixture.spool.condition.writingSince != nil)
        #expect(fixture.spool.condition.restartWrites(since: .now()) == 1)
        // The database goes on with it all the same.
        _ = try lock.rows(release)
        try await accepted.get()
        #expect(try await fixture.spool.message(message.id) == message)
        #expect(try await fixture.spool.counters().accepted == 1)

        _ = try lock.rows(take)
        let refused = fixture.message(octets: 3)
        let failing = fixture.spool.accept(
            NewMessage(refused, content: .buffer(ByteBuffer(string: "abc"))), on: fixture.loop)
        try await fixture.waitForCommit()
        try fixture.endConnections()
        await #expect(throws: SpoolError.self) { try await failing.get() }
        #expect(try await fixture.spool.message(refused.id) == nil)
        #expect(try await fixture.spool.counters().accepted == 1)
        #expect(fixture.spool.condition.writingSince == nil)
        await fixture.spool.close()
    }

    @Test("what the database does not answer is asked anew on another connection")
    func unanswered() async throws {
        let fixture = try Fixture()
        try await fixture.accept()
        _ = try await fixture.spool.counters()
        let backends = try fixture.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hoptop'"
        ).split(separator: "\n").compactMap { pid_t($0) }
        #expect(backends.count == 2)
        for backend in backends { kill(backend, SIGSTOP) }
        defer { for backend in backends { kill(backend, SIGCONT) } }
        // As the relay does, but sooner.
        let impatience = Task {
            while true {
                try await Task.sleep(for: .milliseconds(50))
                _ = fixture.spool.condition.restartWrites(since: .now() - .seconds(1))
            }
        }
        defer { impatience.cancel() }
        #expect(try await fixture.spool.counters().accepted == 1)
        try await fixture.accept()
        #expect(try await fixture.spool.counters().accepted == 2)
        await fixture.spool.close()
    }

    @Test("a database that may only be read refuses mail, and takes it again when it may be written to")
    func readOnly() async throws {
        let fixture = try Fixture()
        try await fixture.accept()
        func setReadOnly(_ word: String) throws {
            try fixture.cluster.execute(
                "ALTER DATABASE \(fixture.address.database) SET default_transaction_read_only = \(word)", in: "postgres"
            )
        }
        try setReadOnly("on")
        try fixture.endConnections()
        let error = await #expect(throws: SpoolError.self) { try await fixture.accept() }
        #expect(error?.code == .unavailable)
        try setReadOnly("off")
        while (try? await fixture.accept()) == nil { try await Task.sleep(for: .milliseconds(100)) }
        #expect(try await fixture.spool.counters().accepted == 2)
        await fixture.spool.close()
    }

    @Test("large content that nobody accepted is swept away at the next start, and takes no more memory than a part")
    func sweep() async throws {
        let fixture = try Fixture()
        let file = fixture.spool.newContentFile(for: fixture.spool.nextID(at: Timestamp(milliseconds: 0)))
        try file.append(ByteBuffer(repeating: 0x61, count: 1_000_000))
        #expect(try fixture.execute("SELECT count(*), max(length(octets)) FROM hoptop.content") == "7|131072\n")
        let kept = try await fixture.accept()
        let next = try await fixture.reopened()
        #expect(try fixture.execute("SELECT message FROM hoptop.content") == "\(kept.id.rawValue)\n")
        #expect(try fixture.execute("SELECT count(*) FROM hoptop.incoming") == "0\n")
        await next.close()
    }

    @Test("large content whose beginning was swept away, since its node was taken for gone, gets no further part")
    func sweptWhileItComes() async throws {
        let fixture = try Fixture()
        let file = fixture.spool.newContentFile(for: fixture.spool.nextID(at: Timestamp(milliseconds: 0)))
        let part = ByteBuffer(repeating: 0x61, count: 200_000)
        try file.append(part)
        let others = try Connection(fixture.address)
        try UploadedContent.sweep(of: 7, on: others)
        #expect(throws: SpoolError.self) { try file.append(part) }
        #expect(throws: SpoolError.self) { try file.finish() }
        #expect(try fixture.execute("SELECT count(*) FROM hoptop.content") == "0\n")
        await fixture.spool.close()
    }

    @Test("who only brings mail is a node for as long as it works, and until others have what it left")
    func courier() async throws {
        let fixture = try Fixture()
        let courier = try PostgreSQLSpool(fixture.address, name: "a copy", isCourier: true)
        #expect(try await fixture.spool.nodes().map(\.node) == [0, 7])
        var message = fixture.message(octets: 3)
        message.id = courier.nextID(at: message.arrived)
        let new = NewMessage(message, content: .buffer(ByteBuffer(string: "abc")))
        try await courier.accept(new, on: fixture.loop).get()
        await courier.close()
        #expect(try await fixture.spool.nodes().map(\.state) == [.stopped, .up])
        #expect(try await fixture.spool.look().isFirst)
        // No site has a share for it.
        let sharing = try await fixture.spool.sharing()
        #expect(sharing.known == 1 && sharing.live == 1)
        #expect(try await fixture.spool.takeOver(9).messages.map(\.id) == [message.id])
        #expect(try await fixture.spool.nodes().map(\.node) == [7])
        // A relay that has the number stays one.
        let relay = try PostgreSQLSpool(fixture.address, name: "b.example")
        await relay.close()
        let again = try PostgreSQLSpool(fixture.address, name: "a copy", isCourier: true)
        await again.close()
        #expect(try await fixture.spool.nodes().map(\.name) == ["b.example", "a.example"])
        await fixture.spool.close()
    }

    @Test("what peers say may hold what the database's texts may not")
    func zeroOctets() async throws {
        let fixture = try Fixture()
        let message = try await fixture.accept()
        let outcome = Settlement.Outcome(index: 0, generation: 0, state: .deferred, reply: "450 a\0b")
        let settlement = Settlement(message: message.id, at: message.arrived, outcomes: [outcome])
        #expect(
            try await fixture.spool.settle([settlement], on: fixture.loop).get()
                == [.done(generation: 1, isGone: false)])
        #expect(try await fixture.spool.message(message.id)?.recipients[0].lastReply == "450 a\0b")
        #expect(try await fixture.spool.facts(of: message.id).last?.text == "450 a\u{FFFD}b")
        await fixture.spool.close()
    }

    @Test("facts of many nodes are numbered in the order in which they are seen, without a gap")
    func factsOfMany() async throws {
        let fixture = try Fixture()
        let nodes = try (1...3).map { try PostgreSQLSpool(fixture.address, node: $0, name: "n\($0).example") }
        let reader = Task {
            var seen = 0
            var cursor = FactCursor.start
            while seen < 600 {
                let page = try await fixture.spool.facts(after: cursor, count: 50)
                seen += page.facts.count
                cursor = page.end
                guard page.missing == 0 else { return -1 }
            }
            return seen
        }
        try await withThrowingTaskGroup { group in
            for spool in nodes {
                group.addTask {
                    for _ in 0..<200 {
                        let message = fixture.message(octets: 3)
                        var own = message
                        own.id = spool.nextID(at: message.arrived)
                        let new = NewMessage(own, content: .buffer(ByteBuffer(string: "abc")))
                        try await spool.accept(new, on: fixture.loop).get()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await reader.value == 600)
        for spool in nodes { await spool.close() }
        await fixture.spool.close()
    }
}
