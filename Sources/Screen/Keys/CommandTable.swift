import Monitor

/// What can be done in one place: the pane's own commands, and those of everywhere.
struct CommandTable {
    let all: [Command]

    /// - Parameter isReplay: a recording is shown, whose commands have their keys wherever they are.
    init(_ place: Place, _ keymap: Keymap = Keymap(), isReplay: Bool = false) {
        // A key of the place's own means nothing else there.
        let own = place.commands.map { keymap.applied(to: $0, in: place.name) }
        let taken = Set(own.flatMap(\.keys))
        let all = own + place.others.map { keymap.applied(to: $0, in: place.name).without(taken) }
        guard isReplay else {
            self.all = all
            return
        }
        let replay = Command.ofReplay.map { keymap.applied(to: $0, in: "replay") }
        let takenByReplay = Set(replay.flatMap(\.keys))
        self.all = replay + all.map { $0.without(takenByReplay) }
    }

    init(_ pane: any Pane, _ keymap: Keymap = Keymap(), isReplay: Bool = false) {
        self.init(Place(pane), keymap, isReplay: isReplay)
    }

    func bound(to key: Key) -> Command? { self.all.first { $0.keys.contains(key) } }
    func named(_ name: some StringProtocol) -> Command? { self.all.first { $0.name == name } }

    /// The command of that name, or the only one whose name begins so.
    func only(_ name: some StringProtocol) -> Command? {
        if let command = self.named(name) { return command }
        let known = self.all.filter { $0.name.hasPrefix(name) }
        return known.count == 1 ? known.first : nil
    }

    /// Commands whose names, then those whose summaries, are like what was typed; the likeliest first.
    func like(_ text: some StringProtocol) -> [Command] {
        let sorted = self.all.sorted { $0.name < $1.name }
        let named = FuzzyMatch.sorted(sorted, by: text, name: \.name)
        guard text.count > 2 else { return named }
        let word = text.lowercased()
        return named + sorted.filter { !named.contains($0) && $0.summary.lowercased().contains(word) }
    }

    /// What a typed line asks for: a command by its name, or by a beginning that no other has, and its argument.
    ///
    /// - Throws: why it asks for nothing here.
    func call(_ line: String) throws(CommandProblem) -> Call? {
        let words = line.split(separator: " ", maxSplits: 1)
        guard let name = words.first else { return nil }
        guard let command = self.only(name) else {
            let known = self.all.filter { $0.name.hasPrefix(name) }
            let which = known.map(\.name).joined(separator: ", ")
            let help = self.named(Command.help.name)?.keys.first?.label ?? ":\(Command.help.name)"
            throw CommandProblem(
                text: known.isEmpty
                    ? "no command \(SafeText(name)) here; \(help) lists them" : "\(name): which of \(which)?")
        }
        let argument = words.count > 1 ? String(words[1].drop { $0 == " " }) : nil
        // Who names what is meant behind it must not have it done to whatever the cursor is on.
        if command.argument == nil, argument?.isEmpty == false {
            let meant = command.acts ? ": it is for what is chosen" : ""
            throw CommandProblem(text: "\(command.name) understands no words behind it\(meant)")
        }
        return Call(command: command, argument: argument?.isEmpty == true ? nil : argument)
    }
}

/// Why a command, or its argument, cannot be taken, and how it is written.
struct CommandProblem: Error { let text: String }

extension Surroundings {
    /// What can be done in a pane now.
    func commands(of pane: any Pane) -> CommandTable {
        CommandTable(pane, self.keymap, isReplay: self.playback != nil)
    }
    /// - Parameter arguments: words that may follow a command, where the pane knows none; `nil`: no words do.
    func palette(_ pane: any Pane, arguments: @escaping (Command) -> [String]? = { _ in nil }) -> Palette {
        Palette(
            table: self.commands(of: pane), arguments: { arguments($0) ?? pane.arguments(of: $0) },
            history: self.typedCommands)
    }
    /// The key that a command has where the operator is, or how it is typed.
    func label(of command: Command) -> String {
        let keys = self.keymap.keys(of: command, in: self.place.name)
        // A key of the place's own means nothing else there, and those of a recording mean nothing else anywhere.
        let others = self.place.commands.contains(command) ? [] : self.place.commands
        let replay = self.playback == nil || Command.ofReplay.contains(command) ? [] : Command.ofReplay
        let free = keys.first { key in
            !others.contains { self.keymap.keys(of: $0, in: self.place.name).contains(key) }
                && !replay.contains { self.keymap.keys(of: $0, in: "replay").contains(key) }
        }
        return free?.label ?? ":\(command.name)"
    }
    /// `f changes it`: what a key does, in words behind it.
    func sentence(_ command: Command, _ words: String) -> String { "\(self.label(of: command)) \(words)" }
}
