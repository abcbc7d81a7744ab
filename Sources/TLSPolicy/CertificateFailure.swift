/// Why a certificate does not show that the host is the one that was meant. The description is for a row.
public enum CertificateFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is none, or it cannot be read.
    case unreadable
    /// It is not the one that the route names.
    case notPinned
    /// None of the authorities that are believed stands for it.
    case noAuthority
    /// Days in ISO 8601.
    case expired(on: String)
    case notYetValid(until: String)
    /// Names that would have done.
    case wrongName([String])
    /// No TLSA record is for it, nor for an authority behind it.
    case noTLSAMatch

    public var description: String {
        switch self {
        case .unreadable: "the certificate cannot be read"
        case .notPinned: "the certificate is not the one that the route names"
        case .noAuthority: "no authority stands for the certificate"
        case .expired(let day): "the certificate expired on \(day)"
        case .notYetValid(let day): "the certificate is not valid before \(day)"
        case .wrongName(let names): "the certificate is not for \(names.joined(separator: " or "))"
        case .noTLSAMatch: "the certificate matches no TLSA record"
        }
    }
}
