/// A service extension, named by its EHLO keyword (RFC 5321 §2.2).
public enum ServiceExtension: String, Hashable, Sendable, CaseIterable {
    /// RFC 2920
    case pipelining = "PIPELINING"
    /// RFC 1870
    case size = "SIZE"
    /// RFC 6152
    case eightBitMIME = "8BITMIME"
    /// RFC 2034
    case enhancedStatusCodes = "ENHANCEDSTATUSCODES"
    /// RFC 3030
    case chunking = "CHUNKING"
    /// RFC 3030
    case binaryMIME = "BINARYMIME"
    /// RFC 3461
    case dsn = "DSN"
    /// RFC 6531
    case smtpUTF8 = "SMTPUTF8"
    /// RFC 9422
    case limits = "LIMITS"
    /// RFC 2852
    case deliverBy = "DELIVERBY"
    /// RFC 4865
    case futureRelease = "FUTURERELEASE"
    /// RFC 6710
    case mtPriority = "MT-PRIORITY"
    /// RFC 8689
    case requireTLS = "REQUIRETLS"
    /// RFC 1985
    case etrn = "ETRN"
    /// RFC 3207
    case startTLS = "STARTTLS"
    /// RFC 4954
    case auth = "AUTH"
    /// The extension that Postfix documents.
    case xclient = "XCLIENT"
    /// The extension that Postfix documents.
    case xforward = "XFORWARD"
}
