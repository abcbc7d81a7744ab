import NIOCore
import SeededRandom
import Testing

@testable import SMTP

struct ContentTests {
    /// Everything that is decoded of `octets`, given in pieces of `size`, and what is left behind the end.
    private func decode(_ octets: [UInt8], sizes: () -> Int) -> (content: [UInt8], isComplete: Bool, rest: Int) {
        var decoder = ContentDecoder()
        var content = ByteBuffer()
        var rest = octets[...]
        while !rest.isEmpty, !decoder.isComplete {
            var piece = ByteBuffer(bytes: rest.prefix(sizes()))
            let count = piece.readableBytes
            decoder.decode(&piece)
            rest = rest.dropFirst(count - piece.readableBytes)
            while let chunk = decoder.nextChunk() { content.writeImmutableBuffer(chunk) }
        }
        if !decoder.isComplete {  // What is held back for a larger chunk.
            var end = ByteBuffer(string: "\r\n.\r\n")
            let before = decoder.octets
            decoder.decode(&end)
            while let chunk = decoder.nextChunk() { content.writeImmutableBuffer(chunk) }
            content.moveWriterIndex(to: content.writerIndex - (decoder.octets - before))
            return (Array(content.readableBytesView), false, 0)
        }
        #expect(decoder.octets == content.readableBytes)
        return (Array(content.readableBytesView), true, rest.count)
    }

