import Mail
import NIOCore
import SMTP
import TLSPolicy

/// What is told of the policies that a session is under: with its attempts, and in reports (RFC 8460).
extension ClientHandler {
    /// The words of the policy that applies to a job's domain, where the session was opened, or used last, for another domain of
    /// its site. They may differ, as what was found in DNS; domains that demand more have sites of their own.
    ///
    /// - Returns: completes on the channel's loop; `nil`: it is the same domain, or none was looked up.
    func policy(of job: Job) -> EventLoopFuture<String?>? {
        guard let place = job.place, let domain = place.domain, domain != self.policyDomain,
            let findings = self.delivery.policies?.findings(
                on: self.mailHost, of: place, self.security, on: self.connection.loop)
        else { return nil }
        self.policyDomain = domain
        let before = self.protection.policy
        return findings.map { findings in
            if case .demand(let demand) = findings.verdict { demand.applied } else { before }
        }
    }

    /// There is TLS, as far as any is demanded.
    func isUnderTLS() { self.conclude(self.demand.trial == nil ? nil : self.trialFailure) }

    /// The session goes on without, since the host does not offer it, or refused.
    func isWithoutTLS() { self.conclude(TLSFailure(.startTLSNotSupported, "TLS is not offered")) }

    /// The host gives no session.
    func isUnusable(_ cause: ClientSession.DeferralCause) {
        switch cause {
        case .tlsNotOffered, .tlsRefused: self.conclude(TLSFailure(.startTLSNotSupported, cause.description))
        case .tlsFailed(let reason, _): self.conclude(TLSFailure(handshake: self.certificateFailure, reason))
        case .connectionLost(.tls), .timedOut(.tls), .malformedReply(.tls):
            self.conclude(TLSFailure(.validationFailure, cause.description))
        case .reply, .connectionLost, .timedOut, .malformedReply, .beyondLimit, .authenticationRefused,
            .authenticationImpossible:
            break
        }
    }

    private var trialFailure: TLSFailure? { self.certificateFailure.map { TLSFailure(handshake: $0, "") } }

    /// Once for each session: what was wrong before it counts in place of what went well in it.
    private func conclude(_ failure: TLSFailure?) {
        guard !self.isConcluded else { return }
        self.isConcluded = true
        if self.demand.trial != nil, let failure {
            self.protection.policy? += TLSDemand.words(ofFailedTrial: failure.reason)
        }
        guard let policy = self.reported, let domain = self.connection.nextHop.place.domain else { return }
        self.delivery.tlsSessions?.ended(
            TLSSessionResult(
                domain: domain, policy: policy, failure: failure ?? self.knownFailure, host: self.host.host,
                local: self.context?.localAddress?.ipAddress, remote: self.context?.remoteAddress?.ipAddress))
    }
}
