import Relay
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("a relay that stops while its database does not answer", .timeLimit(.minutes(2)))
    struct FleetStopTests {
        @Test("a COMMIT whose answer is lost with the database is not asked about for longer than sessions may take")
        func lostCommit() async throws {
            let cluster = try PostgreSQLCluster()
            let database = try cluster.makeDatabase()
            let folder = try TemporaryFolder()
            let relay = try await Relay.started(as: 1, on: database, in: folder)
            try cluster.execute(
                """
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON hoptop.messages DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION slow();
                """, in: database.database)
            async let sent: Void? = try? relay.send(to: ["<u@d.example>"])
            let commits = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"
            #expect(try await eventually { try cluster.execute(commits, in: "postgres") == "1\n" })
            try cluster.crash()
            // What waits is renewals of the lease, and the turn of the fleet.
            await relay.stop(within: 1)
            #expect(await sent == nil)
        }
    }
}
