import Crypto
import Foundation
import SeededRandom
import Testing
import X509

@testable import TLSPolicy

/// All of it comes from others.
@Suite("policies and certificates with changed octets")
struct RobustnessTests {
    @Test("no changed certificate passes for the one that was meant, and none crashes")
    func certificates() async throws {
        let chain = try Chain()
        let root = CertificateCheck.Authorities.only(CertificateStore([chain.root.certificate]))
        let digest = Array(SHA256.hash(data: chain.host.octets))
        let records = try #require(
            TLSARecords([TLSARecord(usage: 3, selector: 0, matching: 1, association: digest)]))
        let names = [ReferenceName("mx.example.org")]
        var random = SeededGenerator(printedAs: "TLS policies")
        for _ in 0..<300 {
            let changed = random.changed(chain.host.octets)
            guard changed != chain.host.octets else { continue }
            for check in [CertificateCheck.authority(names: names), .dane(records, names: names), .fingerprint(digest)]
            {
                let failure = await check.failure(
                    of: [changed] + chain.sent.dropFirst(), authorities: root, at: Chain.today)
                #expect(failure != nil)
            }
            _ = CertificateOctets(whole: changed).publicKey
        }
    }

    @Test("changed policies and records are read or refused")
    func policies() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: *.example.org\r\nmax_age: 86400\r\n"
        var random = SeededGenerator(printedAs: "TLS policies")
        for _ in 0..<2000 {
            let changed = String(decoding: random.changed(Array(text.utf8)), as: UTF8.self)
            if let policy = try? STSPolicy(text: changed) {
                _ = policy.allows("mx.example.org")
                #expect((try? STSPolicy(text: policy.text)) == policy, "\(changed)")
            }
            _ = STSRecord(records: [String(decoding: random.changed(Array("v=STSv1; id=1;".utf8)), as: UTF8.self)])
            if let record = TLSARecord(data: random.changed([3, 1, 1] + Array(repeating: 7, count: 32))) {
                _ = TLSARecords([record])
            }
        }
    }
}

extension SeededGenerator {
    /// Some octets other than they were, fewer, or more.
    fileprivate mutating func changed(_ octets: [UInt8]) -> [UInt8] {
        var octets = octets
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let place = octets.isEmpty ? 0 : Int.random(in: octets.indices, using: &self)
            switch UInt8.random(in: 0..<4, using: &self) {
            case 0: octets = Array(octets[..<place])
            case 1: octets.insert(.random(in: 0...255, using: &self), at: place)
            default: if !octets.isEmpty { octets[place] = .random(in: 0...255, using: &self) }
            }
        }
        return octets
    }
}
