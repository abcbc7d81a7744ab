/// Keys that an operator gave to commands, instead of those that the commands come with.
public struct Keymap: Hashable, Sendable {
    /// A command that has keys.
    public struct Name: Hashable, Sendable {
        public var command: String
        /// Only in that view, or in what is opened on top of one; `nil`: wherever the command is understood.
        public var place: String?
        public init(_ command: String, in place: String? = nil) {
            self.command = command
            self.place = place
        }
    }

    private var chosen: [Name: [Key]] = [:]
    public init() {}

    /// `nil`: it has those that it comes with.
    public subscript(name: Name) -> [Key]? {
        get { self.chosen[name] }
        set { self.chosen[name] = newValue }
    }

    func keys(of command: Command, in place: String) -> [Key] {
        guard !self.chosen.isEmpty else { return command.keys }
        return self.chosen[Name(command.name, in: place)] ?? self.chosen[Name(command.name)] ?? command.keys
    }

    /// The command with the keys that it has there.
    func applied(to command: Command, in place: String) -> Command {
        self.chosen.isEmpty ? command : command.with(keys: self.keys(of: command, in: place))
    }
}

// MARK: What can be chosen

extension Keymap {
    /// A command as the manual tells it.
    public struct Entry: Sendable {
        public let name: String
        public let summary: String
        /// Those that it comes with.
        public let keys: [Key]
    }

    /// Every command there is, once.
    public static let entries: [Entry] = {
        let all = Command.everywhere + Place.all.flatMap(\.commands) + Command.ofReplay
        var known: Set<String> = []
        return all.filter { known.insert($0.name).inserted }
            .map { Entry(name: $0.name, summary: $0.summary, keys: $0.keys) }
    }()

    /// Every name of a command in one place.
    public static let namesInPlaces: [Name] = Place.all.flatMap { place in
        (place.commands + place.others).map { Name($0.name, in: place.name) }
    }

    /// Commands without which nobody finds the way.
    private static let needed: [Command] = [.palette, .quit]

    /// Why a choice cannot be.
    public struct Clash: Hashable, Sendable {
        public let name: Name
        public let reason: String
    }

    /// What cannot be: one key for two commands in one place, of which one was chosen; or none where one is needed.
    public var clashes: [Clash] {
        self.chosen.sorted { $0.key < $1.key }.compactMap { name, keys in
            if keys.isEmpty, Self.needed.contains(where: { $0.name == name.command }) {
                return Clash(name: name, reason: "needs a key, so that everything else can be reached")
            }
            return self.duplicate(of: keys, for: name).map { Clash(name: name, reason: $0) }
        }
    }

    private func duplicate(of keys: [Key], for name: Name) -> String? {
        let replay = Place(name: "replay", commands: Command.ofReplay)
        for place in Place.all + [replay] where name.place == nil || name.place == place.name {
            // Chosen for everywhere it may be another one here.
            if name.place == nil, self.chosen[Name(name.command, in: place.name)] != nil { continue }
            let all = place.commands + (place.name == replay.name ? [] : place.others)
            guard all.contains(where: { $0.name == name.command }) else { continue }
            let others = all.filter { $0.name != name.command }
            for key in keys {
                guard let other = others.first(where: { self.keys(of: $0, in: place.name).contains(key) }) else {
                    continue
                }
                let there = name.place == nil ? " in \(place.name)" : ""
                return "\(key.label) is \(other.name)\(there) already: give that another key"
            }
        }
        return nil
    }
}

extension Keymap.Name: Comparable {
    public static func < (left: Keymap.Name, right: Keymap.Name) -> Bool {
        (left.place ?? "", left.command) < (right.place ?? "", right.command)
    }
}
