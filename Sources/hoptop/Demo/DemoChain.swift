import DNS
import Foundation
import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Relay
import SMTP
import Screen
import Spool

/// Five relays in a row and the mailboxes behind them, all on loopback.
final class DemoChain: Sendable {
    static let names = ["A", "D", "P", "U", "Z"]
    private static let restless = 2  // P

    private let folder: String
    private let farEnd: FarEnd
    private let nameServer: DemoNameServer
    private let nodes: NIOLockedValueBox<[Node]>

    private struct Node: Sendable {
        var name: String
        var configuration: RelayConfiguration
        var feed: SwitchingFeed
        /// `nil` while it is down.
        var engine: Engine?
        var control: ControlPoint?
    }

    private init(folder: String, farEnd: FarEnd, nameServer: DemoNameServer, nodes: [Node]) {
        self.folder = folder
        self.farEnd = farEnd
        self.nameServer = nameServer
        self.nodes = NIOLockedValueBox(nodes)
    }

    private static let log = Logger(label: "hoptop") { _ in SwiftLogNoOpLogHandler() }

    static func start(in folder: String, ledger: Ledger) async throws -> DemoChain {
        let farEnd = try await FarEnd.start(ledger: ledger)
        let nameServer = try await DemoNameServer.start()
        var nodes: [Node] = []
        for name in self.names {
            var configuration = RelayConfiguration(
                hostname: name, listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))], sourceRoutes: .honor,
                spoolDirectory: "\(folder)/\(name)")
            // So that a minute shows what takes hours in earnest.
            configuration.retry.first = 3000
            configuration.retry.longest = 20_000
            configuration.delivery.connections = 8
            configuration.resolver.servers = .addresses([nameServer.address])
            configuration.resolver.trustAnchor = .none
            configuration.delivery.exchangerPort = farEnd.endpoint.port
            let engine = try await Engine.start(configuration, log: self.log)
            // The port that the system chose is kept over the outages.
            configuration.listen = engine.relay.listening.compactMap { SocketEndpoint($0).map { Listener($0) } }
            nodes.append(
                Node(
                    name: name, configuration: configuration,
                    feed: SwitchingFeed(name: name, engine.relay.feed(user: ScreenCommandOptions.userName)),
                    engine: engine, control: try await self.openControl(of: engine, configuration)))
        }
        try self.addRoutes(
            to: &nodes, farEnd: SocketEndpoint(host: DemoNameServer.exchanger, port: farEnd.endpoint.port))
        return DemoChain(folder: folder, farEnd: farEnd, nameServer: nameServer, nodes: nodes)
    }

    /// So that a second terminal can attach.
    private static func openControl(
        of engine: Engine, _ configuration: RelayConfiguration
    ) async throws -> ControlPoint {
        let path = ControlSocket.path(
            ofDemo: configuration.hostname, environment: ProcessInfo.processInfo.environment)
        return try await engine.openControl(Configuration(relay: configuration), usually: path, log: self.log)
    }

    /// Every relay knows every other by name, and one domain by DNS; what is no relay's lies at the far end, and Z's
    /// mailboxes behind Z.
    private static func addRoutes(to nodes: inout [Node], farEnd: SocketEndpoint) throws {
        let hosts = nodes.compactMap { node in
            node.configuration.listen[0].address.endpoint.map { (node.name, $0) }
        }
        for index in nodes.indices {
            let name = nodes[index].name
            let others = hosts.filter { $0.0 != name }
            nodes[index].configuration.routes = others.compactMap { host, endpoint in
                DomainPattern(host).map { Route(pattern: $0, via: [endpoint]) }
            }
            if let found = DomainPattern(DemoNameServer.domain) {
                nodes[index].configuration.routes.append(Route(pattern: found, via: .exchangers))
            }
            if let everything = DomainPattern("*") {
                nodes[index].configuration.routes.append(Route(pattern: everything, via: [farEnd]))
            }
            let configuration = nodes[index].configuration
            nodes[index].engine?.relay.reload(configuration, keyring: try Keyring(configuration))
        }
    }

    /// Where the generator sends.
    var entrance: SocketEndpoint {
        get throws {
            guard let first = self.nodes.withLockedValue({ $0.first?.configuration.listen.first?.address.endpoint })
            else {
                throw Failure("the demo has no relay")
            }
            return first
        }
    }

    var feeds: [FeedEntry] {
        self.nodes.withLockedValue { nodes in nodes.map { FeedEntry(name: $0.name, feed: $0.feed) } }
    }

    // MARK: what goes wrong

    /// Takes P down for half a minute now and then, until cancelled.
    func outages() async {
        var isFirst = true
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: .seconds(isFirst ? 40 : 90))) != nil else { return }
            isFirst = false
            await self.takeDown(Self.restless)
            try? await Task.sleep(for: .seconds(30))
            // Cancelled or not, it comes up again: its queue is counted.
            await self.bringUp(Self.restless)
        }
    }

    private func takeDown(_ index: Int) async {
        let (engine, control) = self.nodes.withLockedValue { nodes in
            defer { (nodes[index].engine, nodes[index].control) = (nil, nil) }
            nodes[index].feed.become(nil)
            return (nodes[index].engine, nodes[index].control)
        }
        await engine?.stop { await control?.stop() }
    }

    private func bringUp(_ index: Int) async {
        let configuration = self.nodes.withLockedValue { $0[index].configuration }
        guard let engine = try? await Engine.start(configuration, log: Self.log) else { return }
        let control = try? await Self.openControl(of: engine, configuration)
        self.nodes.withLockedValue { nodes in
            nodes[index].engine = engine
            nodes[index].control = control
            nodes[index].feed.become(engine.relay.feed(user: ScreenCommandOptions.userName))
        }
    }

    // MARK: the end

    /// Sessions to next hops that are open, in the relays that run.
    var openSessions: Int {
        get async {
            var count = 0
            for node in self.feeds {
                guard let overview = try? await node.feed.overview() else { continue }
                count += overview.sessionsOut
            }
            return count
        }
    }

    /// - Parameter seconds: how long sessions may take.
    func stop(within seconds: Int64) async {
        let running = self.nodes.withLockedValue { nodes in nodes.map { ($0.engine, $0.control) } }
        await withTaskGroup { group in
            for (engine, control) in running {
                group.addTask { await engine?.stop(within: seconds) { await control?.stop() } }
            }
        }
        await self.farEnd.stop()
        await self.nameServer.stop()
    }

    /// The recipients that are still in a spool: as themselves, or in a report on the way to the sender. Reads the spools
    /// as a new start would; call after ``stop(within:)``.
    func queued() async throws -> Set<Ledger.Entry> {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        var entries: Set<Ledger.Entry> = []
        for name in Self.names {
            let spool = try SQLiteSpool(directory: "\(self.folder)/\(name)", threads: threads)
            for message in try await spool.lease(after: nil, count: .max).messages {
                let loop = MultiThreadedEventLoopGroup.singleton.any()
                let content = try await spool.content(of: message.id, on: loop)
                    .flatMap { $0.read(from: 0, count: 64 << 10, on: loop) }.get()
                let mailboxes = message.recipients.filter { !$0.state.isSettled }.map(\.forwardPath.mailboxText)
                guard !mailboxes.isEmpty else { continue }
                entries.formUnion(
                    message.reversePath == .null
                        ? Ledger.reported(in: content) : Ledger.entries(content, mailboxes))
            }
            await spool.close()
        }
        try await threads.shutdownGracefully()
        return entries
    }
}

extension ForwardPath {
    /// `u@c`, without route and brackets.
    var mailboxText: String {
        switch self {
        case .postmaster: "postmaster"
        case .path(let path): path.mailbox.description
        }
    }
}
