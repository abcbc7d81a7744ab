import Glibc

/// Octets in the charsets of mail, as text. Nothing fails on octets that are wrong: they become U+FFFD.
enum Charset {
    /// What goes to iconv: what mail uses, and no more, for its peer chooses the name and each name loads a module.
    private static let names: [String: String] = [
        "koi8-r": "KOI8-R", "koi8-u": "KOI8-U", "gb2312": "GBK", "gbk": "GBK", "cp936": "GBK", "gb18030": "GB18030",
        "big5": "BIG5", "big5-hkscs": "BIG5-HKSCS", "euc-jp": "EUC-JP", "shift_jis": "SHIFT_JIS", "sjis": "SHIFT_JIS",
        "cp932": "CP932", "windows-31j": "CP932", "iso-2022-jp": "ISO-2022-JP", "iso-2022-kr": "ISO-2022-KR",
        "euc-kr": "EUC-KR", "ks_c_5601-1987": "CP949", "cp949": "CP949", "tis-620": "TIS-620", "viscii": "VISCII",
        "macintosh": "MACINTOSH", "utf-7": "UTF-7", "utf-16": "UTF-16", "utf-16be": "UTF-16BE", "utf-16le": "UTF-16LE",
        "cp437": "CP437", "ibm437": "CP437", "cp850": "CP850", "ibm850": "CP850", "cp866": "CP866", "ibm866": "CP866",
    ]

    /// - Parameter charset: in small letters.
    /// - Returns: `nil` for a charset that is not known here.
    static func decode(_ octets: [UInt8], _ charset: String) -> String? {
        switch charset {
        case "utf-8", "utf8", "us-ascii", "ascii": String(decoding: octets, as: UTF8.self)
        case "iso-8859-1", "latin1", "windows-1252", "cp1252": self.latin(octets)
        case "iso-8859-15": self.latin(octets, euro: 0xA4)
        default: self.name(charset).flatMap { self.converted(octets, from: $0) }
        }
    }

    /// Text without a label (8-bit in a header field): UTF-8, or if it cannot be that, windows-1252.
    static func guess(_ octets: some Collection<UInt8>) -> String {
        String(validating: octets, as: UTF8.self) ?? self.latin(octets)
    }

    private static func name(_ charset: String) -> String? {
        if let name = self.names[charset] { return name }
        for (prefix, name, numbers) in [("iso-8859-", "ISO-8859-", 2...16), ("windows-", "CP", 1250...1258)]
        where charset.hasPrefix(prefix) {
            return Int(charset.dropFirst(prefix.count)).flatMap { numbers.contains($0) ? "\(name)\($0)" : nil }
        }
        return nil
    }

    private static func converted(_ octets: [UInt8], from name: String) -> String? {
        guard let converter = iconv_open("UTF-8", name), Int(bitPattern: converter) != -1 else { return nil }
        defer { iconv_close(converter) }
        var result: [UInt8] = []
        var input = octets.map { CChar(bitPattern: $0) }
        var buffer = [CChar](repeating: 0, count: 1024)
        input.withUnsafeMutableBufferPointer { input in
            var next = input.baseAddress
            var left = input.count
            while left > 0 {
                let before = left
                var code: Int32 = 0
                let written = buffer.withUnsafeMutableBufferPointer { buffer in
                    var output = buffer.baseAddress
                    var room = buffer.count
                    if iconv(converter, &next, &left, &output, &room) == -1 { code = errno }
                    return buffer.count - room
                }
                result += buffer[..<written].map { UInt8(bitPattern: $0) }
                if code == E2BIG, left < before || written > 0 { continue }
                guard code != 0, left > 0 else { break }
                // Not of this charset, or cut off.
                result += Array("\u{FFFD}".utf8)
                next = next?.advanced(by: 1)
                left -= 1
            }
        }
        // Some hold the last letter back, for an accent that could follow.
        let written = buffer.withUnsafeMutableBufferPointer { buffer in
            var output = buffer.baseAddress
            var room = buffer.count
            iconv(converter, nil, nil, &output, &room)
            return buffer.count - room
        }
        result += buffer[..<written].map { UInt8(bitPattern: $0) }
        return String(decoding: result, as: UTF8.self)
    }

    /// ISO 8859-1, with the characters of windows-1252 where it has none: senders name the one and mean the other.
    private static func latin(_ octets: some Collection<UInt8>, euro: UInt8? = nil) -> String {
        var text = ""
        for octet in octets {
            text.unicodeScalars.append(octet == euro ? "\u{20AC}" : self.windows[octet] ?? Unicode.Scalar(octet))
        }
        return text
    }

    /// The octets in which windows-1252 differs from ISO 8859-1 in what mail really holds.
    private static let windows: [UInt8: Unicode.Scalar] = [
        0x80: "\u{20AC}", 0x82: "\u{201A}", 0x84: "\u{201E}", 0x85: "\u{2026}", 0x8A: "\u{0160}", 0x8E: "\u{017D}",
        0x91: "\u{2018}", 0x92: "\u{2019}", 0x93: "\u{201C}", 0x94: "\u{201D}", 0x95: "\u{2022}", 0x96: "\u{2013}",
        0x97: "\u{2014}", 0x99: "\u{2122}", 0x9A: "\u{0161}", 0x9E: "\u{017E}",
    ]
}
