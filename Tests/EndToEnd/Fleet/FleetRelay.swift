import NIOPosix
import Relay
import SMTP
import Spool

extension Relay {
    /// A relay in the tests' own process that shares a queue: `mx1.example.net` and so on, on a port that the system chose.
    ///
    /// - Parameters:
    ///   - routes: without any mail stays.
    ///   - lease: in milliseconds.
    static func started(
        as node: UInt8, on database: DatabaseAddress, in folder: TemporaryFolder, routes: [Route] = [],
        lease: Int64 = 30_000
    ) async throws -> Relay {
        var configuration = RelayConfiguration(
            hostname: "mx\(node).example.net", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
            spoolDirectory: "\(folder.path)/\(node)")
        configuration.routes = routes
        let spool = try PostgreSQLSpool(database, node: node, name: configuration.hostname, lease: lease)
        let relay = Relay(
            configuration, keyring: try Keyring(configuration), spool: spool, threads: .singleton, log: silence)
        try await relay.start()
        return relay
    }
}
