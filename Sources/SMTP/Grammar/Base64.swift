/// Base64 as SASL exchanges use it (RFC 4648 §4, RFC 4954 §4): padded, and nothing outside the alphabet.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    public static func encode(_ octets: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((octets.underestimatedCount + 2) / 3 * 4)
        var bits: UInt32 = 0
        var held = 0
        for octet in octets {
            bits = bits << 8 | UInt32(octet)
            held += 8
            while held >= 6 {
                held -= 6
                text.append(self.alphabet[Int(bits >> UInt32(held) & 0x3F)])
            }
        }
        if held > 0 { text.append(self.alphabet[Int(bits << UInt32(6 - held) & 0x3F)]) }
        while !text.count.isMultiple(of: 4) { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: `nil` when `text` is not what ``encode(_:)`` writes: each octet string has one spelling only.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var held = 0
        var padding = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = self.value(character) else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 6
            if held >= 8 {
                held -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
            }
        }
        // What the last character holds beyond the last octet is zero, and stands for two bits a padding character.
        guard padding <= 2, held == padding * 2, bits & (1 << UInt32(held) - 1) == 0 else { return nil }
        return octets
    }

    /// 0...63; `nil` for what is not of the alphabet.
    public static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
