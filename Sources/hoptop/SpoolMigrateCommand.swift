import ArgumentParser
import NIOPosix
import Relay
import Spool

/// `hoptop spool migrate`
struct SpoolMigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the tables of a spool forward to this version of hoptop.",
        discussion: """
            A database is shared, so that no relay changes its tables by itself: stop all nodes of the older version, run this \
            once, then start the new ones. It is refused, with their names, while nodes are there or their leases last. An older \
            hoptop refuses the spool afterwards; there is no way back. An empty database needs none of this, as the first \
            relay makes its tables.

            A directory has one owner, whose start brings it forward; this does the same while no relay has it.

            EXAMPLES
              hoptop spool migrate --dry-run
              hoptop spool migrate --config /etc/hoptop/hoptop.toml
            """)
    @Flag(help: "Say from which version to which, and change nothing.")
    var dryRun = false
    @Flag(help: "Also under nodes that are there, which may fail until they are replaced.")
    var force = false
    @Flag(help: "Print one JSON document.")
    var json = false
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        let configuration = try self.engine.configuration()
        let place = configuration.spoolPlace
        let migration: SpoolMigration
        do {
            if let database = configuration.spoolDatabase {
                migration = try PostgreSQLSpool.migrate(
                    database, mayLoseCommits: configuration.mayLoseCommits, isForced: self.force,
                    isRehearsed: self.dryRun)
            } else {
                migration = try SpoolInspection(directory: configuration.spoolDirectory).migration()
                if !self.dryRun { try await Self.open(configuration) }
            }
        } catch let error as SpoolError where error.code == .inUse && configuration.spoolDatabase != nil {
            throw Failure("\(error), or say --force")
        } catch { throw Failure(error) }
        guard !self.json else { return try Output.standard.json(migration) }
        print("\(place): \(self.words(migration, isDirectory: configuration.spoolDatabase == nil))")
    }

    private func words(_ migration: SpoolMigration, isDirectory: Bool) -> String {
        let versions = "from version \(migration.from) to \(migration.to)"
        if migration.from == migration.to { return "has version \(migration.to), and needs nothing" }
        guard self.dryRun else { return "brought \(versions)" }
        if migration.from == 0 { return "would be made, with version \(migration.to)" }
        if isDirectory { return "would be brought \(versions), as the relay's next start does too" }
        let live = migration.live.isEmpty ? "" : "; to be stopped first: \(migration.live.joined(separator: ", "))"
        return "would be brought \(versions)\(live)"
    }

    /// The opening brings a directory forward.
    private static func open(_ configuration: RelayConfiguration) async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        defer { threads.shutdownGracefully { _ in } }
        try await configuration.openSpool(threads: threads).close()
    }
}
