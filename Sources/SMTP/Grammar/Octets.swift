/// The octets that the grammar names, and the classes it sorts them into (RFC 5234 appendix B.1, RFC 5321 §4.1.2).
extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lf = UInt8(ascii: "\n")
    static let cr = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let dot = UInt8(ascii: ".")
    static let hyphen = UInt8(ascii: "-")
    static let colon = UInt8(ascii: ":")
    static let at = UInt8(ascii: "@")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")

    var isDigit: Bool { self &- 0x30 < 10 }
    var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
    var isLetterOrDigit: Bool { self.isLetter || self.isDigit }
    var isHexDigit: Bool { self.isDigit || (self | 0x20) &- 0x61 < 6 }
    /// Printing ASCII without the space.
    var isVisible: Bool { self &- 0x21 < 0x5E }
    var upper: UInt8 { self &- 0x61 < 26 ? self & 0xDF : self }

    /// RFC 5322 §3.2.3: what an unquoted local part is made of, dots aside.
    var isAtomText: Bool {
        if self.isLetterOrDigit { return true }
        return switch self {
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "/"),
            UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
            UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

extension Collection<UInt8> {
    /// Whether these octets spell `word`, in any case. `word` is in upper case.
    func spells(_ word: StaticString) -> Bool {
        guard self.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { word in self.elementsEqual(word) { $0.upper == $1 } }
    }
}

/// A place in some octets, for parsers that look one octet ahead. Every read is checked against the end.
struct OctetCursor: Sendable {
    let octets: [UInt8]
    private(set) var index: Int

    init(_ octets: [UInt8], at index: Int = 0) {
        self.octets = octets
        self.index = index
    }

    var isAtEnd: Bool { self.index >= self.octets.count }
    var current: UInt8? { self.index < self.octets.count ? self.octets[self.index] : nil }
    var rest: ArraySlice<UInt8> { self.octets[self.index...] }

    /// Steps over `octet` if it comes now.
    mutating func take(_ octet: UInt8) -> Bool {
        guard self.current == octet else { return false }
        self.index += 1
        return true
    }
    /// Steps over `word`, in any case, if it comes now. `word` is in upper case.
    mutating func take(word: StaticString) -> Bool {
        let end = self.index + word.utf8CodeUnitCount
        guard end <= self.octets.count, self.octets[self.index..<end].spells(word) else { return false }
        self.index = end
        return true
    }
    /// Steps over the octets that belong to a class, and returns them.
    @discardableResult
    mutating func take(while belongs: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = self.index
        while self.index < self.octets.count, belongs(self.octets[self.index]) { self.index += 1 }
        return self.octets[start..<self.index]
    }
    mutating func skip() { self.index = Swift.min(self.index + 1, self.octets.count) }
    mutating func skipSpaces() { self.take { $0 == .space || $0 == .tab } }

    /// What was stepped over since `start`.
    func text(from start: Int) -> String { String(decoding: self.octets[start..<self.index], as: UTF8.self) }
}
