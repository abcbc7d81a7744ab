import Mail
import SMTP
import TLSPolicy

/// The account of one session's TLS: what protects its mail, as attempts tell it, and how that went, once, as reports count it
/// (RFC 8460 §4.3).
struct TLSAccount {
    /// What has to hold before mail goes out.
    let demand: TLSDemand
    private let host: String
    /// The domain that the session was opened for; `nil`: for a host that a route names.
    private let domain: String?
    /// What the session is counted under, and what was wrong before it; `nil`: it is not counted.
    private let policy: ReportedPolicy?
    private let knownFailure: TLSFailure?
    /// What protects the session by now.
    private(set) var protection: SessionSecurity
    /// The domain whose policy ``protection`` names.
    private var namedDomain: String?
    /// Why the server's certificate was not taken, or would not be by a policy that is tested.
    var certificateFailure: CertificateFailure?
    /// How it went is told.
    private var isClosed: Bool

    /// - Parameters:
    ///   - findings: about the host; `nil`: none were looked for.
    ///   - withoutTLS: it failed in a session before this one, and that was told.
    init(
        _ demand: TLSDemand, _ findings: HostFindings?, host: String, domain: String?, withoutTLS: Bool
    ) {
        self.demand = demand
        self.host = host
        self.domain = domain
        self.namedDomain = domain
        self.policy = findings?.policy
        self.knownFailure = findings?.failure
        self.isClosed = withoutTLS
        let failure =
            withoutTLS && demand.trial != nil ? TLSDemand.words(ofFailedTrial: "the TLS handshake failed") : ""
        self.protection = SessionSecurity(tls: nil, policy: demand.applied.map { $0 + failure })
    }

    var isUnderTLS: Bool { self.protection.tls != nil }

    /// Whether ``protection`` names the policy of that domain.
    func isAbout(_ domain: String) -> Bool { self.namedDomain == domain }
    /// Mail of another domain is about to go, whose policy may have other words.
    mutating func turns(to domain: String) { self.namedDomain = domain }
    mutating func names(policy words: String?) { self.protection.policy = words }

    // MARK: how it went: each of these is counted where it is the first

    /// The handshake is over, and the certificate was taken.
    mutating func secured(_ version: String) -> TLSSessionResult? {
        self.protection.tls = version
        self.protection.isVerified = self.demand.check != nil
        let isTrial = self.demand.trial != nil
        return self.close(isTrial ? self.certificateFailure.map { TLSFailure(handshake: $0, "") } : nil)
    }

    /// The session is ready without TLS, since the host does not offer it, or refused.
    mutating func isPlaintext() -> TLSSessionResult? {
        self.close(TLSFailure(.startTLSNotSupported, "TLS is not offered"))
    }

    /// The host gives no session.
    mutating func unusable(_ cause: ClientSession.DeferralCause) -> TLSSessionResult? {
        switch cause {
        case .tlsNotOffered, .tlsRefused: self.close(TLSFailure(.startTLSNotSupported, cause.description))
        case .tlsFailed(let reason, _): self.close(TLSFailure(handshake: self.certificateFailure, reason))
        case .connectionLost(.tls), .timedOut(.tls), .malformedReply(.tls):
            self.close(TLSFailure(.validationFailure, cause.description))
        case .reply, .connectionLost, .timedOut, .malformedReply, .beyondLimit, .authenticationRefused,
            .authenticationImpossible:
            nil
        }
    }

    /// We broke the session off: its TLS failed nobody.
    mutating func hungUp() { self.isClosed = true }

    /// What was wrong before the session counts in place of what went well in it.
    ///
    /// - Returns: without addresses; `nil`: nothing is to be counted, or it was.
    private mutating func close(_ failure: TLSFailure?) -> TLSSessionResult? {
        guard !self.isClosed else { return nil }
        self.isClosed = true
        if self.demand.trial != nil, let failure {
            self.protection.policy? += TLSDemand.words(ofFailedTrial: failure.reason)
        }
        guard let policy = self.policy, let domain = self.domain else { return nil }
        return TLSSessionResult(
            domain: domain, policy: policy, failure: failure ?? self.knownFailure, host: self.host)
    }
}
