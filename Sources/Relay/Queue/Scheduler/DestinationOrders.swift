import Mail
import SMTP
import Spool

/// What the operator ordered about destinations, each by its name in lower case: names have no case, and routes may spell one
/// otherwise tomorrow. It holds for a destination that comes up later too.
struct DestinationOrders: Equatable, Sendable {
    /// Nothing more begins there.
    var suspensions: [String: Suspension] = [:]
    /// Sessions at a time, of all nodes together.
    var limits: [String: Int] = [:]
    /// All of its mail goes another way.
    var detours: [String: Detour] = [:]

    /// Nothing goes to a host that bears the name of a suspended destination, wherever it stands in a list. A mail exchanger,
    /// which is no destination, may be named without its port.
    func suspension(of host: SocketEndpoint) -> Suspension? {
        self.nameSuspending(host).flatMap { self.suspensions[$0] }
    }

    /// The name under which a host is suspended.
    func nameSuspending(_ host: SocketEndpoint) -> String? {
        guard !self.suspensions.isEmpty else { return nil }
        let name = host.description.lowercased()
        if self.suspensions[name] != nil { return name }
        let portless = host.host.lowercased()
        return host.port == 25 && self.suspensions[portless] != nil ? portless : nil
    }

    /// Where each of these hosts is suspended, the suspension that ends first.
    func suspension(ofAll hosts: [SocketEndpoint]) -> Suspension? {
        self.nameSuspending(all: hosts).flatMap { self.suspensions[$0] }
    }

    /// Where each of these hosts is suspended, the name of the one that ends first.
    func nameSuspending(all hosts: [SocketEndpoint]) -> String? {
        guard !self.suspensions.isEmpty else { return nil }
        var first: (name: String, end: Int64)?
        for host in hosts {
            guard let name = self.nameSuspending(host), let end = self.suspensions[name]?.end else { return nil }
            if first.map({ end < $0.end }) ?? true { first = (name, end) }
        }
        return first?.name
    }

    /// As they are while that name is suspended, which it may be already.
    func suspending(_ name: String) -> DestinationOrders {
        var orders = self
        if orders.suspensions[name] == nil { orders.suspensions[name] = Suspension(by: "") }
        return orders
    }
}

/// Who suspended a destination, until when and why.
struct Suspension: Hashable, Sendable, CustomStringConvertible {
    var by: String
    /// `nil`: until somebody resumes it.
    var until: Timestamp?
    var reason: String?

    fileprivate var end: Int64 { self.until?.milliseconds ?? .max }
    var description: String { "suspended by \(self.by)" + (self.reason.map { ": \($0)" } ?? "") }
}

/// Where the operator sends mail instead of where its route leads; written `host:port`, or `mx`.
enum Detour: Hashable, Sendable, CustomStringConvertible {
    case host(SocketEndpoint)
    /// The mail exchangers of each recipient's domain (RFC 5321 §5.1).
    case exchangers

    /// `nil` when it is not of that form; a host without a port is asked at 25.
    init?(_ text: String) {
        if text == "mx" {
            self = .exchangers
        } else if let endpoint = SocketEndpoint(text, defaultPort: 25), endpoint.port > 0 {
            self = .host(endpoint)
        } else {
            return nil
        }
    }

    var description: String {
        switch self {
        case .host(let endpoint): endpoint.description
        case .exchangers: "mx"
        }
    }
}

extension SpooledRecipient {
    var detour: Detour? { self.via.flatMap { Detour($0) } }
}

extension RouteTable {
    /// Where mail for a domain goes when the operator sends it another way, and no longer than it would else.
    ///
    /// A host that some route names is spoken to under that route's terms. Any other is held to the same TLS as the host that
    /// the route leads to, but it is told no password of that one, and shows another certificate.
    ///
    /// - Parameter hop: where the route leads; `nil`: there is none.
    func nextHop(for domain: String, by detour: Detour, insteadOf hop: NextHop?) -> NextHop {
        var security = hop?.security ?? RouteSecurity()
        security.login = nil
        security.fingerprint = nil
        let retry = hop?.retry ?? RouteRetry()
        switch detour {
        case .exchangers:
            security.isImplicit = false
            return NextHop(.exchangers(of: Domain(domain)), security: security, retry: retry, srs: hop?.srs)
        case .host(let endpoint):
            security.isImplicit = endpoint.port == 465
            let route = self.route(via: endpoint)
            // A list bears the name of its first host: who names that means the list, and all of its mail has one set of limits.
            let place = route?.nextHop(for: domain).place ?? .hosts([endpoint])
            return NextHop(
                place, security: route?.security ?? security, limits: route?.limits ?? RouteLimits(),
                retry: retry, srs: route.map(\.srs) ?? hop?.srs)
        }
    }
}
