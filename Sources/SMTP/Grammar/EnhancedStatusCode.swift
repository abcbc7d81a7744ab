extension EnhancedStatusCode: ExpressibleByStringLiteral {
    /// Reads `5.1.1` and nothing around it (RFC 3463 §2); `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let (code, length) = Self.prefix(of: text.utf8), length == text.utf8.count else { return nil }
        self = code
    }

    /// A code written in source, `"5.5.2"`; a malformed one traps.
    public init(stringLiteral text: StaticString) {
        let octets = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard let (code, length) = Self.prefix(of: octets), length == octets.count else {
            preconditionFailure("\(text) is no enhanced status code")
        }
        self = code
    }

    /// The code that some text starts with, and its length in octets. A space or the end has to follow it.
    static func prefix(of text: some Collection<UInt8>) -> (code: EnhancedStatusCode, octets: Int)? {
        guard let first = text.first, first == 0x32 || first == 0x34 || first == 0x35 else { return nil }
        var rest = text.dropFirst()
        guard rest.popFirst() == .dot, let subject = self.number(&rest), rest.popFirst() == .dot,
            let detail = self.number(&rest), rest.isEmpty || rest.first == .space
        else { return nil }
        return (EnhancedStatusCode(first - 0x30, subject.value, detail.value), 3 + subject.digits + detail.digits)
    }

    /// One to three digits.
    private static func number<Octets: Collection<UInt8>>(
        _ octets: inout Octets
    ) -> (value: UInt16, digits: Int)? where Octets.SubSequence == Octets {
        var value: UInt16 = 0
        var digits = 0
        while digits < 3, let octet = octets.first, octet.isDigit {
            value = value * 10 + UInt16(octet - 0x30)
            digits += 1
            octets.removeFirst()
        }
        return digits > 0 ? (value, digits) : nil
    }
}
