import SwiftASN1

/// A certificate as it came, in DER: what digests are made of. It is read no further than it has to be, so that a
/// certificate with something unknown in it can still be matched.
struct CertificateOctets: Sendable {
    let whole: [UInt8]

    /// The SubjectPublicKeyInfo in DER, as it stands in the certificate (RFC 5280 §4.1); `nil` when that cannot be found.
    var publicKey: [UInt8]? {
        guard let certificate = try? DER.parse(self.whole),
            let body = Self.parts(certificate)?.first.flatMap(Self.parts)
        else { return nil }
        // The version, which may be missing, has a tag of its own; serial number, signature, issuer, validity, subject.
        let hasVersion = body.first?.identifier.tagClass == .contextSpecific
        let place = hasVersion ? 6 : 5
        return body.count > place ? Array(body[place].encodedBytes) : nil
    }

    private static func parts(_ node: ASN1Node) -> [ASN1Node]? {
        guard case .constructed(let nodes) = node.content else { return nil }
        return Array(nodes)
    }
}
