import DNS
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import SMTP
import TLSPolicy

/// Finds out what a domain demands of the TLS to its hosts, where the operator's route leaves that to it: by DANE
/// (RFC 7672), else by MTA-STS (RFC 8461).
final class HostPolicies: Sendable {
    struct Choice: Sendable {
        var dane: Bool
        var sts: Bool

        init(_ configuration: RelayConfiguration) {
            self.dane = configuration.delivery.dane
            self.sts = configuration.delivery.mtaSTS
        }
    }
    private let dane: DANELookup
    private let sts: STSPolicies
    private let choice: NIOLockedValueBox<Choice>

    init(_ dns: StubResolver, _ sts: STSPolicies, _ configuration: RelayConfiguration) {
        self.dane = DANELookup(dns: dns)
        self.sts = sts
        self.choice = NIOLockedValueBox(Choice(configuration))
    }

    func reload(_ configuration: RelayConfiguration) {
        self.choice.withLockedValue { $0 = Choice(configuration) }
        self.sts.reload(configuration)
    }

    /// What holds for a session with a host.
    ///
    /// - Returns: completes on `eventLoop`, and never fails; `nil` where there is nothing to look up, and the route's word
    ///   holds.
    func findings(
        on host: MailHost, of place: NextHop.Place, _ security: RouteSecurity, on eventLoop: any EventLoop
    ) -> EventLoopFuture<HostFindings>? {
        guard security.leavesTLSToDomains else { return nil }
        let choice = self.choice.withLockedValue { $0 }
        let domain = place.domain
        let looksForDANE = choice.dane && !host.endpoint.isAddress && host.endpoint.host != "localhost"
        let looksForSTS = choice.sts && domain != nil
        guard looksForDANE || looksForSTS else { return nil }
        let dane =
            looksForDANE
            ? self.dane.finding(for: host, isExchanger: domain != nil, on: eventLoop)
            : eventLoop.makeSucceededFuture(.off)
        let sts =
            domain.flatMap { looksForSTS ? self.sts.finding(for: $0, on: eventLoop) : nil }
            ?? eventLoop.makeSucceededFuture(.off)
        let route = security.demand(of: host.endpoint)
        return dane.and(sts).map { dane, sts in
            HostFindings(route: route, dane: dane, sts: sts, host: host.endpoint.host.lowercased(), domain: domain)
        }
    }

    /// - Returns: the domain, when it demands by a policy of its own what other domains with its hosts may not, or wants to
    ///   know what would come of that.
    func demandingDomain(of place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<String?> {
        guard let finding = self.stsFinding(for: place, on: eventLoop) else {
            return eventLoop.makeSucceededFuture(nil)
        }
        return finding.map { finding in
            if case .policy(let policy, let domain) = finding, policy.mode != .none { domain } else { nil }
        }
    }

    /// The policy of the domain that is meant, where one is looked for.
    func stsFinding(for place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<STSFinding>? {
        guard self.choice.withLockedValue({ $0.sts }), let domain = place.domain else { return nil }
        return self.sts.finding(for: domain, on: eventLoop)
    }

    /// Keeps what is known of domains up to date by itself.
    func start(on eventLoop: any EventLoop) {
        if self.choice.withLockedValue({ $0.sts }) { self.sts.start(on: eventLoop) }
    }

    func stop() async { await self.sts.stop() }
}

/// Keeps the mail of domains with a policy of their own from the sessions of others with the same hosts.
struct SitesByPolicy: NextHopResolver {
    private let resolver: any NextHopResolver
    private let policies: HostPolicies

    init(_ resolver: any NextHopResolver, _ policies: HostPolicies) {
        self.resolver = resolver
        self.policies = policies
    }

    func resolve(_ place: NextHop.Place, on eventLoop: any EventLoop) -> EventLoopFuture<Resolution> {
        let resolution = self.resolver.resolve(place, on: eventLoop)
        guard place.domain != nil else { return resolution }
        return resolution.flatMap { resolution in
            guard case .hosts(let hosts, let site) = resolution else {
                return eventLoop.makeSucceededFuture(resolution)
            }
            return self.policies.demandingDomain(of: place, on: eventLoop).map { domain in
                .hosts(hosts, site: domain.map { site.only(for: $0) } ?? site)
            }
        }
    }
}

extension RouteSecurity {
    /// The operator demands no more than TLS: what it has to show is for the domain to say.
    fileprivate var leavesTLSToDomains: Bool {
        guard self.fingerprint == nil else { return false }
        return switch self.tls {
        case .opportunistic, .required: true
        case .none, .verified: false
        }
    }
}

extension NextHop.Place {
    /// The domain whose exchangers are meant, in A-labels and lower case.
    var domain: String? {
        switch self {
        case .hosts: nil
        case .exchangers(let domain): domain.isAddressLiteral ? nil : DomainName.ascii(domain.text)?.lowercased()
        }
    }
}
