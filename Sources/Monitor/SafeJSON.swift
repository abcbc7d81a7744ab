public import Foundation

/// JSON that a terminal may be given: what would be invisible or do something there is written `\u001b`.
///
/// JSON itself lets all of it but the controls of ASCII stand as it is (RFC 8259 §7).
public enum SafeJSON {
    /// - Parameter isPretty: over several lines, for people.
    public static func encode(_ value: some Encodable, isPretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return self.escaped(try encoder.encode(value))
    }

    /// Characters outside ASCII stand in strings only, where an escape means the same.
    private static func escaped(_ data: Data) -> Data {
        // Data's own iterator asks for each octet where it lies.
        guard data.withUnsafeBytes({ $0.contains { $0 >= 0x7F } }) else { return data }
        var text = ""
        text.reserveCapacity(data.count)
        for scalar in String(decoding: data, as: UTF8.self).unicodeScalars {
            if scalar.value < 0x7F || SafeText.isPrintable(scalar) {
                text.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return Data(text.utf8)
    }
}
