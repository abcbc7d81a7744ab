import Control
import Foundation
import Logging
import Monitor
import NIOCore
import Relay

extension Engine {
    /// Opens the API. On failure the engine ends, and with it what was begun.
    ///
    func openControl(
        _ configuration: Configuration, on groundwork: Groundwork, log: Logger
    ) async throws -> ControlPoint {
        // What the environment names is the place of whoever started us.
        let path =
            groundwork.identity == nil
            ? ControlSocket.defaultPath(environment: ProcessInfo.processInfo.environment) : ControlSocket.ofMachine
        return try await self.openControl(configuration, groundwork.control, usually: path, log: log)
    }

    /// - Parameter path: where the socket is unless the configuration says otherwise.
    func openControl(
        _ configuration: Configuration, _ keyring: ControlKeyring? = nil, usually path: String, log: Logger
    ) async throws -> ControlPoint {
        do {
            let keyring = try keyring ?? ControlKeyring(configuration)
            return try await ControlPoint.open(for: self, configuration, keyring, usually: path, log: log)
        } catch {
            await self.stop(within: 0)
            throw Failure(error)
        }
    }
}

/// The API of an engine in this process, where the configuration wants it.
struct ControlPoint {
    private let server: ControlServer
    /// The Unix socket; `nil`: there is none.
    let socket: String?

    /// - Throws: when what is configured cannot be had. A socket that nobody asked for is only missed, in the log.
    static func open(
        for engine: Engine, _ configuration: Configuration, _ keyring: ControlKeyring, usually path: String, log: Logger
    ) async throws -> ControlPoint {
        let log = log.of(.control)
        let control = configuration.control
        let server = ControlServer(
            node: configuration.relay.hostname, access: keyring.access, group: engine.relay.eventLoops,
            threads: engine.threads, log: log,
            vitals: ServedVitals(engine: engine.relay.vitals, board: engine.metrics)
        ) { engine.relay.feed(user: $0) }
        do {
            let socket = try await Self.openSocket(of: control, usually: path, keyring, server, log)
            if let listen = control.listen, let tls = keyring.tls {
                let address: SocketAddress?
                do {
                    address = try await server.listen(host: listen.host, port: listen.port, tls: tls)
                } catch { throw Failure("cannot listen on \(listen) for control.listen: \(Self.words(error))") }
                let port = address?.port ?? listen.port
                let endpoint = SocketEndpoint(host: listen.host, port: port)
                log.info("serving the API", metadata: ["at": "https://\(endpoint)"])
            }
            if let listen = configuration.metrics.listen { try await Self.serveMetrics(on: listen, server, log) }
            return ControlPoint(server: server, socket: socket)
        } catch {
            await server.stop()
            throw error
        }
    }

    private static func serveMetrics(on listen: SocketEndpoint, _ server: ControlServer, _ log: Logger) async throws {
        do {
            let address = try await server.listenForPages(host: listen.host, port: listen.port)
            let endpoint = SocketEndpoint(host: listen.host, port: address?.port ?? listen.port)
            log.info("serving metrics", metadata: ["at": "http://\(endpoint)/metrics"])
            if let address, !address.isLoopback {
                log.warning(
                    "whoever reaches the metrics reads how much mail moves here: let a firewall say who does",
                    metadata: ["at": "\(endpoint)"])
            }
        } catch { throw Failure("cannot listen on \(listen) for metrics.listen: \(Self.words(error))") }
    }

    private static func words(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    private static func openSocket(
        of control: ControlConfiguration, usually usual: String, _ keyring: ControlKeyring, _ server: ControlServer,
        _ log: Logger
    ) async throws -> String? {
        let path: String
        switch control.socket {
        case .none: return nil
        case .automatic: path = usual
        case .path(let chosen): path = chosen
        }
        do {
            try ControlSocket.makeFolder(of: path)
            try await server.listen(at: path, group: keyring.group)
            return path
        } catch {
            let words = "cannot open the control socket \(path): \(error)"
            guard control.socket == .automatic else { throw Failure(words) }
            log.warning("\(words); nobody can attach: name another with [control] socket")
            return nil
        }
    }

    /// What an operator is told when everything is there; `nil` where nobody can attach.
    var advice: String? {
        self.socket.map { path in
            let isFound = ControlSocket.candidates(environment: ProcessInfo.processInfo.environment).first == path
            return "watch it with: hoptop attach" + (isFound ? "" : " --to \(path)")
        }
    }

    /// Who may do what from now on; where it is served stays as it was at the start.
    func reload(_ keyring: ControlKeyring) { self.server.reload(keyring.access, tls: keyring.tls) }

    func stop() async { await self.server.stop() }
}

extension SocketAddress {
    /// Only this machine can reach it.
    fileprivate var isLoopback: Bool { self.ipAddress.map { $0.hasPrefix("127.") || $0 == "::1" } ?? true }
}
