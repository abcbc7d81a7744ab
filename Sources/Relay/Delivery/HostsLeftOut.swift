import SMTP

/// Hosts of a next hop at which no session is to be opened now.
struct HostsLeftOut: Equatable, Sendable {
    /// Those that put off, in this round, the mail that the session is opened for.
    var passed: Set<SocketEndpoint> = []
    /// The operator suspended destinations of these names.
    var suspended: Set<String> = []

    func contains(_ host: SocketEndpoint) -> Bool {
        self.passed.contains(host) || !self.suspended.isEmpty && self.suspended.contains(host.description)
    }
}
