import Crypto
public import FoundationEssentials
import SwiftASN1
@_spi(FixedExpiryValidationTime) public import X509

/// What the certificate of a host has to show. One way for all that ask for it: an operator's route, DANE, MTA-STS.
public enum CertificateCheck: Hashable, Sendable {
    /// It is that one, by SHA-256 of its DER.
    case fingerprint([UInt8])
    /// An authority stands for it, and it is for one of these names.
    case authority(names: [ReferenceName])
    /// A TLSA record is for it, or for an authority that stands for it and one of these names (RFC 7672 §3.1).
    case dane(TLSARecords, names: [ReferenceName])
}

/// A name that a certificate may be for (RFC 9525 §6.1).
public struct ReferenceName: Hashable, Sendable {
    public let text: String
    public let isAddress: Bool

    public init(_ text: String, isAddress: Bool = false) {
        self.text = text
        self.isAddress = isAddress
    }
}

extension CertificateCheck {
    /// Whom an authority's check believes.
    public enum Authorities: Sendable {
        case ofThisMachine
        case only(CertificateStore)

        fileprivate var store: CertificateStore {
            switch self {
            case .ofThisMachine: CertificateStore.systemTrustRoots
            case .only(let store): store
            }
        }

        public init(der certificates: [[UInt8]]) throws {
            self = .only(CertificateStore(try certificates.map { try Certificate(derEncoded: $0) }))
        }
    }

    /// - Parameters:
    ///   - chain: DER, as the host sent it: its own certificate first.
    ///   - time: `nil`: now.
    /// - Returns: `nil` when it shows what it has to.
    public func failure(
        of chain: [[UInt8]], authorities: Authorities, at time: Date? = nil
    ) async -> CertificateFailure? {
        let chain = chain.prefix(Path.certificates).map(CertificateOctets.init)
        guard let own = chain.first else { return .unreadable }
        switch self {
        case .fingerprint(let digest): return Array(SHA256.hash(data: own.whole)) == digest ? nil : .notPinned
        case .authority(let names): return await Path(chain, at: time).failure(to: authorities.store, names: names)
        case .dane(let records, let names):
            // RFC 7671 §5.1: its names and dates are of no account.
            if records.endEntities.contains(where: { $0.matches(own) }) { return nil }
            guard !records.trustAnchors.isEmpty else { return .noTLSAMatch }
            let anchors = records.anchors(in: chain.dropFirst())
            guard !anchors.isEmpty else { return .noTLSAMatch }
            return await Path(chain, at: time).failure(to: CertificateStore(anchors), names: names)
        }
    }
}

extension TLSARecords {
    /// The authorities that the records are for: those that the host sent, and such as are in a record as a whole, which it
    /// need not send (RFC 7671 §5.2.2).
    fileprivate func anchors(in authorities: some Sequence<CertificateOctets>) -> [Certificate] {
        let sent = authorities.filter { certificate in self.trustAnchors.contains { $0.matches(certificate) } }
        let whole = self.trustAnchors.filter { $0.selector == 0 && $0.matching == 0 }
        return (sent.map(\.whole) + whole.map(\.association)).compactMap { try? Certificate(derEncoded: $0) }
    }
}

/// A host's certificates on their way to an authority.
private struct Path {
    /// No honest chain is longer.
    static let certificates = 10

    private let own: Certificate?
    private let others: [Certificate]
    private let time: Date?

    init(_ chain: [CertificateOctets], at time: Date?) {
        self.own = chain.first.flatMap { try? Certificate(derEncoded: $0.whole) }
        // Authorities that sign each other make more paths than can be tried. Two of one name and key are cross-signed.
        var seen: [Certificate.PublicKey: Int] = [:]
        self.others = chain.dropFirst().compactMap { try? Certificate(derEncoded: $0.whole) }.filter {
            seen[$0.publicKey, default: 0] += 1
            return seen[$0.publicKey, default: 0] <= 2
        }
        self.time = time
    }

    func failure(to roots: CertificateStore, names: [ReferenceName]) async -> CertificateFailure? {
        guard let own = self.own else { return .unreadable }
        guard await self.leads(to: roots, at: self.time) else {
            let now = self.time ?? Date()
            let day = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
            if now > own.notValidAfter { return .expired(on: own.notValidAfter.formatted(day)) }
            if now < own.notValidBefore { return .notYetValid(until: own.notValidBefore.formatted(day)) }
            return .noAuthority
        }
        for name in names where await self.leads(to: roots, at: self.time, name) { return nil }
        return .wrongName(names.map(\.text))
    }

    private func leads(to roots: CertificateStore, at time: Date?, _ name: ReferenceName? = nil) async -> Bool {
        var verifier = Verifier(rootCertificates: roots) {
            if let time { RFC5280Policy(fixedExpiryValidationTime: time) } else { RFC5280Policy() }
            ServerUsagePolicy()
            AnyPolicy {
                if let name {
                    ServerIdentityPolicy(
                        serverHostname: name.isAddress ? nil : name.text, serverIP: name.isAddress ? name.text : nil)
                } else {
                    AnyNamePolicy()
                }
            }
        }
        guard let own = self.own else { return false }
        switch await verifier.validate(leaf: own, intermediates: CertificateStore(self.others)) {
        case .validCertificate: return true
        case .couldNotValidate: return false
        }
    }
}

/// A certificate that says what it is for has to be for servers (RFC 5280 §4.2.1.12).
private struct ServerUsagePolicy: VerifierPolicy {
    var verifyingCriticalExtensions: [ASN1ObjectIdentifier] { [.X509ExtensionID.extendedKeyUsage] }

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
        guard let usages = try? chain.leaf.extensions.extendedKeyUsage else {
            return chain.leaf.extensions[oid: .X509ExtensionID.extendedKeyUsage] == nil
                ? .meetsPolicy : .failsToMeetPolicy(reason: "what it is for cannot be read")
        }
        return usages.contains(.serverAuth) || usages.contains(.any)
            ? .meetsPolicy : .failsToMeetPolicy(reason: "it is not for servers")
    }
}

/// Names are looked at behind the path; till then they are known, and none is asked for.
private struct AnyNamePolicy: VerifierPolicy {
    var verifyingCriticalExtensions: [ASN1ObjectIdentifier] { [.X509ExtensionID.subjectAlternativeName] }
    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult { .meetsPolicy }
}
