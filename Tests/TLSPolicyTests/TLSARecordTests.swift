import Testing

@testable import TLSPolicy

@Suite("TLSA records")
struct TLSARecordTests {
    private let digest = [UInt8](repeating: 7, count: 32)

    @Test("as DNS has them")
    func data() throws {
        let record = try #require(TLSARecord(data: [3, 1, 1] + self.digest))
        #expect(record == TLSARecord(usage: 3, selector: 1, matching: 1, association: self.digest))
        #expect("\(record)" == "3 1 1 07070707…")
        #expect(TLSARecord(data: [3, 1, 1]) == nil)
        #expect(TLSARecord(data: []) == nil)
    }

    @Test(
        "what SMTP can use",
        arguments: [
            (3, 1, 1, 32, true), (2, 0, 1, 32, true), (3, 0, 2, 64, true), (3, 1, 2, 32, false), (3, 1, 1, 31, false),
            (0, 0, 1, 32, false), (1, 1, 1, 32, false), (4, 0, 1, 32, false), (255, 0, 1, 32, false),
            (3, 2, 1, 32, false), (3, 1, 3, 32, false), (3, 0, 0, 32, false),
        ] as [(UInt8, UInt8, UInt8, Int, Bool)])
    func usable(_ usage: UInt8, _ selector: UInt8, _ matching: UInt8, _ octets: Int, _ isUsable: Bool) {
        let record = TLSARecord(
            usage: usage, selector: selector, matching: matching,
            association: [UInt8](repeating: 7, count: octets))
        #expect(record.isUsable == isUsable)
        #expect((TLSARecords([record]) != nil) == isUsable)
    }

    @Test("of two digests over the same the stronger counts")
    func agility() {
        let weak = TLSARecord(usage: 3, selector: 1, matching: 1, association: self.digest)
        let strong = TLSARecord(usage: 3, selector: 1, matching: 2, association: self.digest + self.digest)
        let other = TLSARecord(usage: 2, selector: 1, matching: 1, association: self.digest)
        #expect(TLSARecords([weak, strong, other])?.usable == [strong, other])
        #expect(TLSARecords([weak, other])?.usable == [weak, other])
    }
}
