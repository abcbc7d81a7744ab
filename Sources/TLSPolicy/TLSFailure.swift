/// Why there was no TLS with a host, or none as its domain's policy has it: what a report counts (RFC 8460 §4.3).
public struct TLSFailure: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The result types of §4.3 as reports write them. `dane-required` is missing, since nobody can demand DANE here.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case startTLSNotSupported = "starttls-not-supported"
        case certificateHostMismatch = "certificate-host-mismatch"
        case certificateExpired = "certificate-expired"
        case certificateNotTrusted = "certificate-not-trusted"
        /// Whatever is none of the others.
        case validationFailure = "validation-failure"
        /// There are TLSA records, and none can be used.
        case tlsaInvalid = "tlsa-invalid"
        /// Whether there are TLSA records cannot be found out by signed DNS.
        case dnssecInvalid = "dnssec-invalid"
        case stsPolicyFetchError = "sts-policy-fetch-error"
        case stsPolicyInvalid = "sts-policy-invalid"
        /// The host of the policy has no certificate that an authority stands for.
        case stsWebPKIInvalid = "sts-webpki-invalid"
    }

    public var kind: Kind
    /// In words, on one line.
    public var reason: String

    public init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    public var description: String { self.reason }
}

extension TLSFailure {
    /// A handshake that failed, or that would have.
    ///
    /// - Parameters:
    ///   - certificate: what was wrong with the certificate; `nil`: it never came to that.
    ///   - words: of the TLS library.
    public init(handshake certificate: CertificateFailure?, _ words: @autoclosure () -> String) {
        guard let certificate else {
            self.init(.validationFailure, words())
            return
        }
        self.init(certificate.kind, certificate.description)
    }
}

extension CertificateFailure {
    fileprivate var kind: TLSFailure.Kind {
        switch self {
        case .wrongName: .certificateHostMismatch
        case .expired: .certificateExpired
        case .noAuthority, .notPinned, .noTLSAMatch: .certificateNotTrusted
        case .unreadable, .notYetValid: .validationFailure
        }
    }
}
