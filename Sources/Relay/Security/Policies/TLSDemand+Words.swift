import SMTP
import TLSPolicy

extension TLSDemand {
    /// What is kept with an attempt: ``SessionSecurity/policy``. `nil` where no policy of the domain was looked for.
    var applied: String? {
        switch self.policy {
        case .route: nil
        case .none: self.why
        case .dane, .mtaSTS: "\(self.policy.words): \(self.why)"
        }
    }

    /// Before words about TLS that failed: who asked for it.
    var prefix: String {
        switch self.policy {
        case .route, .none: ""
        case .dane, .mtaSTS: "\(self.policy.words): "
        }
    }
}

extension ClientSession.DeferralCause {
    /// There was no TLS of the kind that has to be.
    var isOfTLS: Bool {
        switch self {
        case .tlsNotOffered, .tlsRefused, .tlsFailed: true
        default: false
        }
    }
}
