/// What protected a session: not what was asked for, but what it had.
public struct SessionSecurity: Hashable, Sendable, Codable, CustomStringConvertible {
    public static let plaintext = SessionSecurity(tls: nil)

    /// The version, `TLSv1.3`; `nil` in plaintext.
    public var tls: String?
    /// The certificate showed that the server is the one that was meant.
    public var isVerified: Bool
    /// Which policy of the domain applied, or why none did: `DANE: TLSA 3 1 1 0a1b2c3d… at _25._tcp.mx.example.org`. `nil`
    /// where the operator's route alone said what is demanded.
    public var policy: String?

    public init(tls: String?, isVerified: Bool = false, policy: String? = nil) {
        self.tls = tls
        self.isVerified = isVerified
        self.policy = policy
    }

    private static let verified = " verified"
    private static let separator = "; "

    /// - Parameter description: of another.
    public init(description: String) {
        let separator = description.firstRange(of: Self.separator)
        let had = separator.map { description[..<$0.lowerBound] } ?? description[...]
        self.policy = separator.map { String(description[$0.upperBound...]) }
        self.isVerified = had.hasSuffix(Self.verified)
        let tls = self.isVerified ? String(had.dropLast(Self.verified.count)) : String(had)
        self.tls = tls == Self.plaintext.protection ? nil : tls
    }

    /// What it had: `plaintext`, `TLSv1.3`, `TLSv1.3 verified`.
    public var protection: String {
        guard let tls = self.tls else { return "plaintext" }
        return self.isVerified ? tls + Self.verified : tls
    }

    /// ``protection``, and the policy behind it.
    public var description: String {
        guard let policy = self.policy else { return self.protection }
        return self.protection + Self.separator + policy
    }
}
