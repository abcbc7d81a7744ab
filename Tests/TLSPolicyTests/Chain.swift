import Crypto
import Foundation
import SwiftASN1
import X509

/// Certificates made for a test: an authority, one below it, and a host's.
struct Chain {
    struct Member {
        var certificate: Certificate
        var key: Certificate.PrivateKey
        var octets: [UInt8] {
            var serializer = DER.Serializer()
            try! serializer.serialize(self.certificate)
            return serializer.serializedBytes
        }
        /// The SubjectPublicKeyInfo.
        var publicKey: [UInt8] { Array(P256.Signing.PublicKey(self.certificate.publicKey)!.derRepresentation) }
    }

    /// All of them hold on this day and 30 more before and behind it.
    static let today = Date(timeIntervalSince1970: 1_790_000_000)
    static let day: TimeInterval = 86_400

    var root: Member
    var intermediate: Member
    var host: Member

    init(_ name: String = "mx.example.org", usage: ExtendedKeyUsage.Usage = .serverAuth, endsAfter days: Double = 30)
        throws
    {
        self.root = try Self.authority("Root", by: nil)
        self.intermediate = try Self.authority("Intermediate", by: self.root)
        self.host = try Self.make("host", by: self.intermediate, endsAfter: days) {
            SubjectAlternativeNames([.dnsName(name)])
            try ExtendedKeyUsage([usage])
        }
    }

    /// As the host sends it.
    var sent: [[UInt8]] { [self.host.octets, self.intermediate.octets] }
    var whole: [[UInt8]] { self.sent + [self.root.octets] }

    static func authority(_ name: String, by issuer: Member?) throws -> Member {
        try Self.make(name, by: issuer) { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }
    }

    static func make(
        _ name: String, by issuer: Member?, endsAfter days: Double = 30,
        @ExtensionsBuilder _ extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> Member {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(name) }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: Self.today - 30 * Self.day, notValidAfter: Self.today + days * Self.day,
            issuer: issuer?.certificate.subject ?? subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try extensions().get(), issuerPrivateKey: issuer?.key ?? key)
        return Member(certificate: certificate, key: key)
    }
}
