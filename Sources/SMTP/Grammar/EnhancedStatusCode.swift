extension EnhancedStatusCode: ExpressibleByStringLiteral {
    /// Reads `5.1.1` and nothing around it (RFC 3463 §2); `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let (code, length) = Self.prefix(of: Array(text.utf8)[...]), length == text.utf8.count else { return nil }
        self = code
    }

    /// For codes written in source, `"5.5.2"`; a malformed one traps.
    public init(stringLiteral text: String) {
        guard let code = EnhancedStatusCode(text) else {
            preconditionFailure("\(text) is no enhanced status code")
        }
        self = code
    }

    /// The code that some text starts with, and its length in octets. A space or the end has to follow it.
    static func prefix(of text: ArraySlice<UInt8>) -> (code: EnhancedStatusCode, octets: Int)? {
        guard let first = text.first, [0x32, 0x34, 0x35].contains(first) else { return nil }
        var cursor = OctetCursor(Array(text.prefix(10)), at: 1)
        guard cursor.take(.dot), let subject = cursor.takeNumber(), cursor.take(.dot), let detail = cursor.takeNumber(),
            cursor.isAtEnd || cursor.current == .space
        else { return nil }
        return (EnhancedStatusCode(first - 0x30, subject, detail), cursor.index)
    }
}

extension OctetCursor {
    /// One to three digits.
    fileprivate mutating func takeNumber() -> UInt16? {
        let digits = self.take(while: \.isDigit)
        guard (1...3).contains(digits.count) else { return nil }
        return digits.reduce(0) { $0 * 10 + UInt16($1 - 0x30) }
    }
}
