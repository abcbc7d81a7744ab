public import Mail

/// One condition of a filter.
public struct FilterTerm: Hashable, Sendable {
    public enum Comparison: String, Hashable, Sendable {
        case equal = "="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="

        public func holds(_ left: Int64, _ right: Int64) -> Bool {
            switch self {
            case .equal: left == right
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            }
        }
    }

    /// What a text is asked for.
    public enum TextTest: Hashable, Sendable {
        /// The word is in lower case.
        case contains(word: String)
        /// The whole text, but for angle brackets around it; in lower case.
        case equals(word: String)
        case matches(pattern: FilterPattern)

        public func holds(_ text: String) -> Bool {
            switch self {
            case .contains(let word): text.foldedASCII.contains(word)
            case .equals(let word): Self.bare(text.foldedASCII) == Self.bare(word)
            case .matches(let pattern): pattern.matches(text)
            }
        }
        /// A path without its angle brackets.
        public static func bare(_ text: String) -> Substring {
            text.count >= 2 && text.first == "<" && text.last == ">" ? text.dropFirst().dropLast() : text[...]
        }
    }

    public enum Test: Hashable, Sendable {
        /// Somewhere in identifier, sender or recipient.
        case plain(TextTest)
        case text(FilterField, TextTest)
        /// The beginning of a state's word.
        case state(prefix: String)
        /// The beginning of a reply code, or with a dot of an enhanced status code.
        case code(prefix: String)
        case number(FilterField, Comparison, Int64)
        /// It happened at one of these moments.
        case moment(FilterField, Range<Timestamp>)
        case never

        /// `nil` where it is about none alone.
        public var field: FilterField? {
            switch self {
            case .plain, .never: nil
            case .text(let field, _), .number(let field, _, _), .moment(let field, _): field
            case .state: .state
            case .code: .code
            }
        }
    }

    public var test: Test
    public var isNegated: Bool
    /// The place at which it begins in the filter's text, in characters from 0.
    public var position: Int

    static let never = FilterTerm(test: .never, isNegated: false, position: 0)

    func matches(_ subject: some FilterSubject) -> Bool { self.found(in: subject) != self.isNegated }

    private func found(in subject: some FilterSubject) -> Bool {
        switch self.test {
        case .never: false
        case .plain(let test): subject.plainTexts.contains { test.holds($0) }
        case .text(let field, let test): subject.holds(field, test.holds)
        case .moment(_, let range):
            subject.number(.at).map { range.contains(Timestamp(milliseconds: $0)) } ?? false
        case .state(let prefix): subject.holds(.state) { $0.hasPrefix(prefix) }
        case .code(let prefix): subject.text(.reply).map { Self.code(of: $0, begins: prefix) } ?? false
        case .number(.code, let comparison, let value):
            subject.text(.reply).flatMap(Self.code).map { comparison.holds($0, value) } ?? false
        case .number(let field, let comparison, let value):
            subject.number(field).map { comparison.holds($0, value) } ?? false
        }
    }

    /// Whether a reply's code, or its enhanced status code, begins so.
    public static func code(of reply: String, begins prefix: String) -> Bool {
        let words = reply.split(separator: " ", maxSplits: 2)
        guard let first = words.first, self.isCode(first) else { return false }
        guard prefix.contains(".") else { return first.hasPrefix(prefix) }
        guard words.count > 1, words[1].split(separator: ".").count == 3 else { return false }
        // `4.2` is not the beginning of `4.21.0`.
        return words[1] == prefix || words[1].hasPrefix(prefix.hasSuffix(".") ? prefix : prefix + ".")
    }

    /// The three digits that a reply begins with (RFC 5321 §4.2.1); `nil` for other words.
    public static func code(of reply: String) -> Int64? {
        let first = reply.prefix { $0 != " " }
        return self.isCode(first) ? Int64(first) : nil
    }
    private static func isCode(_ word: Substring) -> Bool {
        word.utf8.count == 3 && word.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}

extension String {
    /// The text with ASCII's capital letters made small; domains and commands are compared so (RFC 5321 §2.4).
    public var foldedASCII: String {
        guard self.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return self }
        return String(decoding: self.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
