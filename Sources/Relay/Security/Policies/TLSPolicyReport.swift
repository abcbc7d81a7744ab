import DNS
public import Logging
import Mail
import NIOCore
import NIOPosix
import SMTP
import Spool
import TLSPolicy

/// What would be demanded of the TLS to each host of a domain now, and why: what `hoptop tls-policy` tells. Codes as JSON.
public struct TLSPolicyReport: Codable, Sendable {
    public struct Host: Codable, Sendable {
        /// With its port.
        public var host: String
        public var preference: Int?
        /// Its name came out of signed DNS.
        public var isSigned: Bool
        public var demand: Demand
        /// `route`, `none`, `dane`, `mta-sts`
        public var policy: String
        public var why: String
    }

    public enum Demand: String, Codable, Sendable {
        case never
        case ifOffered = "if-offered"
        case encrypted
        case verified
        /// No mail goes there for now.
        case passedOver = "passed-over"
    }

    public struct STS: Codable, Sendable {
        /// `enforce`, `testing`, `none`; `nil`: there is no policy.
        public var mode: String?
        public var hosts: [String]
        public var maximumAgeSeconds: Int64?
        /// Why there is none.
        public var why: String?
    }

    public var domain: String
    /// What the operator's route says of TLS; `nil`: there is no route.
    public var tls: String?
    /// The mail exchangers of the domain are meant, not hosts that the route names.
    public var isByExchangers = false
    /// `nil` where it was not looked for.
    public var sts: STS?
    public var hosts: [Host] = []
    /// Why there are no hosts.
    public var problem: String?

    /// Whether mail for the domain would be tried at all.
    public var allowsMail: Bool { self.hosts.contains { $0.demand != .passedOver } }
}

extension TLSPolicyReport {
    /// Looks all of it up, for as long as DNS and the host of the policy take.
    ///
    /// - Parameter domain: of a recipient.
    public init(
        on domain: String, _ configuration: RelayConfiguration, log: Logger
    ) async {
        self.init(domain: domain)
        var routes = RouteTable(configuration.routes)
        guard let nextHop = routes.nextHop(for: Domain(domain).canonical) else {
            self.problem = RouteTable.missingRoute(domain)
            return
        }
        self.tls = nextHop.security.fingerprint == nil ? nextHop.security.tls.rawValue : "fingerprint"
        self.isByExchangers = nextHop.place.domain != nil
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let dns = StubResolver(configuration.resolver) { log.warning("\($0)") }
        let sts = STSPolicies(
            dns, group: group, store: NothingKept(), configuration, clock: .system, log: log)
        await self.look(
            at: nextHop, MailExchangers(dns, configuration), HostPolicies(dns, sts, configuration), on: group.next())
        await sts.stop()
        await dns.stop()
        try? await group.shutdownGracefully()
    }

    /// Looks at the hosts of a next hop.
    mutating func look(
        at nextHop: NextHop, _ exchangers: MailExchangers, _ policies: HostPolicies, on loop: any EventLoop
    ) async {
        if let finding = try? await policies.stsFinding(for: nextHop.place, on: loop)?.get() { self.sts = STS(finding) }
        switch try? await exchangers.resolve(nextHop.place, on: loop).get() {
        case .hosts(let hosts, _)?:
            for host in hosts {
                let findings = try? await policies.findings(on: host, of: nextHop.place, nextHop.security, on: loop)?
                    .get()
                self.hosts.append(
                    Host(host, findings?.verdict ?? .demand(nextHop.security.demand(of: host.endpoint))))
            }
        case .refused(let reply)?: self.problem = "\(reply)"
        case .unavailable(let reason)?: self.problem = reason
        case nil: self.problem = "nothing could be looked up"
        }
    }
}

extension TLSPolicyReport.STS {
    fileprivate init?(_ finding: STSFinding) {
        switch finding {
        case .off: return nil
        case .none(let why): self.init(mode: nil, hosts: [], maximumAgeSeconds: nil, why: why)
        case .unusable(let failure): self.init(mode: nil, hosts: [], maximumAgeSeconds: nil, why: failure.reason)
        case .policy(let policy, _):
            self.init(
                mode: policy.mode.rawValue, hosts: policy.hosts, maximumAgeSeconds: policy.maximumAgeSeconds, why: nil)
        }
    }
}

extension TLSPolicyReport.Host {
    fileprivate init(_ host: MailHost, _ verdict: HostVerdict) {
        self.host = host.endpoint.description
        self.preference = host.preference.map(Int.init)
        self.isSigned = host.isSecure
        switch verdict {
        case .demand(let demand):
            self.demand =
                switch demand.level {
                case .never: .never
                case .ifOffered: .ifOffered
                case .encrypted: .encrypted
                case .verified: .verified
                }
            self.policy = demand.policy.rawValue
            self.why = demand.why
        case .passOver(let policy, let why):
            self.demand = .passedOver
            self.policy = policy.rawValue
            self.why = why
        }
    }
}

/// Who only looks keeps nothing.
private struct NothingKept: PolicyStore {
    func keep(_ policy: KeptPolicy, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        eventLoop.makeSucceededVoidFuture()
    }
    func keptPolicy(of domain: String, at now: Timestamp) async throws -> KeptPolicy? { nil }
    func policiesDue(at now: Timestamp, count: Int) async throws -> [KeptPolicy] { [] }
}
