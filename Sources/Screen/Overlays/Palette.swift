/// Any command of one place by its name or something like it, and what may follow it.
struct Palette {
    let table: CommandTable
    /// Words that may follow a command.
    let arguments: (Command) -> [String]
    /// What was typed before, newest last.
    let history: [String]

    func prompt(_ text: String = "") -> Prompt {
        Prompt(
            sign: ":", text: text,
            hints: Run.hint("Tab", "complete") + (self.history.isEmpty ? [] : Run.hint("Up", "typed before"))
                + Run.hint("Enter", "run") + Run.hint("Esc", "cancel"),
            history: self.history,
            problem: { text in
                let name = text.prefix { $0 != " " }
                return name.isEmpty || !self.table.like(name).isEmpty ? nil : "no such command here"
            }, accepted: { [.run($0)] }, offers: self.offers, meant: self.meant)
    }

    private func offers(_ text: String) -> [Prompt.Offer] {
        let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, let command = self.table.only(words[0]) else {
            return self.table.like(words.first ?? "").map {
                Prompt.Offer(text: $0.name, summary: $0.summary, keys: $0.keyLabels)
            }
        }
        return self.completions(of: words[1], command).map {
            Prompt.Offer(text: "\(command.name) \($0)", summary: command.argument ?? "")
        }
    }

    /// What may follow as a whole; else what its last word may be, as in a filter of several terms.
    private func completions(of argument: Substring, _ command: Command) -> [String] {
        let known = self.arguments(command)
        let whole = FuzzyMatch.sorted(known, by: argument, name: { $0 })
        guard whole.isEmpty, let space = argument.lastIndex(of: " ") else { return whole }
        let word = argument[argument.index(after: space)...]
        return FuzzyMatch.sorted(known, by: word, name: { $0 }).map { String(argument[...space]) + $0 }
    }

    /// What is like a command and is none becomes the likeliest one, which then is read before it is run.
    private func meant(_ text: String) -> String? {
        let name = text.prefix { $0 != " " }
        guard !name.isEmpty, self.table.only(name) == nil, let first = self.table.like(name).first else { return nil }
        return first.name + text.dropFirst(name.count)
    }
}
