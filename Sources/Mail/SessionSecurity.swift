/// What protected a session: not what was asked for, but what it had.
public struct SessionSecurity: Hashable, Sendable, Codable, CustomStringConvertible {
    public static let plaintext = SessionSecurity(tls: nil)

    /// The version, `TLSv1.3`; `nil` in plaintext.
    public var tls: String?
    /// The certificate showed that the server is the one that was meant.
    public var isVerified: Bool

    public init(tls: String?, isVerified: Bool = false) {
        self.tls = tls
        self.isVerified = isVerified
    }

    private static let verified = " verified"

    /// - Parameter description: of another.
    public init(description: String) {
        self.isVerified = description.hasSuffix(Self.verified)
        let tls = self.isVerified ? String(description.dropLast(Self.verified.count)) : description
        self.tls = tls == Self.plaintext.description ? nil : tls
    }

    /// `plaintext`, `TLSv1.3`, `TLSv1.3 verified`
    public var description: String {
        guard let tls = self.tls else { return "plaintext" }
        return self.isVerified ? tls + Self.verified : tls
    }
}
