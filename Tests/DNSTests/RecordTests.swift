import Testing

@testable import DNS

@Suite("records out of answers")
struct RecordTests {
    private let name: [UInt8] = [2] + Array("mx".utf8) + [0]

    @Test("are read by their type")
    func types() {
        #expect(MX([0, 10] + self.name) == MX(preference: 10, exchanger: HostName("mx").map { .host($0) } ?? .none))
        #expect(MX([0, 0, 0])?.exchanger == MX.Exchanger.none)
        #expect(MX([1, 0, 1, 0x0A, 0]) == MX(preference: 256, exchanger: .unfit))
        #expect(TXT([2, 0x61, 0x62, 0, 1, 0x63])?.text == "abc")
        let tlsa = TLSA([3, 1, 1, 0xAB])
        #expect(tlsa?.usage == 3 && tlsa?.selector == 1 && tlsa?.matchingType == 1 && tlsa?.data == [0xAB])
    }

    @Test("are nothing when they are made otherwise")
    func malformed() {
        #expect(MX([]) == nil && MX([0, 10]) == nil)
        #expect(A([127, 0, 0]) == nil && A(Array(repeating: 0, count: 5)) == nil)
        #expect(AAAA(Array(repeating: 0, count: 15)) == nil)
        #expect(TLSA([3, 1, 1]) == nil)
        #expect(TXT([2, 0x61]) == nil)
    }

    @Test("random octets do no harm")
    func random() {
        for _ in 0..<2000 {
            let octets = (0..<Int.random(in: 0..<40)).map { _ in UInt8.random(in: .min ... .max) }
            _ = (MX(octets), A(octets), AAAA(octets), TLSA(octets), TXT(octets), HostName(wire: octets))
        }
    }

    @Test("beyond a bound are left out: of exchangers the worst")
    func bounds() {
        let raw = RawAnswer(
            records: (0..<300).map { [UInt8((299 - $0) >> 8), UInt8(truncatingIfNeeded: 299 - $0)] + self.name })
        let answer = Answer<MX>(raw)
        #expect(answer.records.count == MX.most)
        #expect(answer.records.map(\.preference).max() == 99)
        #expect(Answer<A>(RawAnswer(records: Array(repeating: [127, 0, 0, 1], count: 100))).records.count == A.most)
    }

    @Test("that are all malformed are a failure, and not the lack of any")
    func allMalformed() {
        #expect(Answer<A>(RawAnswer(records: [[1, 2, 3]])).content == .failed(.refused("records that are not A")))
        #expect(Answer<A>(RawAnswer()).content == .noRecords)
        #expect(Answer<A>(RawAnswer(hasNoSuchName: true, isSecure: true)).isSecure)
    }
}