    @Test(
        "only CRLF.CRLF ends mail data, and no bare CR or LF is passed on (RFC 5321 §4.1.1.4, §2.3.8)",
        arguments: [
            // octets on the wire, content; a message ends each of them and a QUIT follows
            ("", ""), ("a\\r\\n", "a\\r\\n"), ("\\r\\n", "\\r\\n"), ("..\\r\\n", ".\\r\\n"), (".a\\r\\n", "a\\r\\n"),
            ("a.b\\r\\n.\\r.\\r\\n", "a.b\\r\\n.\\r\\n.\\r\\n"), ("...\\r\\n", "..\\r\\n"), ("\\0\\r\\n", "\\0\\r\\n"),
            ("a\\n.\\nb\\r\\n", "a\\r\\n.\\r\\nb\\r\\n"), ("a\\r.\\rb\\r\\n", "a\\r\\n.\\r\\nb\\r\\n"),
            ("a\\n.\\r\\nb\\r\\n", "a\\r\\n.\\r\\nb\\r\\n"), ("a\\r.\\r\\nb\\r\\n", "a\\r\\n.\\r\\nb\\r\\n"),
            ("a\\r\\n.\\rb\\r\\n", "a\\r\\n.\\r\\nb\\r\\n"), ("a\\r\\n.\\nb\\r\\n", "a\\r\\n.\\r\\nb\\r\\n"),
            ("a\\r\\n.\\r\\r\\nb\\r\\n", "a\\r\\n.\\r\\n\\r\\nb\\r\\n"), (".\\nb\\r\\n", ".\\r\\nb\\r\\n"),
            ("a\\n..\\nb\\r\\n", "a\\r\\n..\\r\\nb\\r\\n"), ("a\\r\\r\\nb\\r\\n", "a\\r\\n\\r\\nb\\r\\n"),
            ("a\\n\\rb\\r\\n", "a\\r\\n\\r\\nb\\r\\n"), ("a\\r\\0\\nb\\r\\n", "a\\r\\n\\0\\r\\nb\\r\\n"),
        ])
    func smuggling(_ wire: String, _ content: String) {
        let octets = Transcript.unescape(wire + #".\r\nQUIT\r\n"#)
        for size in 1...octets.count {
            let decoded = self.decode(octets) { size }
            #expect(decoded.content == Transcript.unescape(content), "in pieces of \(size)")
            #expect(decoded.isComplete)
            #expect(decoded.rest == 6)
        }
    }

    @Test(
        "these are no end of mail data (CVE-2023-51764 to 51766)",
        arguments: [
            #"a\n.\n"#, #"a\r.\r"#, #"a\n.\r\n"#, #"a\r.\r\n"#, #"a\r\n.\r"#, #"a\r\n.\n"#, #"a\r\n.\r\r\n"#,
            #"a\r\n.\0\r\n"#, #"a\r\n..\r\n"#, #"a\r\n .\r\n"#, #"a\r\n. \r\n"#, #"a.\r\n"#, #"a\n\r.\r\n"#,
        ])
    func noEnd(_ wire: String) {
        let octets = Transcript.unescape(wire)
        for size in 1...octets.count { #expect(!self.decode(octets) { size }.isComplete) }
    }

    @Test(
        "a dot that starts a line is doubled, bare line ends become CRLF, the last line gets its end (RFC 5321 §4.5.2)")
    func encoding() {
        func encode(_ text: String) -> String {
            var encoder = ContentEncoder()
            var output = encoder.encode(ByteBuffer(bytes: Transcript.unescape(text)))
            if let end = encoder.finish() { output.writeImmutableBuffer(end) }
            return String(buffer: output).unicodeScalars.reduce(into: "") { text, scalar in
                text += scalar == "\r" ? #"\r"# : scalar == "\n" ? #"\n"# : String(scalar)
            }
        }
        #expect(encode("") == "")
        #expect(encode(#"a\r\n"#) == #"a\r\n"#)
        #expect(encode(#".a\r\n.\r\nb.c"#) == #"..a\r\n..\r\nb.c\r\n"#)
        #expect(encode(#"a\n.\nb\r"#) == #"a\r\n..\r\nb\r\n"#)
        #expect(encode(#"a\r.b"#) == #"a\r\n..b\r\n"#)
    }

    @Test("what needs no change is passed on without a copy, both ways")
    func noCopy() {
        let text = String(repeating: "A line of 32 octets, as they go.\r\n", count: 1000)
        let clean = ByteBuffer(string: text)
        var wire = ByteBuffer(string: text + ".\r\n")
        var decoder = ContentDecoder()
        let address = wire.withUnsafeReadableBytes(\.baseAddress)
        decoder.decode(&wire)
        let chunk = decoder.nextChunk()
        #expect(chunk == clean)
        #expect(chunk?.withUnsafeReadableBytes(\.baseAddress) == address)

        var encoder = ContentEncoder()
        let encoded = encoder.encode(clean)
        #expect(encoded.withUnsafeReadableBytes(\.baseAddress) == clean.withUnsafeReadableBytes(\.baseAddress))
    }

    @Test("decoded is what was encoded, for any octets in any pieces")
    func roundTrip() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let octets = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                [0x0D, 0x0A, 0x2E, 0x61, 0x00].randomElement(using: &random)! as UInt8
            }
            var encoder = ContentEncoder()
            var wire: [UInt8] = []
            var rest = octets[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...9, using: &random))
                wire += encoder.encode(ByteBuffer(bytes: piece)).readableBytesView
                rest = rest.dropFirst(piece.count)
            }
            wire += encoder.finish()?.readableBytesView ?? ByteBuffer().readableBytesView
            wire += Array(".\r\n".utf8)
            let decoded = self.decode(wire) { Int.random(in: 1...9, using: &random) }
            guard decoded.isComplete, decoded.rest == 0, decoded.content == Self.normalised(octets) else {
                Issue.record("seed \(seed): \(octets) became \(decoded.content)")
                return
            }
        }
    }

    /// The plain way: every CR, LF or CRLF is a CRLF, and the last line has one.
    private static func normalised(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (index, octet) in octets.enumerated() {
            switch octet {
            case 0x0D: result += [0x0D, 0x0A]
            case 0x0A: if index == 0 || octets[index - 1] != 0x0D { result += [0x0D, 0x0A] }
            default: result.append(octet)
            }
        }
        return result.isEmpty || result.suffix(2) == [0x0D, 0x0A] ? result : result + [0x0D, 0x0A]
    }

    @Test("the next CR or LF is found wherever it is")
    func lineEnds() {
        for count in 0..<40 {
            for position in 0...count {
                for octet in [0x0D, 0x0A] as [UInt8] {
                    // 0x0C and 0x0B lie next to them, where a borrow might mark a wrong octet.
                    var octets = [UInt8](repeating: position.isMultiple(of: 2) ? 0x0C : 0x8B, count: count)
                    if position < count { octets[position] = octet }
                    if position + 1 < count { octets[position + 1] = octet ^ 1 }
                    let found = octets.withUnsafeBytes { LineEnds.next(in: $0, from: 0) }
                    #expect(found == position)
                }
            }
        }
    }
}
