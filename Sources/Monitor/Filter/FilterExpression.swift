/// A filter, read once: which rows of a view are meant.
///
/// A space means and, `|` or, `!` before a term not. A plain word is found anywhere in identifier, sender or recipient;
/// everything else is asked for by its field: `to:example.org`, `dest=mx.example.org:25`, `state:deferred`, `code:4.2.2`,
/// `age>1h`, `size>=2M`, `try>3`, `next<10m`, `reply:"over quota"`, `failure="452 4.2.2 over quota"`, `from:/^<app[0-9]/`. So
/// no word that a remote host chose puts mail into what an action touches, unless it is asked for its replies. Letters of
/// ASCII are compared without case.
///
/// Its JSON form is its text.
public struct FilterExpression: Hashable, Sendable {
    /// The filter as it was written.
    public let text: String
    /// All terms of at least one of these must hold; empty: everything matches.
    public let alternatives: [[FilterTerm]]

    /// Everything.
    public static let all = FilterExpression(text: "", alternatives: [])
    public var matchesAll: Bool { self.alternatives.isEmpty }

    private init(text: String, alternatives: [[FilterTerm]]) {
        self.text = text
        self.alternatives = alternatives
    }

    /// - Throws: what is not understood, and where.
    public init(parsing text: String) throws(FilterSyntaxError) {
        var parser = FilterParser(text)
        self.init(text: text, alternatives: try parser.alternatives())
    }

    /// - Parameters:
    ///   - text: is read as by ``init(parsing:)``.
    ///   - fields: what the rows have.
    /// - Throws: also where another field is asked for.
    public init(parsing text: String, with fields: [FilterField]) throws(FilterSyntaxError) {
        do throws(FilterSyntaxError) {
            try self.init(parsing: text)
        } catch {
            throw error.among(fields)
        }
        try self.check(fields)
    }

    /// - Throws: where a field is asked for that is not among these, or a state that rows with these never have.
    public func check(_ fields: [FilterField]) throws(FilterSyntaxError) {
        let states = FilterField.states(of: fields)
        for term in self.alternatives.joined() {
            if case .state(let prefix) = term.test, !states.isEmpty, !states.contains(where: { $0.hasPrefix(prefix) }) {
                throw FilterSyntaxError(.unknownState(prefix, known: states), at: term.position)
            }
            if let field = term.test.field, !fields.contains(field) {
                throw FilterSyntaxError(.unknownField(name: field.rawValue, known: fields), at: term.position)
            }
        }
    }

    /// The rows whose field is exactly this, whatever characters are in it.
    public init(_ field: FilterField, is value: String) {
        self.init([(field, "=", value)])
    }

    /// The rows whose field has no text.
    public init(without field: FilterField) { self.init(meaning: "!\(field.rawValue):/./") }

    /// - Parameter terms: all of them must hold; a value may have any characters, but for `"` where it is not compared
    ///   for the whole of its text.
    public init(_ terms: [(field: FilterField, comparison: String, value: String)]) {
        let text = terms.map { term in
            // A quoted local part (RFC 5321 §4.1.2).
            if term.comparison == "=", term.value.contains("\"") {
                return "\(term.field.rawValue):/^\(FilterPattern.escaping(term.value))$/"
            }
            let value = term.value.filter { $0 != "\"" }
            let isPlain = !value.isEmpty && !value.contains { " |/!<>=~".contains($0) }
            return term.field.rawValue + term.comparison + (isPlain ? value : "\"\(value)\"")
        }.joined(separator: " ")
        self.init(meaning: text)
    }

    /// A text that is not understood is the caller's mistake; nothing is meant by it.
    private init(meaning text: String) {
        self = (try? FilterExpression(parsing: text)) ?? FilterExpression(text: text, alternatives: [[.never]])
    }

    /// What at least one of these means.
    public init(anyOf filters: [FilterExpression]) {
        self.init(meaning: filters.map(\.text).joined(separator: " | "))
    }

    /// What none of these means, each of which is one term; without any: everything.
    public init(noneOf filters: [FilterExpression]) {
        self.init(meaning: filters.map { "!\($0.text)" }.joined(separator: " "))
    }

    /// What both this and the other match.
    public func narrowed(to other: FilterExpression) -> FilterExpression {
        guard !self.matchesAll else { return other }
        guard !other.matchesAll else { return self }
        let both = self.alternativeTexts.flatMap { first in other.alternativeTexts.map { "\(first) \($0)" } }
        return FilterExpression(meaning: both.joined(separator: " | "))
    }

    private var alternativeTexts: [String] {
        let characters = Array(self.text)
        let starts = self.alternatives.compactMap { $0.first?.position }
        return zip(starts, starts.dropFirst() + [characters.count]).map { start, end in
            var text = characters[start..<end]
            while let last = text.last, last.isWhitespace || last == "|" && end < characters.count { text.removeLast() }
            return String(text)
        }
    }

    public func matches(_ subject: some FilterSubject) -> Bool {
        self.alternatives.isEmpty || self.alternatives.contains { $0.allSatisfy { $0.matches(subject) } }
    }
}

extension FilterExpression: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do throws(FilterSyntaxError) {
            try self.init(parsing: try Self.text(container))
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }
    private static func text(_ container: any SingleValueDecodingContainer) throws(FilterSyntaxError) -> String {
        guard let text = try? container.decode(String.self) else { throw FilterSyntaxError(.notText, at: 0) }
        return text
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.text)
    }
}

/// What a filter can be put to: a row, or a recipient in the queue.
public protocol FilterSubject {
    /// The texts in which a plain word is looked for.
    var plainTexts: [String] { get }
    /// - Returns: `nil` where the row has no such text now.
    func text(_ field: FilterField) -> String?
    /// Whether what the field says is so; a field may have several texts.
    func holds(_ field: FilterField, _ test: (String) -> Bool) -> Bool
    /// - Returns: octets, milliseconds or a count; `nil` where the row has no such number now.
    func number(_ field: FilterField) -> Int64?
}

extension FilterSubject {
    public func holds(_ field: FilterField, _ test: (String) -> Bool) -> Bool { self.text(field).map(test) ?? false }
}
