import SMTP

/// One `[[route]]`: mail for these domains goes that way.
public struct Route: Sendable, Hashable {
    public enum Via: Sendable, Hashable {
        /// To the first of these, at least one, that answers.
        case hosts([SocketEndpoint])
        /// To the mail exchangers of the recipient's domain (RFC 5321 §5.1).
        case exchangers
    }

    public var pattern: DomainPattern
    public var via: Via
    public var security: RouteSecurity
    public var limits = RouteLimits()
    public var retry = RouteRetry()
    /// How senders are rewritten; `nil`: they stay.
    public var srs: SenderRewriting?

    public init(pattern: DomainPattern, via: Via, security: RouteSecurity = RouteSecurity()) {
        self.pattern = pattern
        self.via = via
        self.security = security
    }

    public init(pattern: DomainPattern, via hosts: [SocketEndpoint], security: RouteSecurity = RouteSecurity()) {
        self.init(pattern: pattern, via: .hosts(hosts), security: security)
    }

    /// The host that is asked first, where it names any.
    var firstHost: SocketEndpoint? {
        switch self.via {
        case .hosts(let hosts): hosts.first
        case .exchangers: nil
        }
    }

    /// Where it leads for a domain.
    func nextHop(for domain: String) -> NextHop {
        let place: NextHop.Place =
            switch self.via {
            case .hosts(let hosts): .hosts(hosts)
            case .exchangers: .exchangers(of: Domain(domain))
            }
        return NextHop(place, security: self.security, limits: self.limits, retry: self.retry, srs: self.srs)
    }
}

/// What the hosts of a route are held to, and how we log in there.
public struct RouteSecurity: Sendable, Hashable {
    public enum TLS: String, Sendable, Hashable, CaseIterable {
        case none
        /// Where it is offered, with any certificate; without it when it fails (RFC 7435).
        case opportunistic
        /// TLS with any certificate.
        case required
        /// TLS with a certificate of that name that an authority stands for.
        case verified
    }

    /// How a user logs in (RFC 4954).
    public struct Login: Sendable, Hashable {
        public enum Kind: Sendable, Hashable {
            /// SCRAM-SHA-256, PLAIN or LOGIN.
            case password
            /// XOAUTH2.
            case token
        }
        public var user: String
        public var secret: Secret
        public var kind: Kind
        public init(user: String, secret: Secret, kind: Kind) {
            self.user = user
            self.secret = secret
            self.kind = kind
        }
    }

    public var tls = TLS.opportunistic
    /// TLS before anything is said (RFC 8314 §3).
    public var isImplicit = false
    /// SHA-256 of the host's certificate in DER, 32 octets: that one and no other.
    public var fingerprint: [UInt8]?
    /// A PEM file of the authorities that are believed; `nil`: those of the machine.
    public var authorities: String?
    public var login: Login?
    public init() {}
}
