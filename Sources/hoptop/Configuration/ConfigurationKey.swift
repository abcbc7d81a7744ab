import Relay
import SMTP

/// What stands behind a key in the file.
enum ConfigurationValue: Sendable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case texts([String])
    /// `{ file = "…" }`: texts by name.
    case table([String: String])
    /// No key has such a one: a date, or a list of different types.
    case other
}

/// Why a value is not taken: what is allowed instead, or in words of its own.
struct ConfigurationRefusal: Error {
    private var words: String
    private var isWhole: Bool

    init(_ allowed: String) {
        self.words = allowed
        self.isWhole = false
    }
    init(because reason: String) {
        self.words = reason
        self.isWhole = true
    }
    /// The value of a key where secrets are put by mistake: neither a terminal nor a log is the place for it.
    init(withoutValue allowed: String) {
        self.init(because: "what stands here is not allowed, and not shown as it may be a secret; allowed: \(allowed)")
    }

    /// - Parameter value: as the file has it.
    func reason(_ value: String) -> String {
        self.isWhole ? self.words : "\(value) is not allowed here; allowed: \(self.words)"
    }
}

/// One key of a table: how it is read, written and explained. The lists of them are the whole of what a configuration
/// knows.
struct ConfigurationKey<Target>: Sendable {
    typealias Value = ConfigurationValue
    typealias Refusal = ConfigurationRefusal

    /// `limits.message-size`
    var path: String
    var explanation: String
    var read: @Sendable (inout Target, Value) throws(Refusal) -> Void
    /// The value as TOML; `nil` when there is nothing to write.
    var write: @Sendable (Target) -> String?
    /// What `config default` shows behind `#` where `write` gives nothing.
    var example: String?

    init(
        path: String, explanation: String, read: @escaping @Sendable (inout Target, Value) throws(Refusal) -> Void,
        write: @escaping @Sendable (Target) -> String?, example: String? = nil
    ) {
        self.path = path
        self.explanation = explanation
        self.read = read
        self.write = write
        self.example = example
    }
}

extension ConfigurationKey {
    static func text(
        _ path: String, _ explanation: String, _ form: String, example: String? = nil,
        _ field: any WritableKeyPath<Target, String?> & Sendable
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .text(let text) = value, !text.isEmpty else { throw Refusal(form) }
                target[keyPath: field] = text
            }, write: { $0[keyPath: field].map(quoted) }, example: example)
    }

    static func flag(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, Bool> & Sendable
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .flag(let flag) = value else { throw Refusal("true or false") }
                target[keyPath: field] = flag
            }, write: { "\($0[keyPath: field])" })
    }

    /// One of a few words.
    static func word<Word: RawRepresentable<String> & CaseIterable & SendableMetatype>(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, Word> & Sendable
    ) -> ConfigurationKey {
        let form = Self.form(of: Word.self)
        return ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .text(let text) = value, let word = Word(rawValue: text) else { throw Refusal(form) }
                target[keyPath: field] = word
            }, write: { quoted($0[keyPath: field].rawValue) })
    }

    /// One of a few words, or nothing.
    static func optionalWord<Word: RawRepresentable<String> & CaseIterable & SendableMetatype>(
        _ path: String, _ explanation: String, example: String,
        _ field: any WritableKeyPath<Target, Word?> & Sendable
    ) -> ConfigurationKey {
        let form = Self.form(of: Word.self)
        return ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .text(let text) = value, let word = Word(rawValue: text) else { throw Refusal(form) }
                target[keyPath: field] = word
            }, write: { $0[keyPath: field].map { quoted($0.rawValue) } }, example: example)
    }

    /// Some of a few words, at least one.
    static func words<Word: RawRepresentable<String> & CaseIterable & Equatable & SendableMetatype>(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, [Word]> & Sendable
    ) -> ConfigurationKey {
        let form = "a list of \(Self.form(of: Word.self))"
        return ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .texts(let texts) = value, !texts.isEmpty else { throw Refusal(form) }
                let words = texts.map { Word(rawValue: $0) }
                guard !words.contains(nil) else { throw Refusal(form) }
                target[keyPath: field] = words.compactMap { $0 }
            }, write: { list($0[keyPath: field].map(\.rawValue)) })
    }

    private static func form<Word: RawRepresentable<String> & CaseIterable>(of words: Word.Type) -> String {
        let words = Word.allCases.map { "\"\($0.rawValue)\"" }
        return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }

    static func networks(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, [Network]> & Sendable
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                let form = "a list of networks such as [\"127.0.0.0/8\", \"::1/128\"]"
                guard case .texts(let texts) = value else { throw Refusal(form) }
                let networks = texts.map { Network($0) }
                guard !networks.contains(nil) else { throw Refusal(form) }
                target[keyPath: field] = networks.compactMap { $0 }
            }, write: { list($0[keyPath: field].map(\.description)) })
    }

    static func duration(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, Int64> & Sendable,
        least: Int64 = 1
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .text(let text) = value, let duration = Quantity.duration(text) else {
                    throw Refusal(Quantity.durationForm)
                }
                guard duration >= least else { throw Refusal("\(Quantity.text(milliseconds: least)) or more") }
                target[keyPath: field] = duration
            }, write: { quoted(Quantity.text(milliseconds: $0[keyPath: field])) })
    }

    /// Octets, as `"50MB"` or a number.
    static func size(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, Int> & Sendable, least: Int = 1
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                let octets: Int? =
                    switch value {
                    case .text(let text): Quantity.size(text)
                    case .number(let octets): octets
                    case .flag, .texts, .table, .other: nil
                    }
                guard let octets, octets >= 0 else { throw Refusal(Quantity.sizeForm) }
                guard octets >= least else { throw Refusal("\(Quantity.text(octets: least)) or more") }
                target[keyPath: field] = octets
            }, write: { quoted(Quantity.text(octets: $0[keyPath: field])) })
    }

    static func number(
        _ path: String, _ explanation: String, _ field: any WritableKeyPath<Target, Int> & Sendable,
        _ range: ClosedRange<Int>
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, explanation: explanation,
            read: { target, value throws(Refusal) in
                guard case .number(let number) = value, range.contains(number) else {
                    throw Refusal("a number from \(range.lowerBound) to \(range.upperBound)")
                }
                target[keyPath: field] = number
            }, write: { "\($0[keyPath: field])" })
    }
}

/// A TOML text.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case "\u{0}"..<"\u{20}", "\u{7F}":
            let digits = String(scalar.value, radix: 16, uppercase: true)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }
