import Mail
import NIOCore
import SMTP
import Sockets

/// Who the client is to policy and log: the other end of the connection, or what a proxy told in its place.
struct Peer: Sendable {
    var address: SocketAddress? {
        didSet {
            self.client = self.address?.ipAddress
            self.endpoint = self.address?.endpointText
            self.octets = self.client.flatMap(Network.octets)
            self.key = self.octets.flatMap(ClientKey.init)
        }
    }
    // Kept, since each message and each recipient asks for them.
    /// The address without its port.
    private(set) var client: String?
    private var endpoint: String?
    private var octets: [UInt8]?
    /// What limits know it by.
    private(set) var key: ClientKey?
    /// The user of this machine that is at the other end of a Unix socket.
    var user: LocalUser?
    /// The name that XCLIENT told.
    var name: String?
    /// Whom the client speaks for, as XFORWARD told: the log shows it and policy ignores it.
    var forwarded: String?

    /// `192.0.2.7:40112`, `ann (uid 1000)`
    var text: String { self.forwarded ?? self.user?.description ?? self.endpoint ?? "?" }
    /// Whether it is a program of this machine.
    var isLocal: Bool { self.user != nil || self.isAmong(Network.loopback) }

    /// Whether policy has it in one of these; whom it speaks for does not count.
    func isAmong(_ networks: [Network]) -> Bool {
        guard let octets = self.octets else { return false }
        return networks.contains { $0.contains(octets) }
    }

    /// The same with what XCLIENT says of the client; what it does not mention stays.
    func overridden(by attributes: ClientAttributes) -> Peer {
        var peer = self
        if case .known(let address) = attributes.address {
            let port = if case .known(let port) = attributes.port { Int(port) } else { self.address?.port }
            peer.address = (try? SocketAddress(ipAddress: address, port: port ?? 0)) ?? peer.address
        }
        switch attributes.name {
        case .known(let name): peer.name = name
        case .unavailable, .temporarilyUnavailable: peer.name = nil
        case nil: break
        }
        return peer
    }

    /// The same with what XFORWARD says; the address is what the log needs.
    func forwarding(_ attributes: ClientAttributes) -> Peer {
        var peer = self
        switch attributes.address {
        case .known(let address):
            let port = if case .known(let port) = attributes.port { ":\(port)" } else { "" }
            peer.forwarded = (address.contains(":") ? "[\(address)]" : address) + port
        case .unavailable, .temporarilyUnavailable: peer.forwarded = nil
        case nil: break
        }
        return peer
    }
}

extension SocketAddress {
    /// `192.0.2.7:40112`, `[2001:db8::7]:40112`
    var endpointText: String {
        let host = self.ipAddress ?? "?"
        return host.contains(":") ? "[\(host)]:\(self.port ?? 0)" : "\(host):\(self.port ?? 0)"
    }
}
