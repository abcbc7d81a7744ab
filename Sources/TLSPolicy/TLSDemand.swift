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
    /// What would be demanded if a policy that is only tested were enforced (RFC 8461 §5): it is tried, and nothing hangs on it.
    public var trial: CertificateCheck?
    public var policy: Policy
    /// One line: `TLSA 3 1 1 0a1b2c3d… of _25._tcp.mx.example.org`.
    public var why: String

    public init(_ level: Level, _ policy: Policy, trial: CertificateCheck? = nil, why: String) {
        self.level = level
        self.trial = trial
        self.policy = policy
        self.why = why
    }

    /// What is told behind ``why`` when a trial failed.
    public static func words(ofFailedTrial why: String) -> String { ", and would have failed: \(why)" }

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
        var trial: CertificateCheck?
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
        case .unusable(let failure): reasons.append("no MTA-STS: \(failure)")
        case .policy(let policy, let domain):
            switch policy.mode {
            case .none: reasons.append("no MTA-STS: \(domain) ended its policy")
            case .testing:
                let failure = policy.allows(host) ? nil : Self.noHost(host, ofThePolicyOf: domain)
                trial = failure == nil ? .authority(names: [ReferenceName(host)]) : nil
                reasons.append(
                    "MTA-STS: \(domain) is only testing" + (failure.map(TLSDemand.words(ofFailedTrial:)) ?? ""))
            case .enforce:
                guard policy.allows(host) else {
                    self = .passOver(.mtaSTS, why: Self.noHost(host, ofThePolicyOf: domain))
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
            reasons.isEmpty
                ? route : TLSDemand(route.level, .none, trial: trial, why: reasons.joined(separator: "; ")))
    }

    static func noHost(_ host: String, ofThePolicyOf domain: String) -> String {
        "\(host) is no host of the policy of \(domain)"
    }
}
