import SMTP

/// The attributes of a SCRAM message, read in their order (RFC 5802 §5.1, §7).
struct ScramAttributes {
    /// An AUTH line holds no more in any server's limit, and nothing honest comes near it.
    static let messageLimit = 4096

    private var rest: ArraySlice<ArraySlice<UInt8>>

    /// `nil` when the message is longer than ``messageLimit``, or an attribute is none.
    init?(_ message: ArraySlice<UInt8>) {
        guard message.count <= Self.messageLimit else { return nil }
        let attributes = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard attributes.allSatisfy(Self.isAttribute) else { return nil }
        self.rest = attributes[...]
    }

    /// A letter, an equals sign, and at least one octet of UTF-8 without NUL and comma.
    private static func isAttribute(_ text: ArraySlice<UInt8>) -> Bool {
        guard let name = text.first, (name | 0x20) &- 0x61 < 26, text.dropFirst().first == UInt8(ascii: "=") else {
            return false
        }
        let value = text.dropFirst(2)
        return !value.isEmpty && !value.contains(0) && String(validating: value, as: UTF8.self) != nil
    }

    /// The value of the next attribute, if that is `name`.
    mutating func take(_ name: Character) -> ArraySlice<UInt8>? {
        guard let attribute = self.rest.first, attribute.first == name.asciiValue else { return nil }
        self.rest.removeFirst()
        return attribute.dropFirst(2)
    }

    /// The value of the last attribute, if that is `name`; what stands before it are optional extensions.
    mutating func takeLast(_ name: Character) -> ArraySlice<UInt8>? {
        guard let attribute = self.rest.last, attribute.first == name.asciiValue else { return nil }
        self.rest.removeLast()
        return attribute.dropFirst(2)
    }

    /// Printable ASCII without the comma.
    static func nonce(_ value: ArraySlice<UInt8>) -> String? {
        guard value.allSatisfy({ $0 &- 0x21 < 0x5E }) else { return nil }
        return String(decoding: value, as: UTF8.self)
    }
    static func number(_ value: ArraySlice<UInt8>) -> Int? {
        guard value.count <= 10, value.allSatisfy({ $0 &- 0x30 < 10 }), value.first != 0x30 else { return nil }
        return Int(String(decoding: value, as: UTF8.self))
    }
    /// 24 random octets in base64.
    static func freshNonce(using generator: inout some RandomNumberGenerator) -> String {
        Base64.encode((0..<24).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}
