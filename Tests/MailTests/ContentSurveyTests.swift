import Mail
import NIOCore
import SeededRandom
import Testing

@Suite("what content needs of a next hop")
struct ContentSurveyTests {
    private func survey(_ octets: [UInt8], chunks: Int) -> ContentSurvey {
        var survey = ContentSurvey()
        for start in stride(from: 0, to: octets.count, by: chunks) {
            survey.receive(ByteBuffer(bytes: octets[start..<min(start + chunks, octets.count)]))
        }
        survey.finish()
        return survey
    }

    @Test("8-bit octets in the header need SMTPUTF8, behind it 8BITMIME (RFC 6531, RFC 6152)")
    func eightBit() {
        let header = self.survey(Array("Subject: caf\u{E9} and more\r\n\r\nplain text\r\n".utf8), chunks: 64)
        #expect(header.isHeaderEightBit && !header.isBodyEightBit)
        let body = self.survey(Array("Subject: x\r\n\r\na caf\u{E9} and more\r\n".utf8), chunks: 64)
        #expect(!body.isHeaderEightBit && body.isBodyEightBit && !body.isBinary)
    }

    @Test("lines are measured without their CRLF (RFC 5321 §4.5.3.1.6)")
    func lines() {
        let line = String(repeating: "a", count: 998)
        #expect(!self.survey(Array("\(line)\r\n\r\n\(line)".utf8), chunks: 100).isBinary)
        let longer = self.survey(Array("\(line)b\r\nx\r\n".utf8), chunks: 100)
        #expect(longer.longestLineOctets == 999 && longer.isBinary)
    }

    @Test("any octets in any chunks are surveyed as one at a time, and as the plain reading has it")
    func plainReading() {
        var random = SeededGenerator(printedAs: "mail")
        for _ in 0..<2000 {
            let lines: [UInt8] = [0x0D, 0x0A, 0x61]
            let palette = Bool.random(using: &random) ? lines : lines + [0, 0x80, 0xFF, 1]
            let count = Int.random(in: 0...60, using: &random)
            let octets = (0..<count).map { _ in
                Int.random(in: 0...3, using: &random) == 0 ? palette.randomElement(using: &random) ?? 0 : 0x63
            }
            let survey = self.survey(octets, chunks: Int.random(in: 1...30, using: &random))
            #expect(survey == self.survey(octets, chunks: 1), "seed \(random.seed)")
            var read: [[UInt8]] = [[]]
            for (index, octet) in octets.enumerated() {
                read[read.count - 1].append(octet)
                if octet == 0x0A, index > 0, octets[index - 1] == 0x0D {
                    read[read.count - 1].removeLast(2)
                    read.append([])
                }
            }
            let end = read.dropLast().firstIndex(of: []) ?? read.count
            #expect(survey.longestLineOctets == read.map(\.count).max(), "seed \(random.seed)")
            #expect(survey.isHeaderEightBit == read[..<end].joined().contains { $0 >= 0x80 }, "seed \(random.seed)")
            #expect(survey.isBodyEightBit == read[end...].joined().contains { $0 >= 0x80 }, "seed \(random.seed)")
            #expect(survey.hasNUL == octets.contains(0), "seed \(random.seed)")
            #expect(survey.hasBareCR == read.joined().contains(0x0D), "seed \(random.seed)")
            #expect(survey.hasBareLF == read.joined().contains(0x0A), "seed \(random.seed)")
            #expect(survey.contentOctets == octets.count)
        }
    }
}
