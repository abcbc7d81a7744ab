import Screen

extension ConfigurationKey<ScreenConfiguration> {
    static let screen: [ConfigurationKey<ScreenConfiguration>] =
        [
            .flag(
                "screen.mouse",
                "The mouse selects, opens and scrolls; the terminal itself then marks text with Shift held.",
                \.usesMouse),
            .flag(
                "screen.clipboard",
                "A key copies a ticket card into the clipboard of the terminal, which is asked for it by OSC 52.",
                \.usesClipboard),
        ]
        + Keymap.entries.map { entry -> ConfigurationKey<ScreenConfiguration> in
            let words = "\(entry.summary.prefix(1).uppercased())\(entry.summary.dropFirst())."
            return .keys(Keymap.Name(entry.name), words, entry.keys)
        }

    /// Keys that a command has in one view only.
    static let inPlaces: [ConfigurationKey<ScreenConfiguration>] =
        Keymap.namesInPlaces.map { .keys($0, "", []) }

    /// What is said of `[keys]` where all keys are explained; lines.
    static let keysNote: [String] = {
        let places = Set(Keymap.namesInPlaces.compactMap(\.place)).sorted().joined(separator: ", ")
        return [
            "Keys of the screen, instead of those that are shown here: one (\"r\", \"F5\", \"Ctrl-R\"), a list, or [] for none.",
            "[keys.in-queue] has those of one place alone: \(places).",
        ]
    }()

    private static func keys(
        _ name: Keymap.Name, _ explanation: String, _ usual: [Key]
    ) -> ConfigurationKey<ScreenConfiguration> {
        ConfigurationKey(
            path: name.path, explanation: explanation,
            read: { screen, value throws(Refusal) in
                let labels: [String]
                switch value {
                case .text(let label): labels = [label]
                case .texts(let list): labels = list
                case .flag, .number, .table, .other: throw Refusal(Self.form)
                }
                let keys = labels.compactMap { Key(named: $0) }
                guard keys.count == labels.count else { throw Refusal(Self.form) }
                for key in keys {
                    guard let sent = key.sentAs else { continue }
                    throw Refusal(because: "a terminal cannot tell \(key.label) from \(sent.label): take another key")
                }
                screen.keymap[name] = keys
            }, write: { screen in screen.keymap[name].map(Self.written) }, example: Self.written(usual))
    }

    private static let form = "a key such as \"r\", \"F5\", \"Ctrl-R\", \"Space\" or \"PgDn\", or a list of keys"

    private static func written(_ keys: [Key]) -> String {
        keys.count == 1 ? quoted(keys[0].label) : list(keys.map(\.label))
    }
}

extension Keymap.Name {
    /// Its key in the configuration.
    var path: String { self.place.map { "keys.in-\($0).\(self.command)" } ?? "keys.\(self.command)" }
}
