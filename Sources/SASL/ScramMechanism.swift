/// The two mechanisms of RFC 7677, by the names they have in EHLO.
public enum ScramMechanism: String, Sendable {
    case sha256 = "SCRAM-SHA-256"
    case sha256Plus = "SCRAM-SHA-256-PLUS"

    /// The one type of channel binding there is here: ``EndPointHash``.
    static let bindingType = "tls-server-end-point"
}
