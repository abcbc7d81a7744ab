import ArgumentParser
import Monitor

extension FilterExpression {
    /// The filter that the remaining arguments are, joined by a space.
    ///
    /// - Throws: `ValidationError` with the place, which a terminal shows below the filter.
    init(arguments: [String], fields: [FilterField]) throws {
        let text = arguments.joined(separator: " ")
        do throws(FilterSyntaxError) {
            try self.init(parsing: text, with: fields)
        } catch {
            throw FilterProblem(text: text, error: error)
        }
    }
}

/// A filter that is not understood: its text, and below its place what is wrong there.
struct FilterProblem: Error, CustomStringConvertible {
    let text: String
    let error: FilterSyntaxError

    var description: String { "the filter is not understood: \(self.error)" }

    /// The filter, and a mark below the place.
    var lines: [String] {
        // The place is told in characters, and what is shown may take more columns.
        let before = SafeText(String(self.text.prefix(self.error.position))).columns
        return ["\(SafeText(self.text))", String(repeating: " ", count: before) + "^ \(SafeText("\(self.error)"))"]
    }
}
