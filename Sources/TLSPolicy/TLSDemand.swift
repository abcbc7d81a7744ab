/// What has to hold before mail goes to one host, which policy says so, and why.
public struct TLSDemand: Hashable, Sendable {
    public enum Policy: String, Hashable, Sendable, Codable, CaseIterable {
        /// The operator's route, and nothing else was looked for.
        case route
        /// No policy of the domain applies; the route's word holds.
        case none
        case dane
        case mtaSTS = "mta-sts"

        /// As people write it.
        public var words: String {
            switch self {
            case .route: "route"
            case .none: "none"
            case .dane: "DANE"
            case .mtaSTS: "MTA-STS"
            }
        }
    }

    /// Whether there is to be TLS, and what then.
    public enum Level: Hashable, Sendable {
        case never
        /// Where it is offered, with any certificate; without where it fails.
        case ifOffered
        /// With any certificate.
        case encrypted
        case verified(CertificateCheck)
    }

    public var level: Level
    public var policy: Policy
    /// One line: `TLSA 3 1 1 0a1b2c3d… of _25._tcp.mx.example.org`.
    public var why: String

    public init(_ level: Level, _ policy: Policy, why: String) {
        self.level = level
        self.policy = policy
        self.why = why
    }

    /// `nil` where any certificate will do.
    public var check: CertificateCheck? {
        if case .verified(let check) = self.level { check } else { nil }
    }
}

/// What the policies say of one host.
public enum HostVerdict: Hashable, Sendable {
    case demand(TLSDemand)
    /// No mail there for now: which policy says so, and why.
    case passOver(TLSDemand.Policy, why: String)
}

extension HostVerdict {
    /// What holds where the operator's route leaves it to the policies. DANE comes first, and MTA-STS does not override it
    /// (RFC 8461 §2).
    ///
    /// - Parameters:
    ///   - route: what the route demands without them.
    ///   - host: the host's name in A-labels.
    ///   - domain: whose exchanger it is, when it is one.
    public init(
        route: TLSDemand, dane: DANEFinding, sts: STSFinding, host: String, domain: String?
    ) {
        var reasons: [String] = []
        switch dane {
        case .off: break
        case .unsigned(let what): reasons.append("no DANE: \(what)")
        case .none(let name): reasons.append("no DANE: no TLSA records at \(name)")
        case .unavailable(let why):
            self = .passOver(.dane, why: why)
            return
        case .unreachable(let why):
            self = .passOver(.none, why: why)
            return
        case .records(let records, let name):
            guard let usable = TLSARecords(records) else {
                // RFC 7672 §2.2: they show that there is TLS, and no more.
                self = .demand(TLSDemand(.encrypted, .dane, why: "no TLSA record at \(name) can be used"))
                return
            }
            let names = [host, domain].compactMap { $0 }.reduce(into: [String]()) { names, name in
                if !names.contains(name) { names.append(name) }
            }
            let shown = usable.usable.prefix(3).map { "\($0)" }.joined(separator: ", ")
            let more = usable.usable.count > 3 ? " and \(usable.usable.count - 3) more" : ""
            self = .demand(
                TLSDemand(
                    .verified(.dane(usable, names: names.map { ReferenceName($0) })), .dane,
                    why: "TLSA \(shown)\(more) at \(name)"))
            return
        }
        switch sts {
        case .off: break
        case .none(let why): reasons.append("no MTA-STS: \(why)")
        case .policy(let policy, let domain):
            switch policy.mode {
            case .none: reasons.append("no MTA-STS: \(domain) ended its policy")
            case .testing: reasons.append("MTA-STS: \(domain) is only testing")
            case .enforce:
                guard policy.allows(host) else {
                    self = .passOver(.mtaSTS, why: "\(host) is no host of the policy of \(domain)")
                    return
                }
                self = .demand(
                    TLSDemand(
                        .verified(.authority(names: [ReferenceName(host)])), .mtaSTS,
                        why: "the policy of \(domain) is enforced"))
                return
            }
        }
        self = .demand(
            reasons.isEmpty ? route : TLSDemand(route.level, .none, why: reasons.joined(separator: "; ")))
    }
}
