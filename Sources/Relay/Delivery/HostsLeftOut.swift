import SMTP

/// Hosts of a next hop at which no session is to be opened now.
struct HostsLeftOut: Equatable, Sendable {
    /// Those that put off, in this round, the mail that the session is opened for.
    var passed: Set<SocketEndpoint> = []
    /// The operator's, who may have suspended hosts.
    var orders = DestinationOrders()

    func contains(_ host: SocketEndpoint) -> Bool {
        self.passed.contains(host) || self.orders.suspension(of: host) != nil
    }

    /// Whether a suspension is why one of these is left out.
    func hasSuspended(among hosts: [MailHost]) -> Bool {
        hosts.contains { !self.passed.contains($0.endpoint) && self.orders.suspension(of: $0.endpoint) != nil }
    }
}
