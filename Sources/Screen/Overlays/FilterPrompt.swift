import Monitor

extension Prompt {
    /// Asks for a filter, which is tried while it is typed.
    ///
    /// - Parameters:
    ///   - fields: what it may ask for.
    ///   - change: shows what matches.
    static func filter(
        _ before: FilterExpression, _ fields: [FilterField],
        change: @escaping (FilterExpression, Surroundings) -> [Effect]
    ) -> Prompt {
        Prompt(
            sign: "filter: ", text: before.text,
            hints: Run.hint("!term", "hides") + Run.hint("Enter", "keep") + Run.hint("Esc", "as before"),
            problem: { text in
                do throws(FilterSyntaxError) {
                    _ = try FilterExpression(parsing: text, with: fields)
                    return nil
                } catch {
                    return error.description
                }
            },
            // What is not understood leaves the rows of the last filter that was.
            typed: { text, around in
                guard let filter = try? FilterExpression(parsing: text, with: fields) else { return [] }
                return change(filter, around)
            },
            cancelled: { around in change(before, around) })
    }
}
