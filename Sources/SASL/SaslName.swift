/// A name inside a SCRAM message, where a comma and an equals sign may not stand as they are (RFC 5802 §5.1).
enum SaslName {
    static func encode(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case ",": text += "=2C"
            case "=": text += "=3D"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// - Returns: `nil` for an equals sign before anything but `2C` and `3D`, and for what is not UTF-8.
    static func decode(_ text: some Collection<UInt8>) -> String? {
        var octets: [UInt8] = []
        var input = text.makeIterator()
        while let octet = input.next() {
            guard octet == UInt8(ascii: "=") else {
                octets.append(octet)
                continue
            }
            switch (input.next(), input.next()) {
            case (UInt8(ascii: "2"), UInt8(ascii: "C")): octets.append(UInt8(ascii: ","))
            case (UInt8(ascii: "3"), UInt8(ascii: "D")): octets.append(UInt8(ascii: "="))
            default: return nil
            }
        }
        return String(validating: octets, as: UTF8.self)
    }
}
