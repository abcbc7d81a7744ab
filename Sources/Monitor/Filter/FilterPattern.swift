#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An extended regular expression (POSIX), without case, that may be put to many texts; `\d`, `\w`, `\s` and their capitals
/// mean what they mean in Perl's.
///
/// Back-references, counted repeats, and patterns whose repeats in repeats make them large (``PatternWeight``) are not taken, so
/// that its time stays a multiple of the text's length and its memory small, whoever wrote it.
///
/// `@unchecked Sendable`: the compiled expression is written by `init` alone, and `regexec` may be called on it from any
/// thread (POSIX requires it).
public final class FilterPattern: @unchecked Sendable, Hashable {
    /// Why a pattern is not taken.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public static let limit = 256
    public let text: String
    private let compiled: UnsafeMutablePointer<regex_t>

    public init(_ text: String) throws(Failure) {
        self.text = text
        guard text.utf8.count <= Self.limit else {
            throw Failure(description: "it is longer than \(Self.limit) octets")
        }
        guard !text.utf8.contains(0) else { throw Failure(description: "it holds a NUL") }
        guard !text.contains("{") else { throw Failure(description: "counted repeats are not supported") }
        let posix = try Self.posix(text)
        self.compiled = .allocate(capacity: 1)
        self.compiled.initialize(to: regex_t())
        // After a failure nothing is compiled, and freeing it does nothing.
        let status = regcomp(self.compiled, posix, REG_EXTENDED | REG_ICASE | REG_NOSUB)
        guard status == 0 else {
            var words = [CChar](repeating: 0, count: 128)
            regerror(status, self.compiled, &words, words.count)
            let octets = words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw Failure(description: String(decoding: octets, as: UTF8.self).lowercased())
        }
    }
    deinit {
        regfree(self.compiled)
        self.compiled.deallocate()
    }

    /// What matches the text alone; one with a brace is refused as a pattern.
    static func escaping(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            if "\\^$.[]|()*+?/".contains(character) { escaped.append("\\") }
            escaped.append(character)
        }
    }

    public func matches(_ text: String) -> Bool { text.withCString { self.matches($0) } }
    /// A path is matched as it is, or without its angle brackets, which no screen shows.
    ///
    /// - Parameter text: ends with a NUL.
    public func matches(_ text: UnsafePointer<CChar>) -> Bool {
        if regexec(self.compiled, text, 0, nil, 0) == 0 { return true }
        guard text[0] == CChar(bitPattern: UInt8(ascii: "<")) else { return false }
        let octets = strlen(text)
        guard octets > 2, text[octets - 1] == CChar(bitPattern: UInt8(ascii: ">")) else { return false }
        var bare = regmatch_t(rm_so: 0, rm_eo: regoff_t(octets - 2))
        return regexec(self.compiled, text + 1, 0, &bare, REG_STARTEND) == 0
    }

    /// The pattern as POSIX has it.
    private static func posix(_ text: String) throws(Failure) -> String {
        var posix = ""
        var isEscaped = false
        /// What stands behind the `[` that is open.
        var bracket: String?
        var weight = PatternWeight()
        for character in text {
            if isEscaped {
                isEscaped = false
                if bracket == nil { weight.addAtom() }
                posix += try bracket == nil ? self.escaped(character) : self.escapedInBracket(character)
                bracket = bracket.map { $0 + "\\" }
            } else if character == "\\" {
                isEscaped = true
            } else if let inside = bracket {
                let isEnd = character == "]" && !["", "^"].contains(inside)
                bracket = isEnd ? nil : inside + String(character)
                posix.append(character)
            } else {
                if character == "[" { bracket = "" }
                weight.add(character)
                posix.append(character)
            }
        }
        guard !weight.isTooLarge else { throw Failure(description: "too many repeats stand inside repeats") }
        return isEscaped ? posix + "\\" : posix
    }

    private static func escapedInBracket(_ character: Character) throws(Failure) -> String {
        switch character {
        case "d": return "0-9"
        case "w": return "[:alnum:]_"
        case "s": return "[:space:]"
        default: throw Failure(description: "\\\(character) is not supported between [ and ]")
        }
    }

    private static func escaped(_ character: Character) throws(Failure) -> String {
        switch character {
        case "d": return "[0-9]"
        case "D": return "[^0-9]"
        case "w": return "[[:alnum:]_]"
        case "W": return "[^[:alnum:]_]"
        case "s": return "[[:space:]]"
        case "S": return "[^[:space:]]"
        case _ where character.isNumber: throw Failure(description: "back-references are not supported")
        case _ where character.isLetter:
            throw Failure(description: "\\\(character) is not supported; \\d \\D \\w \\W \\s \\S are")
        default: return "\\\(character)"
        }
    }

    public static func == (left: FilterPattern, right: FilterPattern) -> Bool { left.text == right.text }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.text) }
}
