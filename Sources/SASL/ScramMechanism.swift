/// The two mechanisms of RFC 7677, by the names they have in EHLO.
public enum ScramMechanism: String, Sendable {
    case sha256 = "SCRAM-SHA-256"
    case sha256Plus = "SCRAM-SHA-256-PLUS"

    /// The one type of channel binding there is here (RFC 5929 §4): the hash of the server's certificate, by SHA-256
    /// where its signature uses MD5, SHA-1 or SHA-256, else by the hash that the signature uses.
    static let bindingType = "tls-server-end-point"
}
