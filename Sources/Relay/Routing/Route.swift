/// One `[[route]]`: mail for these domains goes to the first of these hosts that answers.
public struct Route: Sendable, Hashable {
    public var pattern: DomainPattern
    /// Hosts, at least one, tried in order.
    public var via: [SocketEndpoint]
    public var security: RouteSecurity
    public init(pattern: DomainPattern, via: [SocketEndpoint], security: RouteSecurity = RouteSecurity()) {
        self.pattern = pattern
        self.via = via
        self.security = security
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

    /// TLS has to be there before mail goes out.
    var requiresTLS: Bool {
        switch self.tls {
        case .none, .opportunistic: self.isImplicit || self.fingerprint != nil
        case .required, .verified: true
        }
    }
}
