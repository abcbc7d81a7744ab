import DNS
import Foundation
import Mail
import Monitor
import NIOCore
import Relay
import SMTP
import Testing

@testable import hoptop

/// A network of its own on loopback: a name server with zones, and mail exchangers on 127.0.0.x that all listen on one port.
final class TestNetwork {
    let trustAnchor: String
    let resolver: ServerAddress
    /// Where each exchanger listens.
    let port: Int
    private let nameServer: NameServer
    private let sinks: [String: Sink]

    /// - Parameter hosts: exchangers by their address, such as `127.0.0.2`. At an address without one nobody listens.
    convenience init(zones: [Zone], hosts: [String: Sink.Manners]) async throws {
        try await self.init(hosts: hosts) { _ in zones }
    }

    /// - Parameter zones: are told the port of the exchangers.
    init(hosts: [String: Sink.Manners], zones: (Int) -> [Zone]) async throws {
        (self.sinks, self.port) = try await Self.listen(hosts)
        let nameServer = try await NameServer(zones(self.port))
        self.nameServer = nameServer
        self.trustAnchor = nameServer.trustAnchor
        self.resolver = nameServer.address
    }

    /// On the port that the system chooses for the first, which others may have at another address.
    private static func listen(_ hosts: [String: Sink.Manners]) async throws -> ([String: Sink], Int) {
        for _ in 0..<20 {
            var sinks: [String: Sink] = [:]
            do {
                var port = 0
                for (address, manners) in hosts {
                    let sink = try await Sink(manners, at: address, port: port)
                    sinks[address] = sink
                    port = sink.port
                }
                return (sinks, port)
            } catch { for sink in sinks.values { await sink.stop() } }
        }
        throw Failure("there is no port that is free at all addresses")
    }

    /// - Parameter address: of an exchanger of this network.
    func sink(_ address: String) throws -> Sink { try #require(self.sinks[address]) }

    func stop() async { for sink in self.sinks.values { await sink.stop() } }

    /// A relay of this network, which delivers by DNS.
    func configuration(spool: String) throws -> RelayConfiguration {
        var configuration = RelayConfiguration(
            hostname: "relay.example", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
            spoolDirectory: spool)
        configuration.resolver.servers = .addresses([self.resolver])
        configuration.resolver.trustAnchor = .file(self.trustAnchor)
        configuration.delivery.exchangerPort = self.port
        configuration.routes = [Route(pattern: try #require(DomainPattern("*")), via: .exchangers)]
        return configuration
    }
}

extension Relay {
    /// Sends one message to a mailbox, and waits for what its first attempt comes to.
    func firstAttempt(to mailbox: String) async throws -> FactRow {
        let feed = self.feed(user: "test")
        try await self.send(to: ["<\(mailbox)>"])
        var fact: FactRow?
        _ = try await eventually {
            fact = try await feed.facts(after: "", count: 1000).rows.last {
                $0.to == "<\(mailbox)>" && $0.kind != .accepted
            }
            return fact != nil
        }
        return try #require(fact)
    }

    /// Sends one message to a mailbox, and waits for the reason why it is still here.
    func reasonToWait(for mailbox: String) async throws -> String {
        try await self.send(to: ["<\(mailbox)>"])
        let feed = self.feed(user: "test")
        let window = WindowRequest<MessageRef>(.row(number: 0), count: 100)
        var reason: String?
        _ = try await eventually {
            let rows = try await feed.queue(QueueQuery(), window: window).rows
            reason = rows.first { $0.to == "<\(mailbox)>" && $0.progress == nil }?.lastReply
            return reason != nil
        }
        return try #require(reason)
    }
}
