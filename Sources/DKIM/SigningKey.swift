import Crypto
import CryptoExtras
import Foundation
import SMTP

/// A private key that signs, of one of the two algorithms there are (RFC 8301 §3.1, RFC 8463 §3).
public struct SigningKey: Sendable {
    public enum Algorithm: String, Sendable, CaseIterable {
        case rsa
        case ed25519

        /// The tag `a=`.
        var name: String {
            switch self {
            case .rsa: "rsa-sha256"
            case .ed25519: "ed25519-sha256"
            }
        }
    }

    private enum Key: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }
    private let key: Key

    /// A new key; RSA of 2048 bits, since longer ones do not fit into DNS as every verifier reads it (RFC 6376 §3.3.3).
    public init(generating algorithm: Algorithm) throws {
        switch algorithm {
        case .rsa: self.key = .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048))
        case .ed25519: self.key = .ed25519(Curve25519.Signing.PrivateKey())
        }
    }

    /// - Parameter pem: PKCS#8 as `openssl genpkey` writes it, or PKCS#1 for RSA. RSA keys have 1024 bits at least
    ///   (RFC 8301 §3.2).
    public init(pem: String) throws(SigningKeyError) {
        if let octets = Self.pkcs8(pem), octets.starts(with: Self.ed25519Prefix) {
            guard octets.count == Self.ed25519Prefix.count + 32,
                let key = try? Curve25519.Signing.PrivateKey(
                    rawRepresentation: octets[Self.ed25519Prefix.count...])
            else { throw .malformed }
            self.key = .ed25519(key)
        } else if let key = try? _RSA.Signing.PrivateKey(unsafePEMRepresentation: pem) {
            self.key = .rsa(key)
        } else {
            throw .malformed
        }
    }

    public init(ed25519 seed: [UInt8]) throws {
        self.key = .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
    }

    public var algorithm: Algorithm {
        switch self.key {
        case .rsa: .rsa
        case .ed25519: .ed25519
        }
    }

    /// PKCS#8, as ``init(pem:)`` and other programs read it.
    public var pem: String {
        switch self.key {
        case .rsa(let key): return key.pkcs8PEMRepresentation + "\n"
        case .ed25519(let key):
            let text = Base64.encode(Self.ed25519Prefix + Array(key.rawRepresentation))
            return "\(Self.header)\n\(text)\n\(Self.footer)\n"
        }
    }

    /// The text of the DNS record that publishes the key (RFC 6376 §3.6.1, RFC 8463 §4.2).
    public var record: String {
        switch self.key {
        case .rsa(let key):
            "v=DKIM1; k=rsa; p=\(Base64.encode(Array(key.publicKey.derRepresentation)))"
        case .ed25519(let key):
            "v=DKIM1; k=ed25519; p=\(Base64.encode(Array(key.publicKey.rawRepresentation)))"
        }
    }

    /// - Parameter digest: of the header; Ed25519 signs it as if it were the message (RFC 8463 §3).
    func signature(of digest: SHA256Digest) throws -> [UInt8] {
        switch self.key {
        case .rsa(let key):
            Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
        case .ed25519(let key): Array(try key.signature(for: Array(digest)))
        }
    }

    // MARK: PEM

    private static let header = "-----BEGIN PRIVATE KEY-----"
    private static let footer = "-----END PRIVATE KEY-----"
    /// What stands before the 32 octets of an Ed25519 key (RFC 8410 §7, §10.3).
    private static let ed25519Prefix: [UInt8] = [
        0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]

    private static func pkcs8(_ pem: String) -> [UInt8]? {
        let lines = pem.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        guard let start = lines.firstIndex(of: self.header), let end = lines.firstIndex(of: self.footer), start < end
        else { return nil }
        return Base64.decode(Array(lines[(start + 1)..<end].joined().utf8))
    }
}

/// Why a file holds no key.
public enum SigningKeyError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformed
    public var description: String { "no private key in PEM, RSA of at least 1024 bits or Ed25519" }
}
