import Crypto

/// SCRAM's functions over SHA-256 (RFC 5802 §2.2, RFC 7677 §2).
enum KeyDerivation {
    static let octets = SHA256.byteCount

    static func hash(_ message: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: message)) }

    static func hmac(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    /// Hi(): PBKDF2 of one block. Its cost is `iterations` HMACs of one block each.
    static func saltedPassword(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        // The key is hashed once; each round starts from a copy of that state.
        let keyed = HMAC<SHA256>(key: SymmetricKey(data: password))
        var round = keyed
        round.update(data: salt + [0, 0, 0, 1])
        var code = round.finalize()
        var result = Array(code)
        for _ in 0..<max(iterations - 1, 0) {
            round = keyed
            code.withUnsafeBytes { round.update(data: $0) }
            code = round.finalize()
            code.withUnsafeBytes { block in for index in result.indices { result[index] ^= block[index] } }
        }
        return result
    }

    static func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { zip(left, right).map { $0 ^ $1 } }

    /// Whether both are the same, in a time that does not tell where they differ.
    static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// The keys that come out of a salted password (RFC 5802 §3).
struct ScramKeys {
    let client: [UInt8]
    let stored: [UInt8]
    let server: [UInt8]

    init(saltedPassword: [UInt8]) {
        self.client = KeyDerivation.hmac(key: saltedPassword, Array("Client Key".utf8))
        self.stored = KeyDerivation.hash(self.client)
        self.server = KeyDerivation.hmac(key: saltedPassword, Array("Server Key".utf8))
    }
}
