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

    /// Why none of the others may be tried, where that is a suspension. A sender may be told so, and of no host.
    func suspension(among hosts: [MailHost]) -> String? {
        hosts.lazy.map(\.endpoint).first { !self.passed.contains($0) && self.orders.suspension(of: $0) != nil }
            .map { _ in "all hosts that could be tried are suspended" }
    }
}
