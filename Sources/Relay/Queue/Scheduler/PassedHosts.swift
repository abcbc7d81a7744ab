import SMTP

/// How far an attempt at a recipient has come in the list of hosts of its next hop (RFC 5321 §5.1): at each of these the mail
/// was put off, or the session broke, and the next one is tried at once.
///
/// It lasts for one round: the next one by the retry schedule begins at the first host again.
struct PassedHosts: Equatable, Sendable {
    /// Hosts tried in a round, those that do not answer among them (Postfix: smtp_mx_address_limit).
    static let limit = 5

    private(set) var hosts: Set<SocketEndpoint> = []
    /// None of them answered the mail: the session broke, or the host ended it.
    private(set) var allBroke = true

    /// Where the round goes on; `nil`: it is over.
    ///
    /// - Parameters:
    ///   - result: of an attempt at a host that others may make good.
    ///   - broke: the host did not answer.
    func next(after result: JobResult, broke: Bool, orders: DestinationOrders) -> PassedHosts? {
        var next = self
        next.hosts.formUnion(result.tried)
        next.allBroke = self.allBroke && broke
        guard next.hosts.count < Self.limit,
            result.untried.contains(where: { !next.hosts.contains($0) && orders.suspension(of: $0) == nil })
        else { return nil }
        return next
    }
}
