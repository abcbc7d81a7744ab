import Crypto

/// What `tls-server-end-point` binds to: a hash of the server's certificate (RFC 5929 §4.1).
public enum EndPointHash {
    /// - Parameter certificate: DER, as it is in the handshake.
    /// - Returns: SHA-256 where the certificate is signed with MD5, SHA-1 or SHA-256, else by the hash of its
    ///   signature. `nil` for a signature that names none, such as Ed25519: the binding is not defined then, and
    ///   SCRAM-SHA-256-PLUS is not to be offered or chosen.
    public static func of(certificate: [UInt8]) -> [UInt8]? {
        guard let algorithm = self.signatureAlgorithm(of: certificate) else { return nil }
        switch Array(algorithm) {
        case self.rsa + [4], self.rsa + [5], self.rsa + [11], self.ecdsa + [1], self.ecdsa + [3, 2]:
            return Array(SHA256.hash(data: certificate))
        case self.rsa + [12], self.ecdsa + [3, 3]: return Array(SHA384.hash(data: certificate))
        case self.rsa + [13], self.ecdsa + [3, 4]: return Array(SHA512.hash(data: certificate))
        default: return nil
        }
    }

    /// 1.2.840.113549.1.1: MD5, SHA-1, SHA-256, SHA-384 and SHA-512 with RSA are 4, 5, 11, 12 and 13 of it.
    private static let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1]
    /// 1.2.840.10045.4: ECDSA with SHA-1 is 1, with SHA-256, SHA-384 and SHA-512 3.2, 3.3 and 3.4.
    private static let ecdsa: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 4]

    private static let sequence = UInt8(0x30)
    private static let objectIdentifier = UInt8(0x06)

    /// The identifier in the second element of a certificate (RFC 5280 §4.1).
    private static func signatureAlgorithm(of certificate: [UInt8]) -> ArraySlice<UInt8>? {
        var input = certificate[...]
        guard var elements = self.take(self.sequence, from: &input), self.take(self.sequence, from: &elements) != nil,
            var algorithm = self.take(self.sequence, from: &elements)
        else { return nil }
        return self.take(self.objectIdentifier, from: &algorithm)
    }

    /// Steps over one element of type `tag`, and returns what is in it.
    private static func take(_ tag: UInt8, from input: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard input.popFirst() == tag, let first = input.popFirst() else { return nil }
        var octets = Int(first)
        if first >= 0x80 {
            // The long form; four octets of length are more than any certificate has.
            guard 1...4 ~= first & 0x7F, input.count >= Int(first & 0x7F) else { return nil }
            octets = input.prefix(Int(first & 0x7F)).reduce(0) { $0 << 8 | Int($1) }
            input = input.dropFirst(Int(first & 0x7F))
        }
        guard octets <= input.count else { return nil }
        defer { input = input.dropFirst(octets) }
        return input.prefix(octets)
    }
}
