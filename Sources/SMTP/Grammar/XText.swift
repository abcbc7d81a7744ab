/// Text inside a parameter's value (RFC 3461 §4): printing ASCII, with `+HH` for what may not stand there as it is.
public enum XText {
    public static func encode(_ text: some StringProtocol) -> String {
        var octets: [UInt8] = []
        for octet in text.utf8 {
            if octet.isVisible, octet != UInt8(ascii: "+"), octet != UInt8(ascii: "=") {
                octets.append(octet)
            } else {
                octets += [UInt8(ascii: "+"), Self.digit(octet >> 4), Self.digit(octet & 0xF)]
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// - Returns: `nil` when `text` is no xtext, or what it stands for is not UTF-8.
    public static func decode(_ text: some StringProtocol) -> String? {
        var octets: [UInt8] = []
        var input = text.utf8.makeIterator()
        while let octet = input.next() {
            if octet == UInt8(ascii: "+") {
                // Upper case only, by the grammar.
                guard let high = input.next().flatMap(Self.value), let low = input.next().flatMap(Self.value) else {
                    return nil
                }
                octets.append(high << 4 | low)
            } else {
                guard octet.isVisible, octet != UInt8(ascii: "=") else { return nil }
                octets.append(octet)
            }
        }
        return String(validating: octets, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        default: nil
        }
    }
}
