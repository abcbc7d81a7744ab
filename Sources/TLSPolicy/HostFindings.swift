/// What is known of a host before there is a session with it.
public struct HostFindings: Hashable, Sendable {
    public var verdict: HostVerdict
    /// What a session will be counted under; `nil` where no policy was looked for.
    public var policy: ReportedPolicy?
    /// What is wrong whatever the session comes to.
    public var failure: TLSFailure?

    public init(_ verdict: HostVerdict, policy: ReportedPolicy? = nil, failure: TLSFailure? = nil) {
        self.verdict = verdict
        self.policy = policy
        self.failure = failure
    }

    /// - Parameters:
    ///   - route: what the route demands without policies.
    ///   - host: the host's name in A-labels.
    ///   - domain: whose exchanger it is, when it is one.
    public init(route: TLSDemand, dane: DANEFinding, sts: STSFinding, host: String, domain: String?) {
        self.init(HostVerdict(route: route, dane: dane, sts: sts, host: host, domain: domain))
        guard let domain else { return }
        switch dane {
        case .records(let records, let name):
            self.policy = ReportedPolicy(.tlsa, strings: records.map(\.text), domain: Self.base(of: name))
            if TLSARecords(records) == nil {
                self.failure = TLSFailure(.tlsaInvalid, "no TLSA record at \(name) can be used")
            }
            return
        case .unavailable(let why):
            self.policy = ReportedPolicy(.tlsa, domain: host)
            self.failure = TLSFailure(.dnssecInvalid, why)
            return
        // Without addresses there is no session that could be counted.
        case .unreachable: return
        case .off, .unsigned, .none: break
        }
        switch sts {
        case .policy(let policy, let owner) where policy.mode != .none:
            self.policy = ReportedPolicy(
                .sts, strings: policy.text.split(whereSeparator: \.isNewline).map(String.init), domain: owner,
                hosts: policy.hosts)
            if !policy.allows(host) {
                self.failure = TLSFailure(.validationFailure, HostVerdict.noHost(host, ofThePolicyOf: owner))
            }
        case .unusable(let failure):
            self.policy = ReportedPolicy(.sts, domain: domain)
            self.failure = failure
        case .off, .none, .policy: self.policy = ReportedPolicy(.none, domain: domain)
        }
    }

    /// `mx.example.org` of `_25._tcp.mx.example.org`.
    private static func base(of name: String) -> String {
        name.split(separator: ".", maxSplits: 2).last.map(String.init) ?? name
    }
}
