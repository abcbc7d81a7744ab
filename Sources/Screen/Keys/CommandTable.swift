import Monitor

/// What can be done in one place: the pane's own commands, and those of everywhere.
struct CommandTable {
    let all: [Command]

    /// - Parameter isReplay: a recording is shown, whose commands have their keys wherever they are.
    init(_ pane: any Pane, isReplay: Bool = false) {
        // A key of the pane's own means nothing else there.
        let own = Set(pane.commands.flatMap(\.keys))
        let all = pane.commands + Command.everywhere.map { $0.without(own) }
        let taken = Set(Command.ofReplay.flatMap(\.keys))
        self.all = isReplay ? Command.ofReplay + all.map { $0.without(taken) } : all
    }

    func bound(to key: Key) -> Command? { self.all.first { $0.keys.contains(key) } }
    func named(_ name: some StringProtocol) -> Command? { self.all.first { $0.name == name } }

    /// Commands whose names begin with, then those that hold, what was typed.
    func completions(for text: String) -> [String] {
        let names = self.all.map(\.name).sorted()
        return names.filter { $0.hasPrefix(text) } + names.filter { !$0.hasPrefix(text) && $0.contains(text) }
    }

    /// What a typed line asks for: a command by its name, or by a beginning that no other has, and its argument.
    ///
    /// - Throws: why it asks for nothing here.
    func call(_ line: String) throws(CommandProblem) -> Call? {
        let words = line.split(separator: " ", maxSplits: 1)
        guard let name = words.first else { return nil }
        let known = self.all.filter { $0.name.hasPrefix(name) }
        guard let command = self.named(name) ?? (known.count == 1 ? known.first : nil) else {
            let which = known.map(\.name).joined(separator: ", ")
            throw CommandProblem(
                text: known.isEmpty ? "no command \(SafeText(name)) here; ? lists them" : "\(name): which of \(which)?")
        }
        return Call(command: command, argument: words.count > 1 ? String(words[1].drop { $0 == " " }) : nil)
    }
}

/// Why a command, or its argument, cannot be taken, and how it is written.
struct CommandProblem: Error { let text: String }

extension Surroundings {
    /// What can be done in a pane now.
    func commands(of pane: any Pane) -> CommandTable { CommandTable(pane, isReplay: self.playback != nil) }
}
