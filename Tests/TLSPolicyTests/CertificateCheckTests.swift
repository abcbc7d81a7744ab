import Crypto
import Foundation
import SwiftASN1
import Testing
import X509

@testable import TLSPolicy

@Suite("what a host's certificate has to show")
struct CertificateCheckTests {
    private let chain: Chain
    private let names = [ReferenceName("mx.example.org"), ReferenceName("example.org")]

    init() throws { self.chain = try Chain() }

    private func failure(
        _ check: CertificateCheck, of sent: [[UInt8]]? = nil, believing root: Certificate? = nil
    ) async -> CertificateFailure? {
        await check.failure(
            of: sent ?? self.chain.sent,
            authorities: .only(CertificateStore([root ?? self.chain.root.certificate])), at: Chain.today)
    }

    private func dane(_ records: TLSARecord...) throws -> CertificateCheck {
        .dane(try #require(TLSARecords(records)), names: self.names)
    }

    private func record(_ usage: UInt8, _ octets: [UInt8], selector: UInt8 = 0) -> TLSARecord {
        TLSARecord(usage: usage, selector: selector, matching: 1, association: Array(SHA256.hash(data: octets)))
    }

    // MARK: authorities

    @Test("an authority stands for it, and the name is right")
    func good() async { #expect(await self.failure(.authority(names: self.names)) == nil) }

    @Test("one of several names is enough, also by a wildcard")
    func secondName() async throws {
        for name in ["example.org", "*.example.org"] {
            let chain = try Chain(name)
            #expect(
                await self.failure(
                    .authority(names: self.names), of: chain.sent, believing: chain.root.certificate) == nil)
        }
    }

    @Test("another name, an unknown authority, and what is missing on the way")
    func refused() async throws {
        #expect(
            await self.failure(.authority(names: [ReferenceName("other.example.org")]))
                == .wrongName(["other.example.org"]))
        let other = try Chain()
        #expect(await self.failure(.authority(names: self.names), of: other.sent) == .noAuthority)
        #expect(await self.failure(.authority(names: self.names), of: [self.chain.host.octets]) == .noAuthority)
        #expect(await self.failure(.authority(names: self.names), of: []) == .unreadable)
        #expect(await self.failure(.authority(names: self.names), of: [[0x30, 0x80, 0]]) == .unreadable)
    }

    @Test("a certificate that expired says when")
    func expired() async throws {
        let chain = try Chain(endsAfter: -1)
        #expect(
            await self.failure(.authority(names: self.names), of: chain.sent, believing: chain.root.certificate)
                == .expired(on: "2026-09-20"))
    }

    @Test("a certificate that is not for servers")
    func wrongUsage() async throws {
        let chain = try Chain(usage: .emailProtection)
        #expect(
            await self.failure(.authority(names: self.names), of: chain.sent, believing: chain.root.certificate)
                == .noAuthority)
    }

    @Test("an address is looked for among the addresses")
    func address() async throws {
        let host = try Chain.make("host", by: self.chain.root) {
            SubjectAlternativeNames([.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
        }
        let check = CertificateCheck.authority(names: [ReferenceName("127.0.0.1", isAddress: true)])
        #expect(await self.failure(check, of: [host.octets]) == nil)
        #expect(await self.failure(check) == .wrongName(["127.0.0.1"]))
    }

    // MARK: DANE

    @Test("DANE-EE takes the certificate, or its key, whatever its name and dates are")
    func endEntity() async throws {
        let old = try Chain("other.example.net", endsAfter: -1)
        for record in [
            self.record(3, old.host.octets), self.record(3, old.host.publicKey, selector: 1),
            TLSARecord(usage: 3, selector: 0, matching: 0, association: old.host.octets),
            TLSARecord(
                usage: 3, selector: 1, matching: 2, association: Array(SHA512.hash(data: old.host.publicKey))),
        ] {
            #expect(await self.failure(try self.dane(record), of: [old.host.octets]) == nil, "\(record)")
        }
    }

    @Test("DANE-EE takes a certificate that signed itself")
    func selfSigned() async throws {
        let own = try Chain.make("own", by: nil) { SubjectAlternativeNames([.dnsName("mx.example.org")]) }
        #expect(await self.failure(try self.dane(self.record(3, own.publicKey, selector: 1)), of: [own.octets]) == nil)
    }

    @Test("DANE-TA takes an authority that the host sends, be it a root or one below")
    func trustAnchor() async throws {
        for record in [
            self.record(2, self.chain.root.octets), self.record(2, self.chain.root.publicKey, selector: 1),
            self.record(2, self.chain.intermediate.octets),
        ] {
            #expect(await self.failure(try self.dane(record), of: self.chain.whole) == nil, "\(record)")
        }
    }

    @Test("DANE-TA takes an authority that is in the record as a whole and not sent")
    func wholeAnchor() async throws {
        let record = TLSARecord(usage: 2, selector: 0, matching: 0, association: self.chain.root.octets)
        #expect(await self.failure(try self.dane(record)) == nil)
    }

    @Test("DANE-TA asks for the name and the dates, and for the host's own certificate it is none")
    func trustAnchorRefused() async throws {
        let wrong = try Chain("other.example.net")
        #expect(
            await self.failure(try self.dane(self.record(2, wrong.root.octets)), of: wrong.whole)
                == .wrongName(["mx.example.org", "example.org"]))
        let old = try Chain(endsAfter: -1)
        #expect(
            await self.failure(try self.dane(self.record(2, old.root.octets)), of: old.whole)
                == .expired(on: "2026-09-20"))
        #expect(
            await self.failure(try self.dane(self.record(2, self.chain.host.octets)), of: self.chain.whole)
                == .noTLSAMatch)
        #expect(await self.failure(try self.dane(self.record(2, self.chain.root.octets))) == .noTLSAMatch)
    }

    @Test("no record is for it; one of several is enough")
    func several() async throws {
        let other = self.record(3, [1, 2, 3])
        #expect(await self.failure(try self.dane(other)) == .noTLSAMatch)
        #expect(await self.failure(try self.dane(other, self.record(3, self.chain.host.octets))) == nil)
    }

    @Test("the public authorities do not help where DANE says otherwise")
    func noFallback() async throws {
        #expect(await self.failure(try self.dane(self.record(3, [0])), of: self.chain.whole) == .noTLSAMatch)
    }

    // MARK: the rest

    @Test("a fingerprint is of the host's own certificate")
    func fingerprint() async {
        let own = CertificateCheck.fingerprint(Array(SHA256.hash(data: self.chain.host.octets)))
        #expect(await self.failure(own) == nil)
        #expect(await self.failure(own, of: [self.chain.intermediate.octets, self.chain.host.octets]) == .notPinned)
    }

    @Test("authorities that sign each other in circles are given up")
    func circles() async throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName("Circle") }
        let circle = try (0..<40).map { number in
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
                notValidBefore: Chain.today - Chain.day, notValidAfter: Chain.today + Chain.day, issuer: subject,
                subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                    SubjectAlternativeNames([.dnsName("\(number).example.org")])
                }, issuerPrivateKey: key)
            return Chain.Member(certificate: certificate, key: key)
        }
        let host = try Chain.make("host", by: circle[0]) { SubjectAlternativeNames([.dnsName("mx.example.org")]) }
        #expect(
            await self.failure(.authority(names: self.names), of: [host.octets] + circle.map(\.octets)) == .noAuthority)
    }
}
