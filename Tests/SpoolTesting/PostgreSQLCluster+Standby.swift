import Glibc

extension PostgreSQLCluster {
    /// A standby of this one, without which from now on nothing is committed here.
    package func makeStandby() throws -> PostgreSQLCluster {
        let standby = try PostgreSQLCluster(settings: []) { standby in
            [
                "\(self.programs)/pg_basebackup", "-h", self.folder, "-U", "postgres", "-D", standby.data, "-R", "-c",
                "fast", "-X",
                "stream",
            ]
        }
        try self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", in: "postgres")
        try self.execute("SELECT pg_reload_conf()", in: "postgres")
        while try self.execute("SELECT sync_state FROM pg_stat_replication", in: "postgres") != "sync\n" {
            usleep(50_000)
        }
        return standby
    }

    /// Makes the primary of a standby; returns when it can be written to.
    package func promote() throws {
        try Self.run(self.user + ["\(self.programs)/pg_ctl", "promote", "-w", "-D", self.data])
    }
}
