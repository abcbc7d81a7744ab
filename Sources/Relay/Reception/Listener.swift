public import SMTP

/// One `[[listen]]`: an address, and what is spoken there.
public struct Listener: Sendable, Hashable {
    public enum TLS: String, Sendable, Hashable, CaseIterable {
        case none
        /// Offered, and asked for by the client (RFC 3207).
        case starttls
        /// Before anything is said (RFC 8314 §3).
        case implicit
    }

    /// Port 0 lets the system choose.
    public var address: ListenAddress
    public var role: ServerSession.Role
    /// `nil`: STARTTLS where there is a certificate.
    public var tls: TLS?
    /// Connections from there begin with a PROXY header, which tells the true client.
    public var proxies: [Network]

    public init(
        _ address: ListenAddress, role: ServerSession.Role = .relay, tls: TLS? = nil, proxies: [Network] = []
    ) {
        self.address = address
        self.role = role
        self.tls = tls
        self.proxies = proxies
    }

    public init(
        _ endpoint: SocketEndpoint, role: ServerSession.Role = .relay, tls: TLS? = nil, proxies: [Network] = []
    ) {
        self.init(.endpoint(endpoint), role: role, tls: tls, proxies: proxies)
    }

    /// What is done there, with these files or without.
    public func tls(with files: TLSFiles?) -> TLS {
        switch self.address {
        case .endpoint, .passed: self.tls ?? (files == nil ? .none : .starttls)
        case .socket: .none  // What is said there does not leave the kernel.
        }
    }
}

/// The certificate and its key as PEM files (`[tls]`).
public struct TLSFiles: Sendable, Hashable {
    /// Ours first, then those that lead to an authority.
    public var certificate: String
    public var key: String
    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}
