import Monitor

extension Prompt {
    /// Asks for a filter, which is tried while it is typed.
    ///
    /// - Parameters:
    ///   - fields: what it may ask for.
    ///   - history: filters that were typed before, newest last.
    ///   - change: shows what matches.
    ///   - taken: what follows when it stays.
    static func filter(
        _ before: FilterExpression, _ fields: [FilterField], history: [String] = [],
        change: @escaping (FilterExpression, Surroundings) -> [Effect],
        taken: @escaping (String) -> [Effect] = { _ in [] }
    ) -> Prompt {
        Prompt(
            sign: "filter: ", text: before.text,
            hints: Run.hint("!term", "hides") + (history.isEmpty ? [] : Run.hint("Up", "typed before"))
                + Run.hint("Enter", "keep") + Run.hint("Esc", "as before"),
            history: history,
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
            accepted: taken, cancelled: { around in change(before, around) })
    }
}
