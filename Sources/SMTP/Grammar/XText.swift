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

    /// An address of type `utf-8`: `\x{HHHH}` stands for a character, and under SMTPUTF8 characters beyond ASCII may stand
    /// as they are (RFC 6533 §3, utf-8-addr-xtext and utf-8-addr-unitext).
    ///
    /// - Returns: `nil` when `text` is neither, or a control character hides in it.
    public static func decodeUnicode(_ text: some StringProtocol) -> String? {
        var result = ""
        var input = text.unicodeScalars.makeIterator()
        while let scalar = input.next() {
            switch scalar {
            case "\\":
                guard input.next() == "x", input.next() == "{" else { return nil }
                guard let character = self.hexPoint(&input), !Self.isControl(character) else { return nil }
                result.unicodeScalars.append(character)
            case " ", "+", "=": return nil
            default:
                guard !Self.isControl(scalar) else { return nil }
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The 7-bit form of an address of type `utf-8` (RFC 6533 §3, utf-8-addr-xtext).
    public static func encodeUnicode(_ text: some StringProtocol) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "!"..."~" where !["\\", "+", "="].contains(scalar): result.unicodeScalars.append(scalar)
            default: result += Self.spelledOut(scalar)
            }
        }
    }

    /// The 7-bit form of a parameter's value that stands in utf-8-addr-unitext.
    static func spellingOutUnicode(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 >= 0x80 }) else { return value }
        return value.unicodeScalars.reduce(into: "") { result, scalar in
            result += scalar.isASCII ? String(scalar) : Self.spelledOut(scalar)
        }
    }

    private static func spelledOut(_ scalar: Unicode.Scalar) -> String {
        "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
    }

    /// One to six hexadecimal digits and the closing brace.
    private static func hexPoint(_ input: inout some IteratorProtocol<Unicode.Scalar>) -> Unicode.Scalar? {
        var digits = ""
        while let scalar = input.next() {
            if scalar == "}" { return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) }
            guard digits.utf8.count < 6, scalar.isASCII, UInt8(ascii: scalar).isHexDigit else { return nil }
            digits.unicodeScalars.append(scalar)
        }
        return nil
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
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
