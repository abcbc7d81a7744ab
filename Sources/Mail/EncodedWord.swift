/// Words of a header field in another charset (RFC 2047): `=?utf-8?Q?caf=C3=A9?=`.
public enum EncodedWord {
    /// The text with its encoded words decoded; what is not well formed, or of an unknown charset, stays as written.
    public static func decode(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        // The white space between two encoded words belongs to neither (§6.2).
        var space: Substring?
        while let start = rest.firstRange(ofText: "=?") {
            let before = rest[..<start]
            guard let (decoded, end) = self.word(rest[start...]) else {
                let next = rest.index(start, offsetBy: 2)
                result += space ?? ""
                space = nil
                result += rest[..<next]
                rest = rest[next...]
                continue
            }
            if let kept = space, !before.allSatisfy({ $0 == " " || $0 == "\t" }) || kept.isEmpty { result += kept }
            if space == nil || !before.allSatisfy({ $0 == " " || $0 == "\t" }) { result += before }
            result += decoded
            space = ""
            rest = rest[end...]
        }
        return result + rest
    }

    /// Reads the encoded word that `text` starts with.
    private static func word(_ text: Substring) -> (String, Substring.Index)? {
        let parts = text.dropFirst(2).split(separator: "?", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[3].first == "=" else { return nil }
        let encoded = parts[2]
        guard parts[0].utf8.count <= 40, encoded.utf8.count <= 998, !encoded.contains(" ") else { return nil }
        let octets: [UInt8]?
        switch parts[1] {
        case "Q", "q": octets = self.quoted(encoded)
        case "B", "b": octets = self.base64(encoded)
        default: octets = nil
        }
        // RFC 2231 §5 lets a language follow the charset.
        let charset = parts[0].prefix { $0 != "*" }.lowercased()
        guard let octets, let decoded = self.string(octets, charset) else { return nil }
        return (decoded, text.index(after: parts[3].startIndex))
    }

    private static func quoted(_ text: Substring) -> [UInt8]? {
        var octets: [UInt8] = []
        var input = text.utf8.makeIterator()
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

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static func base64(_ text: Substring) -> [UInt8]? {
        var octets: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for octet in text.utf8 where octet != UInt8(ascii: "=") {
            guard let digit = self.digits.firstIndex(of: octet) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return octets
    }

    private static func string(_ octets: [UInt8], _ charset: String) -> String? {
        switch charset {
        case "utf-8", "us-ascii", "ascii": return String(decoding: octets, as: UTF8.self)
        case "iso-8859-1", "latin1", "iso-8859-15", "windows-1252":
            var text = ""
            for octet in octets {
                let scalar = self.windows[octet].flatMap { charset == "windows-1252" ? $0 : nil }
                let euro = octet == 0xA4 && charset == "iso-8859-15" ? Unicode.Scalar(0x20AC) : nil
                text.unicodeScalars.append(scalar ?? euro ?? Unicode.Scalar(octet))
            }
            return text
        default: return nil
        }
    }

    /// Where windows-1252 differs from ISO 8859-1 in what mail really holds.
    private static let windows: [UInt8: Unicode.Scalar] = [
        0x80: "\u{20AC}", 0x82: "\u{201A}", 0x84: "\u{201E}", 0x85: "\u{2026}", 0x8A: "\u{0160}", 0x8E: "\u{017D}",
        0x91: "\u{2018}", 0x92: "\u{2019}", 0x93: "\u{201C}", 0x94: "\u{201D}", 0x95: "\u{2022}", 0x96: "\u{2013}",
        0x97: "\u{2014}", 0x99: "\u{2122}", 0x9A: "\u{0161}", 0x9E: "\u{017E}",
    ]
}

extension Substring {
    fileprivate func firstRange(ofText text: String) -> Index? {
        var start = self.startIndex
        while let first = self[start...].firstIndex(of: text.first ?? "=") {
            if self[first...].hasPrefix(text) { return first }
            start = self.index(after: first)
        }
        return nil
    }
}
