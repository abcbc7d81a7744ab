/// Why a filter is not understood.
public struct FilterSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Problem: Hashable, Sendable {
        case unknownField(name: String, known: [FilterField])
        case missingValue(field: FilterField)
        case missingTerm
        case unclosed(Character)
        case notComparable(field: FilterField)
        case notATime(String)
        case notAMoment(String)
        case notOrdered(field: FilterField)
        case notASize(String)
        case notANumber(String)
        case notACode(String)
        /// - known: those that rows have; empty: it is no state of anything.
        case unknownState(String, known: [String])
        case pattern(String)
        case notText
    }
    public var problem: Problem
    /// The place in the text, in characters from 0.
    public var position: Int
    init(_ problem: Problem, at position: Int) {
        self.problem = problem
        self.position = position
    }

    /// The same, where rows have these fields alone.
    func among(_ fields: [FilterField]) -> FilterSyntaxError {
        guard case .unknownField(let name, _) = self.problem else { return self }
        return FilterSyntaxError(.unknownField(name: name, known: fields), at: self.position)
    }

    /// One line that says what would be right.
    public var description: String {
        switch self.problem {
        case .unknownField(let name, let known):
            "no field \(name): \(known.map(\.rawValue).joined(separator: " "))"
        case .missingValue(let field): "\(field.rawValue) wants a value"
        case .missingTerm: "a condition is missing"
        case .unclosed(let mark): "the closing \(mark) is missing"
        case .notComparable(let field): "\(field.rawValue) is a text: compare it with : = or ~"
        case .notATime(let text): "\"\(text)\" is no time such as 30s, 5m, 2h or 3d"
        case .notAMoment(let text):
            "\"\(text)\" is no moment such as 14:00, yesterday, yesterday@14:00, 2026-11-28T14:00 or 2h (ago)"
        case .notOrdered(let field): "\(field.rawValue) is not compared: write \(field.rawValue):14:00"
        case .notASize(let text): "\"\(text)\" is no size such as 500, 10k or 2M"
        case .notANumber(let text): "\"\(text)\" is no number"
        case .notACode(let text): "\"\(text)\" is no reply code such as 4, 452 or 4.2.2"
        case .unknownState(let text, let known):
            "there is no state \"\(text)\"" + (known.isEmpty ? "" : " here: \(known.joined(separator: ", "))")
        case .pattern(let why): "the pattern is not understood: \(why)"
        case .notText: "a filter is a text"
        }
    }
}
