import Mail
import SMTP
import TLSPolicy
import Testing

@testable import Relay

@Suite("the account of a session's TLS")
struct TLSAccountTests {
    private static let policy = ReportedPolicy(.sts, strings: ["mode: enforce"], domain: "example.org")
    private static let known = TLSFailure(.dnssecInvalid, "no signed answer")
    private static let check = CertificateCheck.authority(names: [ReferenceName("mx.example.org")])

    /// - Parameter trial: a policy is only tested.
    private static func account(
        trial: Bool = false, known: TLSFailure? = nil, isCounted: Bool = true, withoutTLS: Bool = false
    ) -> TLSAccount {
        let demand = TLSDemand(
            trial ? .ifOffered : .verified(self.check), .mtaSTS, trial: trial ? self.check : nil, why: "mx: ok")
        let findings = HostFindings(.demand(demand), policy: isCounted ? self.policy : nil, failure: known)
        return TLSAccount(
            demand, findings, host: "mx.example.org", domain: "example.org", withoutTLS: withoutTLS)
    }

    @Test("what went well is counted once, and what protects the session is told")
    func secured() throws {
        var account = Self.account()
        let counted = account.secured("TLSv1.3")
        let result = try #require(counted)
        #expect(result.failure == nil)
        #expect(result.domain == "example.org" && result.host == "mx.example.org" && result.policy == Self.policy)
        #expect(account.protection.description == "TLSv1.3 verified; MTA-STS: mx: ok")
        let again = account.unusable(.connectionLost(.tls))
        #expect(again == nil)
    }

    @Test("what was wrong before the session counts in place of what went well in it")
    func knownFailure() {
        var account = Self.account(known: Self.known)
        let failure = account.secured("TLSv1.3")?.failure
        #expect(failure == Self.known)
    }

    @Test("a policy that is only tested takes the certificate, and tells that it would have failed")
    func trial() {
        var account = Self.account(trial: true)
        account.certificateFailure = .noAuthority
        let kind = account.secured("TLSv1.3")?.failure?.kind
        #expect(kind == .certificateNotTrusted)
        #expect(!account.protection.isVerified)
        #expect(account.protection.policy?.contains("would have failed") == true)
    }

    @Test(
        "a host that gives no TLS is counted so, and one that gives no session for another reason is not",
        arguments: [
            (ClientSession.DeferralCause.tlsNotOffered, .startTLSNotSupported),
            (.tlsRefused(Reply(454, nil, "no")), .startTLSNotSupported), (.timedOut(.tls), .validationFailure),
            (.timedOut(.greeting), nil), (.reply(Reply(421, nil, "busy")), nil),
        ] as [(ClientSession.DeferralCause, TLSFailure.Kind?)])
    func unusable(_ cause: ClientSession.DeferralCause, _ kind: TLSFailure.Kind?) {
        var account = Self.account()
        let told = account.unusable(cause)?.failure?.kind
        #expect(told == kind)
    }

    @Test("a session without TLS behind one whose handshake failed is not counted again")
    func withoutTLS() {
        var account = Self.account(trial: true, withoutTLS: true)
        let counted = account.isPlaintext()
        #expect(counted == nil)
        #expect(account.protection.policy?.contains("the TLS handshake failed") == true)
    }

    @Test("nothing is counted where no policy asks for it, or we broke off")
    func uncounted() {
        var account = Self.account(isCounted: false)
        let counted = account.isPlaintext()
        #expect(counted == nil)
        var brokenOff = Self.account()
        brokenOff.hungUp()
        let told = brokenOff.unusable(.connectionLost(.tls))
        #expect(told == nil)
    }
}
