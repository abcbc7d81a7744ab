import DNS
import SMTP

/// What the MX records of a domain mean (RFC 5321 §5.1).
struct ExchangerRules {
    /// The best hosts of a domain are tried, and no more asked for: a domain may name hundreds, each with addresses to be found.
    private static let hostsAtMost = 20
    /// Our own name, in lower case.
    var hostname: String
    /// Where exchangers listen.
    var port: Int

    /// What the records alone say.
    enum Candidates: Hashable {
        /// Never empty, in no order.
        case hosts([MailHost])
        /// As ``Resolution/refused(_:)`` and ``Resolution/unavailable(_:)``.
        case refused(Reply)
        case unavailable(String)
    }

    /// - Parameter domain: in A-labels, in lower case.
    func candidates(of domain: String, _ answer: Answer<MX>) -> Candidates {
        switch answer.content {
        case .failed(let failure): return .unavailable("DNS: \(failure) for \(domain) MX")
        case .noSuchName: return .refused(Reply(550, "5.1.2", "The domain \(domain) does not exist"))
        case .noRecords:
            return .hosts([MailHost(endpoint: self.endpoint(domain), preference: nil, isSecure: answer.isSecure)])
        case .records(let records):
            if records.allSatisfy({ $0.exchanger == .none }) {
                return .refused(Reply(556, "5.1.10", "\(domain) takes no mail (null MX)"))
            }
            let hosts = self.hosts(records, isSecure: answer.isSecure)
            return hosts.isEmpty
                ? .refused(Reply(550, "5.4.4", "The MX records of \(domain) name no hosts")) : .hosts(hosts)
        }
    }

    /// Each host once, with its best preference; the best of them.
    private func hosts(_ records: [MX], isSecure: Bool) -> [MailHost] {
        var preferences: [HostName: UInt16] = [:]
        for record in records {
            guard case .host(let name) = record.exchanger, !name.isNumeric else { continue }
            preferences[name] = min(preferences[name] ?? .max, record.preference)
        }
        // By name we are known here; those behind us are of no use, and must not push us out.
        let own = preferences.first { $0.key.description == self.hostname }?.value ?? .max
        let best = preferences.filter { $0.value <= own }.sorted {
            ($0.value, $0.key.description) < ($1.value, $1.key.description)
        }
        let ourselves = best.dropFirst(Self.hostsAtMost).filter { $0.key.description == self.hostname }
        return (best.prefix(Self.hostsAtMost) + ourselves).map { name, preference in
            MailHost(endpoint: self.endpoint(name.description), preference: preference, isSecure: isSecure)
        }
    }

    private func endpoint(_ name: String) -> SocketEndpoint { SocketEndpoint(host: name, port: self.port) }

    /// The hosts to be tried, in order: the best first, equals in any order; of those that are no better than ourselves none,
    /// since they would send the mail back to us.
    ///
    /// - Parameters:
    ///   - ours: says whether a host is this relay by its addresses.
    func resolution(
        of domain: String, _ candidates: [MailHost], ours: (MailHost) -> Bool,
        using random: inout some RandomNumberGenerator
    ) -> Resolution {
        let own = candidates.filter { $0.endpoint.host == self.hostname || ours($0) }
            .map { $0.preference ?? 0 }.min()
        let hosts = candidates.filter { host in own.map { host.preference ?? 0 < $0 } ?? true }
        guard !hosts.isEmpty else {
            return .refused(Reply(554, "5.4.6", "Mail for \(domain) loops: we are its best mail exchanger"))
        }
        let shuffled = hosts.sorted { $0.endpoint.host < $1.endpoint.host }.shuffled(using: &random)
        let groups = Dictionary(grouping: shuffled) { $0.preference ?? 0 }
        return .hosts(groups.keys.sorted().flatMap { groups[$0] ?? [] }, site: Site(hosts))
    }
}
