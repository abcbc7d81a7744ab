public import SMTP

/// Where a recipient goes now, and what the hosts there are held to. Two routes to the same place under the same terms share
/// one destination.
public struct NextHop: Sendable, Hashable, CustomStringConvertible {
    public enum Place: Sendable, Hashable {
        /// The hosts that a route names, in order.
        case hosts([SocketEndpoint])
        /// The mail exchangers of a domain, whatever they are when a session is opened (RFC 5321 §5.1).
        case exchangers(of: Domain)
    }

    public var place: Place
    public var security: RouteSecurity
    public var limits: RouteLimits
    public var retry: RouteRetry
    /// How the senders of what goes there are rewritten.
    public var srs: SenderRewriting?

    public init(
        _ place: Place, security: RouteSecurity = RouteSecurity(), limits: RouteLimits = RouteLimits(),
        retry: RouteRetry = RouteRetry(), srs: SenderRewriting? = nil
    ) {
        self.place = place
        self.security = security
        self.limits = limits
        self.retry = retry
        self.srs = srs
    }

    /// The place tells almost all of them apart.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.place) }

    /// The hosts that are known without looking them up.
    public var hosts: [SocketEndpoint] {
        switch self.place {
        case .hosts(let hosts): hosts
        case .exchangers: []
        }
    }

    public var description: String {
        switch self.place {
        case .hosts(let hosts): hosts.first?.description ?? ""
        case .exchangers(let domain): domain.text
        }
    }

    /// Under which the operator orders something about it.
    var nameInOrders: String { self.description.lowercased() }
}
