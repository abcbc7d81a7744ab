import SMTP

/// What a server keeps of a password: enough to check it, not enough to log in with it (RFC 5802 §3).
public struct StoredPassword: Equatable, Sendable {
    /// RFC 7677 §4 wants 4096 at least. At the upper end a login with PLAIN takes seconds.
    public static let allowedIterations = ScramClient.allowedIterations
    /// Salts of other programs are taken too; our own have 16 octets.
    static let allowedSaltOctets = 8...64
    /// Eight times RFC 7677's least: about 25 ms of a core, so 40 logins a second with PLAIN, where the relay pays. What
    /// is recommended for web sites, 600,000, would be two; whoever lets only SCRAM in, where the client pays, can take it.
    public static let defaultIterations = 32_768

    public let iterations: Int
    public let salt: [UInt8]
    let storedKey: [UInt8]
    let serverKey: [UInt8]

    /// Costs `iterations` rounds.
    public init(_ password: PreparedString, salt: [UInt8], iterations: Int) {
        let keys = ScramKeys(
            saltedPassword: KeyDerivation.saltedPassword(password.octets, salt: salt, iterations: iterations))
        self.init(iterations: iterations, salt: salt, storedKey: keys.stored, serverKey: keys.server)
    }

    /// Stores a password with a fresh salt of 16 octets.
    public init(
        _ password: PreparedString, iterations: Int = Self.defaultIterations,
        using generator: inout some RandomNumberGenerator
    ) {
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.init(password, salt: salt, iterations: iterations)
    }

    private init(iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// What stands for a user who does not exist: always the same for one name, and no password fits it.
    static func decoy(for name: String, key: [UInt8], iterations: Int) -> StoredPassword {
        func derived(_ label: String) -> [UInt8] { KeyDerivation.hmac(key: key, Array("\(label):\(name)".utf8)) }
        return StoredPassword(
            iterations: iterations, salt: Array(derived("salt").prefix(16)), storedKey: derived("stored"),
            serverKey: derived("server"))
    }

    /// Whether `password` is the one. Costs `iterations` rounds and the same time for every wrong password.
    public func matches(_ password: PreparedString) -> Bool {
        let other = StoredPassword(password, salt: self.salt, iterations: self.iterations)
        return KeyDerivation.equal(other.storedKey, self.storedKey)
    }

    /// Whether the client knows the password (RFC 5802 §3): the stored key is the hash of what the proof reveals.
    func accepts(proof: [UInt8], of message: [UInt8]) -> Bool {
        let signature = KeyDerivation.hmac(key: self.storedKey, message)
        guard proof.count == signature.count else { return false }
        return KeyDerivation.equal(KeyDerivation.hash(KeyDerivation.xor(proof, signature)), self.storedKey)
    }
}

extension StoredPassword: CustomStringConvertible {
    public static let form = "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, the last three in base64"

    /// A description without the keys.
    public var description: String { "SCRAM-SHA-256, \(self.iterations) iterations" }

    /// The text that PostgreSQL writes into its catalogue, and RFC 5803 in much the same way.
    public var text: String {
        "SCRAM-SHA-256$\(self.iterations):\(Base64.encode(self.salt))$\(Base64.encode(self.storedKey)):"
            + Base64.encode(self.serverKey)
    }

    /// Reads ``text``.
    public init(text: some StringProtocol) throws(StoredPasswordError) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .form }
        guard parts[0] == "SCRAM-SHA-256" else { throw .scheme }
        let first = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let second = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard first.count == 2, second.count == 2 else { throw .form }
        guard first[0].utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let iterations = Int(first[0]),
            Self.allowedIterations.contains(iterations)
        else { throw .iterations }
        guard let salt = Base64.decode(first[1].utf8), Self.allowedSaltOctets.contains(salt.count) else { throw .salt }
        guard let storedKey = Base64.decode(second[0].utf8), storedKey.count == KeyDerivation.octets,
            let serverKey = Base64.decode(second[1].utf8), serverKey.count == KeyDerivation.octets
        else { throw .key }
        self.init(iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey)
    }
}

/// Why a text is no stored password. The description says what is allowed and shows nothing of the text.
public enum StoredPasswordError: Error, Equatable, CustomStringConvertible {
    case form, scheme, iterations, salt, key

    public var description: String {
        switch self {
        case .form: "not in the form \(StoredPassword.form); take the line out and make it with hoptop passwd"
        case .scheme: "not a SCRAM-SHA-256 password; take the line out and make it with hoptop passwd"
        case .iterations:
            "the iterations are not a number from \(StoredPassword.allowedIterations.lowerBound) to "
                + "\(StoredPassword.allowedIterations.upperBound)"
        case .salt:
            "the salt is not base64 of \(StoredPassword.allowedSaltOctets.lowerBound) to "
                + "\(StoredPassword.allowedSaltOctets.upperBound) octets"
        case .key: "StoredKey or ServerKey is not base64 of \(KeyDerivation.octets) octets"
        }
    }
}
