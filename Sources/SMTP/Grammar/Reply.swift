/// Three digits; the first is the severity (RFC 5321 §4.2.1).
public struct ReplyCode: RawRepresentable, Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public init(integerLiteral value: UInt16) { self.rawValue = value }
    public static func < (left: ReplyCode, right: ReplyCode) -> Bool { left.rawValue < right.rawValue }

    public var isPositive: Bool { (200..<400).contains(self.rawValue) }
    /// 2yz: the command is done.
    public var isCompletion: Bool { (200..<300).contains(self.rawValue) }
    /// 4yz: the same may succeed later.
    public var isTransient: Bool { (400..<500).contains(self.rawValue) }
    /// 5yz: do not repeat it as it is.
    public var isPermanent: Bool { (500..<600).contains(self.rawValue) }
}

/// class.subject.detail (RFC 3463 §2).
public struct EnhancedStatusCode: Hashable, Sendable, CustomStringConvertible {
    public var `class`: UInt8
    public var subject: UInt16
    public var detail: UInt16
    public init(_ class: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }
    public var description: String {
        // It fits into the String value itself.
        String(unsafeUninitializedCapacity: Self.octetsAtMost) { self.write(to: UnsafeMutableRawBufferPointer($0)) }
    }

    /// `255.65535.65535`
    static let octetsAtMost = 15

    /// Each reply says it, so it is not put together of three strings.
    ///
    /// - Parameter octets: room for ``octetsAtMost``.
    /// - Returns: how many were written.
    func write(to octets: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        func put(_ number: UInt16) {
            if number >= 10 { put(number / 10) }
            octets[count] = 0x30 + UInt8(number % 10)
            count += 1
        }
        put(UInt16(self.class))
        octets[count] = .dot
        count += 1
        put(self.subject)
        octets[count] = .dot
        count += 1
        put(self.detail)
        return count
    }
}

/// A reply to a command (RFC 5321 §4.2): one code, one enhanced status code at most (RFC 2034), some lines of text.
public struct Reply: Hashable, Sendable, CustomStringConvertible {
    public var code: ReplyCode
    public var enhanced: EnhancedStatusCode?
    /// At least one, without the code, the enhanced status code and CRLF. From a peer: any octets that are
    /// UTF-8, others as U+FFFD; hostile to a terminal.
    public var lines: [String]

    public init(_ code: ReplyCode, _ enhanced: EnhancedStatusCode? = nil, lines: [String]) {
        self.code = code
        self.enhanced = enhanced
        self.lines = lines.isEmpty ? [""] : lines
    }
    public init(_ code: ReplyCode, _ enhanced: EnhancedStatusCode? = nil, _ text: String) {
        self.init(code, enhanced, lines: [text])
    }

    /// The reply on one line, as an operator reads it: `450 4.2.0 greylisted`.
    public var description: String {
        let text = self.lines.joined(separator: " ")
        let start = self.enhanced.map { "\(self.code.rawValue) \($0)" } ?? "\(self.code.rawValue)"
        return text.isEmpty ? start : "\(start) \(text)"
    }
}
