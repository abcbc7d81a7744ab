import SMTP

/// Words of a header field in another charset (RFC 2047): `=?utf-8?Q?caf=C3=A9?=`.
public enum EncodedWord {
    /// Neighbours of the same charset and encoding: a character may be split between them, against §5 and yet often.
    private struct Run {
        var charset: String
        var encoding: UInt8
        var octets: [UInt8]
        /// Where it is written.
        var range: Range<Int>
    }

    private static let wordOctets = 998
    private static let charsetOctets = 40

    /// The text with its encoded words decoded; what is not well formed, or of an unknown charset, stays as written.
    public static func decode(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "=")) else { return text }
        let written = Array(text.utf8)
        var result = ""
        var run: Run?
        var done = 0
        var index = 0
        while let start = written[index...].firstIndex(of: UInt8(ascii: "=")) {
            guard let word = self.word(written[start...]) else {
                index = start + 1
                continue
            }
            index = word.range.upperBound
            // The white space between two encoded words belongs to neither (§6.2).
            let isNeighbour = run != nil && written[done..<start].allSatisfy { $0 == 0x20 || $0 == 0x09 }
            if let before = run, isNeighbour, before.charset == word.charset, before.encoding == word.encoding {
                run?.octets += word.octets
                run?.range = before.range.lowerBound..<word.range.upperBound
            } else {
                if let before = run { result += self.string(before, written) }
                if !isNeighbour { result += String(decoding: written[done..<start], as: UTF8.self) }
                run = word
            }
            done = index
        }
        if let run { result += self.string(run, written) }
        return result + String(decoding: written[done...], as: UTF8.self)
    }

    private static func string(_ run: Run, _ written: [UInt8]) -> String {
        Charset.decode(run.octets, run.charset) ?? String(decoding: written[run.range], as: UTF8.self)
    }

    /// Reads the encoded word that `text` starts with.
    private static func word(_ text: ArraySlice<UInt8>) -> Run? {
        let question = UInt8(ascii: "?")
        let start = text.startIndex
        guard text.dropFirst().first == question,
            let second = text.dropFirst(2).prefix(self.charsetOctets + 1).firstIndex(of: question),
            second + 2 < text.endIndex, text[second + 2] == question,
            let end = text[(second + 3)...].prefix(self.wordOctets).firstIndex(of: question),
            end + 1 < text.endIndex, text[end + 1] == UInt8(ascii: "=")
        else { return nil }
        let encoded = text[(second + 3)..<end]
        guard !encoded.contains(0x20) else { return nil }
        let encoding = text[second + 1] & 0xDF
        let octets: [UInt8]?
        switch encoding {
        case UInt8(ascii: "Q"): octets = self.quoted(encoded)
        case UInt8(ascii: "B"): octets = self.base64(encoded)
        default: octets = nil
        }
        guard let octets else { return nil }
        // RFC 2231 §5 lets a language follow the charset.
        let charset = text[(start + 2)..<second].prefix { $0 != UInt8(ascii: "*") }
        return Run(
            charset: String(decoding: charset, as: UTF8.self).lowercased(), encoding: encoding, octets: octets,
            range: start..<(end + 2))
    }

    private static func quoted(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        var input = text.makeIterator()
        while let octet = input.next() {
            switch octet {
            case UInt8(ascii: "_"): octets.append(0x20)
            case UInt8(ascii: "="):
                guard let high = input.next().flatMap(self.hex), let low = input.next().flatMap(self.hex) else {
                    return nil
                }
                octets.append(high << 4 | low)
            default: octets.append(octet)
            }
        }
        return octets
    }

    private static func hex(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x41...0x46: octet - 0x37
        case 0x61...0x66: octet - 0x57
        default: nil
        }
    }

    /// Patient, unlike `Base64.decode`: some senders forget the padding, others join padded pieces.
    private static func base64(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for octet in text where octet != UInt8(ascii: "=") {
            guard let digit = Base64.value(octet) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return octets
    }
}
