/// Where a command is understood.
enum Place: String, Hashable, CaseIterable {
    case overview, queue, connections, message, transcript
    static let lists: Set<Place> = [.queue, .connections]
    static let all = Set(Place.allCases)
}

/// Every thing that can be done. The raw value is what is typed after `:`.
enum Verb: String, Hashable, CaseIterable {
    case overview, queue, connections
    case next = "next-pane"
    case previous = "previous-pane"
    case up, down, top, bottom
    case pageUp = "page-up"
    case pageDown = "page-down"
    case halfUp = "half-page-up"
    case halfDown = "half-page-down"
    case left, right
    case open, back, quit, quitAll = "quit-all"
    case search, filter
    case searchNext = "search-next"
    case searchPrevious = "search-previous"
    case tag, tagAll = "tag-all", untag, untagAll = "untag-all"
    case sort, sortLeft = "sort-left", sortRight = "sort-right", invert
    case freeze, problems, ended, follow
    case retry, hold, release, drop, bounce, undo, close
    case transcript, header
    case nextItem = "next-item"
    case previousItem = "previous-item"
    case node, nextNode = "next-node"
    case theme, lock, redraw, palette, help
}

/// One row of the table that palette, help, hint line and keys come from.
struct Command {
    var verb: Verb
    var keys: [Key]
    /// What it does, for the help and the palette.
    var summary: String
    /// One or two words for the hint line; `nil`: not hinted.
    var hint: String?
    var places: Set<Place>
    /// The name of its argument when it takes one.
    var argument: String?
    /// Changes mail or sessions: inert while locked.
    var acts: Bool
    /// Pressed twice within 250 ms it asks.
    var isDestructive: Bool

    init(
        _ verb: Verb, _ keys: [Key], _ summary: String, hint: String? = nil, in places: Set<Place> = Place.all,
        argument: String? = nil, acts: Bool = false, isDestructive: Bool = false
    ) {
        self.verb = verb
        self.keys = keys
        self.summary = summary
        self.hint = hint
        self.places = places
        self.argument = argument
        self.acts = acts
        self.isDestructive = isDestructive
    }

    /// The keys as the help shows them.
    var keyLabels: String { self.keys.map(\.label).joined(separator: " ") }

    static func bound(to key: Key, in place: Place) -> Command? {
        Self.table.first { $0.places.contains(place) && $0.keys.contains(key) }
    }
    static func named(_ name: String) -> Command? { Self.table.first { $0.verb.rawValue == name } }
    static func of(_ verb: Verb) -> Command {
        guard let command = Self.table.first(where: { $0.verb == verb }) else {
            preconditionFailure("the command table lacks \(verb)")
        }
        return command
    }

    /// In the order of the hint line and the help. A test holds it complete and free of double keys.
    static let table: [Command] = [
        Command(.open, [.enter], "open what the cursor is on", hint: "open"),
        Command(.back, [.escape, .backspace], "back, never out", hint: "back", in: [.message, .transcript]),
        Command(
            .tag, [" "], "tag or untag the row", hint: "tag", in: [.queue, .message]),
        Command(.retry, ["r"], "try now", hint: "retry", in: [.queue, .message], acts: true),
        Command(.hold, ["h"], "hold back; a held one is released", hint: "hold", in: [.queue, .message], acts: true),
        Command(
            .drop, ["d"], "settle without telling anybody; can be undone", hint: "drop", in: [.queue, .message],
            acts: true, isDestructive: true),
        Command(
            .bounce, ["B"], "settle with a report to the sender; asks first", hint: "bounce", in: [.queue, .message],
            acts: true, isDestructive: true),
        Command(.release, ["H"], "release what is on hold", in: [.queue, .message], acts: true),
        Command(.undo, ["z"], "take back the last action", in: Place.all, acts: true),
        Command(
            .close, ["K"], "end a session at once; asks first", hint: "close", in: [.connections, .transcript],
            acts: true, isDestructive: true),
        Command(
            .transcript, ["t"], "the dialogue of the row's session", hint: "transcript",
            in: [.queue, .connections, .message]),
        Command(.header, ["i"], "header and text of the message", hint: "header", in: [.message]),
        Command(.follow, ["F"], "follow the newest", hint: "follow", in: [.transcript]),
        Command(
            .filter, ["f", "\\", .function(4)], "show only rows with these words; !word hides", hint: "filter",
            in: Place.lists, argument: "words"),
        Command(.search, ["/", .function(3)], "jump to a word", hint: "search", argument: "word"),
        Command(.searchNext, ["n"], "next match"),
        Command(.searchPrevious, ["N"], "previous match"),
        Command(.sort, ["s", .function(6)], "sort by a column", hint: "sort", in: Place.lists, argument: "column"),
        Command(.nextNode, [">", "."], "the next hop's own screen", hint: "next node"),
        Command(.sortLeft, ["<"], "sort by the column before", in: Place.lists),
        Command(.sortRight, [","], "sort by the column after", in: Place.lists),
        Command(.invert, ["I"], "turn the order round", in: Place.lists),
        Command(.tagAll, ["T"], "tag all that match, exactly those of now", in: [.queue]),
        Command(.untag, ["u"], "untag the row", in: [.queue, .message]),
        Command(.untagAll, ["U"], "untag all", in: [.queue, .message]),
        Command(.ended, ["e"], "also sessions that ended", hint: "ended", in: [.connections]),
        Command(.problems, ["!"], "only what is in trouble", in: Place.lists),
        Command(.freeze, ["="], "freeze the picture; again: live"),
        Command(.overview, ["1"], "flow, what needs attention, destinations"),
        Command(.queue, ["2"], "every message that is still here"),
        Command(.connections, ["3"], "sessions, in and out"),
        Command(.next, [.tab], "next pane"),
        Command(.previous, [.backTab], "previous pane"),
        Command(.down, ["j", .down], "down"),
        Command(.up, ["k", .up], "up"),
        Command(.pageDown, [.pageDown], "a page down"),
        Command(.pageUp, [.pageUp], "a page up"),
        Command(.halfDown, [.control("d")], "half a page down"),
        Command(.halfUp, [.control("u")], "half a page up"),
        Command(.top, ["g", .home], "first"),
        Command(.bottom, ["G", .end], "last"),
        Command(.left, [.left], "scroll columns left"),
        Command(.right, [.right], "scroll columns right"),
        Command(.nextItem, ["]"], "next message", in: [.message]),
        Command(.previousItem, ["["], "previous message", in: [.message]),
        Command(.node, [], "show the screen of a node", argument: "name"),
        Command(.theme, [], "change colours; without a name: choose", argument: "name"),
        Command(.lock, ["L"], "lock or unlock what changes mail"),
        Command(.redraw, [.control("l")], "paint everything anew"),
        Command(.palette, [":"], "any command by name", hint: "command"),
        Command(.help, ["?", .function(1)], "this help", hint: "help"),
        Command(.quit, ["q", .function(10)], "back; at the top: leave", hint: "quit"),
        Command(.quitAll, [], "leave from anywhere"),
    ]
}
