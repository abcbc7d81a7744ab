import Mail
import SMTP

/// Reads a filter's text.
struct FilterParser {
    private let characters: [Character]
    private var place = 0

    init(_ text: String) { self.characters = Array(text) }

    private var next: Character? { self.place < self.characters.count ? self.characters[self.place] : nil }
    private mutating func skip(_ character: Character) -> Bool {
        guard self.next == character else { return false }
        self.place += 1
        return true
    }
    private mutating func skipSpaces() { while self.next?.isWhitespace == true { self.place += 1 } }

    mutating func alternatives() throws(FilterSyntaxError) -> [[FilterTerm]] {
        var alternatives: [[FilterTerm]] = [[]]
        self.skipSpaces()
        if self.next == nil { return [] }
        while let character = self.next {
            if character == "|" {
                guard alternatives.last?.isEmpty == false else { throw self.error(.missingTerm) }
                self.place += 1
                alternatives.append([])
            } else {
                alternatives[alternatives.count - 1].append(try self.term())
            }
            self.skipSpaces()
        }
        guard alternatives.last?.isEmpty == false else { throw self.error(.missingTerm) }
        return alternatives
    }

    private mutating func term() throws(FilterSyntaxError) -> FilterTerm {
        let start = self.place
        var isNegated = self.skip("!")
        guard let first = self.next, !first.isWhitespace, first != "|", first != "!" else {
            throw self.error(.missingTerm)
        }
        if let (name, field) = self.name() {
            guard let field else {
                throw FilterSyntaxError(.unknownField(name: name, known: FilterField.allCases), at: start)
            }
            // `to!=bob` says what `!to=bob` says.
            if self.skip("!") { isNegated.toggle() }
            return FilterTerm(test: try self.test(of: field), isNegated: isNegated, position: start)
        }
        if first == "~" { self.place += 1 }
        return FilterTerm(test: .plain(try self.textTest()), isNegated: isNegated, position: start)
    }

    /// Takes a name that a comparison follows.
    ///
    /// - Returns: the name, with its field where there is one; `nil` where a plain word stands.
    private mutating func name() -> (String, FilterField?)? {
        var end = self.place
        while end < self.characters.count, self.characters[end].isASCII, self.characters[end].isLetter { end += 1 }
        var mark = end
        if mark < self.characters.count, self.characters[mark] == "!" { mark += 1 }
        guard end > self.place, mark < self.characters.count, ":=<>~".contains(self.characters[mark]) else {
            return nil
        }
        let name = String(self.characters[self.place..<end]).lowercased()
        self.place = end
        return (name, FilterField(rawValue: name))
    }

    private mutating func test(of field: FilterField) throws(FilterSyntaxError) -> FilterTerm.Test {
        let comparison = self.comparison()
        switch field.kind {
        case .text:
            switch comparison {
            case nil: return .text(field, try self.textTest(of: field))
            case .equal:
                let value = try self.value(of: field)
                return .text(
                    field,
                    .equals(word: (field == .failure ? ReplyFingerprint(of: value).text : value).foldedASCII))
            case .less, .lessOrEqual, .greater, .greaterOrEqual: throw self.error(.notComparable(field: field))
            }
        case .state:
            guard comparison == nil || comparison == .equal else { throw self.error(.notComparable(field: field)) }
            let start = self.place
            let word = try self.value(of: field).foldedASCII
            guard Self.states.contains(where: { $0.hasPrefix(word) }) else {
                throw FilterSyntaxError(.unknownState(word, known: []), at: start)
            }
            return .state(prefix: word)
        case .code:
            let start = self.place
            let word = try self.value(of: field)
            guard let first = word.first, "2345".contains(first),
                word.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
            else { throw FilterSyntaxError(.notACode(word), at: start) }
            guard let comparison, comparison != .equal else { return .code(prefix: word) }
            guard let number = Int64(word) else { throw FilterSyntaxError(.notACode(word), at: start) }
            return .number(.code, comparison, number)
        case .time:
            let start = self.place
            let word = try self.value(of: field)
            guard let time = Self.time(word) else { throw FilterSyntaxError(.notATime(word), at: start) }
            return .number(field, comparison ?? .equal, time)
        case .moment:
            let start = self.place
            let word = try self.value(of: field)
            guard let moment = FilterMoment(word) else { throw FilterSyntaxError(.notAMoment(word), at: start) }
            guard field == .at || comparison == nil || comparison == .equal else {
                throw FilterSyntaxError(.notOrdered(field: field), at: start)
            }
            return .moment(field, moment.range(field, comparison ?? .equal))
        case .octets:
            let start = self.place
            let word = try self.value(of: field)
            guard let octets = Self.octets(word) else { throw FilterSyntaxError(.notASize(word), at: start) }
            return .number(field, comparison ?? .equal, octets)
        case .number:
            let start = self.place
            let word = try self.value(of: field)
            guard let number = Int64(word) else { throw FilterSyntaxError(.notANumber(word), at: start) }
            return .number(field, comparison ?? .equal, number)
        }
    }

