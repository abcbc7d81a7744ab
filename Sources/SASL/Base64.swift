/// Base 64 as SASL uses it: padded, on one line, no other octets between (RFC 4648 §4, RFC 4954 §4).
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    public static func encode(_ octets: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var held = 0
        for octet in octets {
            bits = bits << 8 | UInt32(octet)
            held += 8
            while held >= 6 {
                held -= 6
                text.append(self.alphabet[Int(bits >> UInt32(held)) & 0x3F])
            }
        }
        if held > 0 { text.append(self.alphabet[Int(bits << UInt32(6 - held)) & 0x3F]) }
        while text.count % 4 != 0 { text.append(self.padding) }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: `nil` unless `text` is the one encoding of its octets: padding in full, unused bits zero
    ///   (RFC 4648 §3.5), so that a proof has one spelling.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var held = 0
        var padded = 0
        for character in text {
            if character == self.padding {
                padded += 1
                continue
            }
            guard padded == 0, let value = self.value(character) else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 6
            if held >= 8 {
                held -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
                bits &= (1 << UInt32(held)) - 1
            }
        }
        // Two characters left over want two paddings, three want one; one character holds no octet.
        guard padded <= 2, padded * 2 == held, bits == 0 else { return nil }
        return octets
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
