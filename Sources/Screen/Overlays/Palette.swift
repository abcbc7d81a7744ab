extension Prompt {
    /// Any command of one place by its name, and what may follow it.
    ///
    /// - Parameter arguments: words that may follow commands of everywhere.
    static func palette(
        _ pane: any Pane, _ around: Surroundings, text: String = "", arguments: [Command: [String]]
    ) -> Prompt {
        let table = around.commands(of: pane)
        return Prompt(
            sign: ":", text: text,
            hints: Run.hint("Tab", "complete") + Run.hint("Enter", "run") + Run.hint("Esc", "cancel"),
            problem: { text in
                let name = text.prefix { $0 != " " }
                return table.all.contains { $0.name.hasPrefix(name) } ? nil : "no such command here"
            }, accepted: { [.run($0)] },
            offers: { text in
                let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
                guard words.count == 2, let command = table.named(words[0]) else {
                    return table.completions(for: text).map {
                        Offer(text: $0, summary: table.named($0)?.summary ?? "")
                    }
                }
                return (arguments[command] ?? pane.arguments(of: command)).filter { $0.hasPrefix(words[1]) }
                    .map { Offer(text: "\(command.name) \($0)", summary: command.summary) }
            })
    }
}
