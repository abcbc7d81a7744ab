import CoreMetrics
import NIOPosix
import Relay
import Spool

/// Where the queue is kept: in a directory, or in a database.
extension RelayConfiguration {
    /// As people are told.
    var spoolPlace: String { self.spoolDatabase?.description ?? self.spoolDirectory }

    /// Opens the spool, or makes one.
    func openSpool(
        threads: NIOThreadPool, metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) throws(SpoolError) -> any Spool {
        guard let database = self.spoolDatabase else {
            return try SQLiteSpool(
                directory: self.spoolDirectory, node: self.node, threads: threads, metrics: metrics)
        }
        return try PostgreSQLSpool(
            database, node: self.node, name: self.hostname, software: "hoptop \(Relay.version)", lease: self.lease,
            mayLoseCommits: self.mayLoseCommits, metrics: metrics)
    }

    /// The directory, for what looks into its files.
    ///
    /// - Parameter what: cannot be done with a database.
    /// - Throws: ``Failure`` where the spool is in one.
    func spoolFiles(for what: String) throws -> String {
        guard let database = self.spoolDatabase else { return self.spoolDirectory }
        throw Failure("\(what) works on a spool in a directory; this one is in \(database)")
    }
}
