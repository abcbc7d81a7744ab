/// A thing that can be done, by the name that is typed after `:`. Keys, help, palette and hint line come from it.
struct Command: Hashable, Sendable {
    let name: String
    let keys: [Key]
    /// What it does, for the help and the palette.
    let summary: String
    /// One or two words for the hint line; `nil`: not hinted.
    let hint: String?
    /// The name of its argument when it takes one.
    let argument: String?
    /// Changes mail or sessions: inert while locked.
    let acts: Bool
    /// Its key asks first when it comes twice within 250 ms.
    let isDestructive: Bool

    init(
        _ name: String, _ keys: [Key], _ summary: String, hint: String? = nil, argument: String? = nil,
        acts: Bool = false, isDestructive: Bool = false
    ) {
        self.name = name
        self.keys = keys
        self.summary = summary
        self.hint = hint
        self.argument = argument
        self.acts = acts
        self.isDestructive = isDestructive
    }

    func with(keys: [Key]) -> Command {
        Command(
            self.name, keys, self.summary, hint: self.hint, argument: self.argument, acts: self.acts,
            isDestructive: self.isDestructive)
    }
    /// The command, left to the help by the hint line.
    var unhinted: Command {
        Command(
            self.name, self.keys, self.summary, argument: self.argument, acts: self.acts,
            isDestructive: self.isDestructive)
    }
    /// The command, by its name and its other keys.
    func without(_ keys: Set<Key>) -> Command { self.with(keys: self.keys.filter { !keys.contains($0) }) }

    static func == (left: Command, right: Command) -> Bool { left.name == right.name }
    func hash(into hasher: inout Hasher) { hasher.combine(self.name) }

    /// The keys as the help shows them.
    var keyLabels: String { self.keys.map(\.label).joined(separator: " ") }
}

// What more than one pane understands.
extension Command {
    static let open = Command("open", [.enter], "open what the cursor is on", hint: "open")
    static let back = Command("back", [.escape, .backspace], "back, never out", hint: "back")
    static let tag = Command("tag", [" "], "tag or untag the row", hint: "tag")
    static let untag = Command("untag", ["u"], "untag the row")
    static let untagAll = Command("untag-all", ["U"], "untag all")
    static let retry = Command("retry", ["r"], "try now", hint: "retry", acts: true)
    static let hold = Command(
        "hold", ["h"], "[why]: hold back; a held one is released", hint: "hold", argument: "why", acts: true)
    static let release = Command("release", ["H"], "release what is on hold", acts: true)
    static let drop = Command(
        "drop", ["d"], "settle without telling anybody; can be undone", hint: "drop", acts: true, isDestructive: true)
    static let bounce = Command(
        "bounce", ["B"], "[why]: settle with a report that tells the sender; asks first", hint: "bounce",
        argument: "why", acts: true, isDestructive: true)
    static let endSession = Command(
        "close", ["K"], "end a session at once; asks first", hint: "close", acts: true, isDestructive: true)
    static let transcript = Command("transcript", ["t"], "the dialogue of the row's session", hint: "transcript")
    static let filter = Command(
        "filter", ["f", "\\", .function(4)], "show only what matches: to:example.org age>1h !state:hold",
        hint: "filter", argument: "words")
    static let sort = Command("sort", ["s", .function(6)], "sort by a column", hint: "sort", argument: "column")
    static let sortLeft = Command("sort-left", ["<"], "sort by the column before")
    static let sortRight = Command("sort-right", [","], "sort by the column after")
    static let invert = Command("invert", ["I"], "turn the order round")
    static let problems = Command("problems", ["!"], "only what is in trouble")
}

// What is understood where columns are wider than the screen.
extension Command {
    static let left = Command("left", [.left], "scroll columns left")
    static let right = Command("right", [.right], "scroll columns right")
    static let scrolling: [Command] = [.left, .right]
}

// What is understood everywhere.
extension Command {
    static let search = Command("search", ["/", .function(3)], "jump to a word", hint: "search", argument: "word")
    static let searchNext = Command("search-next", ["n"], "next match")
    static let searchPrevious = Command("search-previous", ["N"], "previous match")
    static let nextNode = Command("next-node", [">", "."], "the next hop's own screen", hint: "next node")
    static let undo = Command("undo", ["z"], "take back the last action", acts: true)
    static let redo = Command("redo", ["Z"], "do again what was taken back", acts: true)
    static let freeze = Command("freeze", ["="], "freeze the picture; again: live")
    static let next = Command("next-pane", [.tab], "next part or view")
    static let previous = Command("previous-pane", [.backTab], "the part or view before")
    static let down = Command("down", ["j", .down], "down")
    static let up = Command("up", ["k", .up], "up")
    static let pageDown = Command("page-down", [.pageDown], "a page down")
    static let pageUp = Command("page-up", [.pageUp], "a page up")
    static let halfDown = Command("half-page-down", [.control("d")], "half a page down")
    static let halfUp = Command("half-page-up", [.control("u")], "half a page up")
    static let top = Command("top", ["g", .home], "first")
    static let bottom = Command("bottom", ["G", .end], "last")
    static let node = Command("node", [], "show the screen of a node; all: of all as one", argument: "name")
    static let fleet = Command("fleet", [], "the nodes that share the queue, and the state of each")
    static let theme = Command("theme", [], "change colours; without a name: choose", argument: "name")
    static let lock = Command("lock", ["L"], "lock or unlock what changes mail")
    static let redraw = Command("redraw", [.control("l")], "paint everything anew")
    static let stop = Command("stop", [.control("z")], "stop, as Ctrl-Z does elsewhere; fg goes on")
    static let saveScreen = Command("save-screen", [], "write what is on the screen to a file", argument: "path")
    static let record = Command(
        "record", [], "write down what happens, for hoptop replay; again: end that", argument: "path")
    static let palette = Command("palette", [":"], "any command by name", hint: "command")
    static let help = Command("help", ["?", .function(1)], "this help", hint: "help")
    static let quit = Command("quit", ["q", .function(10)], "back; at the top: leave", hint: "quit")
    static let quitAll = Command("quit-all", [], "leave from anywhere")

    static let everywhere: [Command] =
        [.search, .searchNext, .searchPrevious, .nextNode, .undo, .redo, .freeze] + Command.standing
        + View.all.map(\.command) + [
            .route, .fleet, .next, .previous, .down, .up, .pageDown, .pageUp, .halfDown, .halfUp, .top, .bottom, .node,
            .theme, .lock, .purge, .shutdown, .redraw, .saveScreen, .record, .stop, .palette, .help, .quit, .quitAll,
        ]
}
