import Monitor

// What the operator makes their own of a list: its columns, and filters by name.
extension ListPane {
    // MARK: Columns

    static var columnNames: [String] { Kind.columns.map(\.name).filter { !$0.isEmpty } }

    /// Those that were chosen, in their order, behind those without a title, which hold marks.
    func columns(_ around: Surroundings) -> [Column<Kind.Row>] {
        guard let names = around.habits.columns[self.name] else { return Kind.columns }
        let chosen = names.compactMap { name in Kind.columns.first { $0.name == name }?.always }
        return chosen.isEmpty ? Kind.columns : Kind.columns.filter(\.title.isEmpty) + chosen
    }

    func chooseColumns(_ words: String?, _ around: Surroundings) -> [Effect] {
        let list = self.name
        let known = Self.columnNames
        guard let words else {
            let now = self.columns(around).map(\.name).filter { !$0.isEmpty }.joined(separator: " ")
            return [.ask(around.palette(self).prompt("columns \(now)"))]
        }
        let names = words.lowercased().split(separator: " ").map(String.init)
        if names == ["default"] { return [.keep { $0.columns[list] = nil }] }
        if let unknown = names.first(where: { !known.contains($0) }) {
            return [
                .say("no column \(SafeText(unknown)); there are \(known.joined(separator: " ")), or default", .warning)
            ]
        }
        guard Set(names).count == names.count, !names.isEmpty else {
            return [.say("name each column once: \(known.joined(separator: " ")), or default", .warning)]
        }
        return [.keep { $0.columns[list] = names }]
    }

    // MARK: Saved filters

    func savedFilter(_ call: Call, _ around: Surroundings) -> [Effect] {
        let list = self.name
        let saved = around.habits.filters[list] ?? [:]
        guard let name = call.argument?.trimmingSpaces, !name.isEmpty else {
            return [.ask(self.savedPrompt(call.command, saved))]
        }
        switch call.command {
        case .saveFilter:
            let text = self.query.filter.text
            guard !text.isEmpty else {
                return [.say("there is no filter to keep: \(around.sentence(.filter, "makes one"))", .plain)]
            }
            guard name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) }) else {
                return [.say("a name has letters, digits, - and _", .warning)]
            }
            return [
                .keep { $0.filters[list, default: [:]][name] = text },
                .say("kept: \(Self.recalled(name, around)) is \(SafeText(text))", .ok),
            ]
        case .forgetFilter:
            guard saved[name] != nil else { return [self.unknown(name, saved)] }
            return [.keep { $0.filters[list]?[name] = nil }, .say("\(name) is no filter any more", .ok)]
        default:
            guard let text = saved[name] else { return [self.unknown(name, saved)] }
            return self.perform(Call(command: .filter, argument: text), around) ?? []
        }
    }

    /// What is typed to see it again.
    private static func recalled(_ name: String, _ around: Surroundings) -> String {
        let label = around.label(of: .recallFilter)
        return label.hasPrefix(":") ? "\(label) \(name)" : label + name
    }

    private func unknown(_ name: String, _ saved: [String: String]) -> Effect {
        let names = saved.keys.sorted().joined(separator: ", ")
        return .say(
            "no filter is called \(SafeText(name)): "
                + (saved.isEmpty ? ":save-filter keeps one" : "there are \(names)"),
            .warning)
    }

    private func savedPrompt(_ command: Command, _ saved: [String: String]) -> Prompt {
        Prompt(
            sign: command == .recallFilter ? "filter called: " : ":\(command.name) ",
            hints: Run.hint("Tab", "complete") + Run.hint("Enter", command == .recallFilter ? "show" : "take")
                + Run.hint("Esc", "cancel"),
            accepted: { $0.isEmpty ? [] : [.run("\(command.name) \($0)")] },
            offersTitle: "Filters",
            offers: { text in
                saved.sorted { $0.key < $1.key }.filter { $0.key.hasPrefix(text) }
                    .map { Prompt.Offer(text: $0.key, summary: $0.value) }
            })
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(self.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension Command {
    static let columns = Command(
        "columns", [], "id age size to reply: the columns, in their order; default: as at first", argument: "names")
    static let saveFilter = Command("save-filter", [], "keep the filter under a name", argument: "name")
    static let recallFilter = Command("recall-filter", ["'"], "show what a kept filter matches", argument: "name")
    static let forgetFilter = Command("forget-filter", [], "a kept filter is wanted no more", argument: "name")

    static let ofLists: [Command] = [.recallFilter, .saveFilter, .forgetFilter, .columns] + Command.scrolling
}