    private static let states =
        RecipientState.allCases.map(\.word) + SessionPhase.allCases.map(\.filterWord)
        + FactRow.Kind.allCases.map(\.word)
        + DestinationAges.Condition.allCases.map(\.word)

    /// `:`, `~` and `:~` ask whether it is in there: `nil`.
    private mutating func comparison() -> FilterTerm.Comparison? {
        // The null reverse-path is a value.
        if self.skip(":"), self.characters[self.place...].starts(with: "<>") { return nil }
        if self.skip("~") { return nil }
        if self.skip("=") { return .equal }
        if self.skip("<") { return self.skip("=") ? .lessOrEqual : .less }
        if self.skip(">") { return self.skip("=") ? .greaterOrEqual : .greater }
        return nil
    }

    /// - Parameter field: the one that it is of; `nil` for a plain word.
    private mutating func textTest(of field: FilterField? = nil) throws(FilterSyntaxError) -> FilterTerm.TextTest {
        guard self.next == "/" else { return .contains(word: try self.value(of: field).foldedASCII) }
        let start = self.place
        let text = try self.enclosed(by: "/")
        do {
            return .matches(pattern: try FilterPattern(text))
        } catch {
            throw FilterSyntaxError(.pattern(error.description), at: start)
        }
    }

    private mutating func value(of field: FilterField?) throws(FilterSyntaxError) -> String {
        if self.next == "\"" { return try self.enclosed(by: "\"") }
        let start = self.place
        while let character = self.next, !character.isWhitespace, character != "|" { self.place += 1 }
        guard self.place > start else { throw self.error(field.map { .missingValue(field: $0) } ?? .missingTerm) }
        return String(self.characters[start..<self.place])
    }

    private mutating func enclosed(by mark: Character) throws(FilterSyntaxError) -> String {
        let start = self.place
        self.place += 1
        var text = ""
        while let character = self.next {
            self.place += 1
            if character == mark { return text }
            // A pattern may have the mark, too.
            if mark == "/", character == "\\", self.skip("/") {
                text.append("/")
            } else {
                text.append(character)
            }
        }
        throw FilterSyntaxError(.unclosed(mark), at: start)
    }

    private func error(_ problem: FilterSyntaxError.Problem) -> FilterSyntaxError {
        FilterSyntaxError(problem, at: self.place)
    }

    // MARK: quantities

    /// - Returns: milliseconds.
    static func time(_ word: String) -> Int64? {
        self.quantity(word, ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000])
    }
    private static func octets(_ word: String) -> Int64? {
        Int64(word).flatMap { $0 >= 0 ? $0 : nil } ?? self.quantity(word, ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30])
    }
    private static func quantity(_ word: String, _ units: [String: Int64]) -> Int64? {
        guard let unit = word.last.flatMap({ units[$0.lowercased()] }), let number = Double(word.dropLast()),
            number >= 0, number <= 1e9
        else { return nil }
        return Int64(number * Double(unit))
    }
}
