import Mail
import Monitor

/// One thing that is looked at: it says what it reads, paints it, understands commands, searches, and names what an
/// action would be for.
///
/// A pane is used by its screen only. It never waits and never calls back: what has to happen comes back as effects.
protocol Pane: AnyObject {
    /// Whose feed it shows, as an index of the screen's nodes.
    var node: Int { get }
    /// What it is, in one word, for the help.
    var name: String { get }
    /// Its name in the line of tabs, when it stands on top of a view.
    var title: String { get }
    /// What is understood here beside what is understood everywhere, in the order of the hint line.
    var commands: [Command] { get }
    /// What it shows changes with these.
    var areas: Set<FeedChange.Area> { get }
    /// Other nodes' changes concern it too.
    var showsOtherNodes: Bool { get }
    /// It shows the node's overview, of which the header has a few figures.
    var showsOverview: Bool { get }

    /// It is shown again, and what it has may be old until it is read anew.
    func returned()
    /// Reads all that is shown.
    func reads(_ around: Surroundings) -> [Read]
    /// Reads what may be otherwise since something changed at a node.
    func reads(_ around: Surroundings, changed node: Int) -> [Read]
    /// Reads what is wanted for the picture and not at hand; asked for after each key.
    func missing(_ around: Surroundings) -> [Read]
    /// Counts what came while nothing is read anew, since the picture is frozen.
    func counts(_ around: Surroundings) -> [Read]
    /// Fits cursors and windows to the room there is.
    func layout(_ around: Surroundings)
    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings)
    /// - Returns: `nil` when the command means nothing here.
    func perform(_ call: Call, _ around: Surroundings) -> [Effect]?
    func move(_ motion: Motion, _ around: Surroundings)
    /// Brings the cursor to what stands there on the screen.
    ///
    /// - Returns: false where nothing stands there that can be chosen.
    func select(at place: Point, _ around: Surroundings) -> Bool
    func search(_ search: Search, _ around: Surroundings) -> [Effect]
    /// Gives the keys to the next part, or the one before; false: there is only one.
    func turn(_ step: Int) -> Bool
    /// What an action would be for; `nil`: nothing.
    func chosen(_ around: Surroundings) -> Chosen?
    /// The destination that the cursor is on; `nil`: none.
    func destination(_ around: Surroundings) -> String?
    /// What stands above the outcome: what an action would touch, and where the cursor is.
    func status(_ around: Surroundings) -> [Run]
    /// What stands at the right of the tabs.
    func note(_ around: Surroundings) -> String
    /// Words that may follow a command.
    func arguments(of command: Command) -> [String]
    /// A second went by.
    func ticked(_ around: Surroundings) -> [Effect]
    /// What was painted last looks otherwise before the next second begins, by itself.
    func isMoving(_ around: Surroundings) -> Bool
    /// It is another time now, maybe an earlier one: what was read before is no beginning of what is read next.
    func forget()
}

extension Pane {
    var showsOtherNodes: Bool { false }
    var showsOverview: Bool { false }
    func returned() {}
    func reads(_ around: Surroundings, changed node: Int) -> [Read] { self.reads(around) }
    func missing(_ around: Surroundings) -> [Read] { [] }
    func counts(_ around: Surroundings) -> [Read] { [] }
    func layout(_ around: Surroundings) {}
    func turn(_ step: Int) -> Bool { false }
    func select(at place: Point, _ around: Surroundings) -> Bool { false }
    func chosen(_ around: Surroundings) -> Chosen? { nil }
    func destination(_ around: Surroundings) -> String? { nil }
    func status(_ around: Surroundings) -> [Run] { [] }
    func note(_ around: Surroundings) -> String { "" }
    func arguments(of command: Command) -> [String] { [] }
    func ticked(_ around: Surroundings) -> [Effect] { [] }
    func isMoving(_ around: Surroundings) -> Bool { false }
    func forget() {}
}

/// A command with what belongs to it.
struct Call {
    var command: Command
    var argument: String?
    /// The same destructive key came twice at once, so a dialog has to ask.
    var asks = false
}

/// What is searched for, and which way.
struct Search {
    var word: String
    var isForward: Bool
    /// The cursor's own row does not count.
    var skipsCursor: Bool

    /// - Returns: the index of the next text that has the word, going round; `nil`: none has.
    func find(in texts: [String], from cursor: Int) -> Int? {
        guard !texts.isEmpty else { return nil }
        let needle = self.word.lowercased()
        let start = cursor + (self.skipsCursor ? (self.isForward ? 1 : -1) : 0)
        let count = texts.count
        return (0..<count).lazy
            .map { (((self.isForward ? start + $0 : start - $0) % count) + count) % count }
            .first { texts[$0].lowercased().contains(needle) }
    }

    /// What is said where no row has the word.
    var failed: Effect { .say("\(SafeText(self.word)) is nowhere here", .warning) }
}

enum Motion {
    case by(Int)
    case page(Int)
    case half(Int)
    case first
    case last

    /// The row that is reached from `row`, of `count` rows of which `height` are shown.
    func target(from row: Int, count: Int, height: Int) -> Int {
        let goal =
            switch self {
            case .by(let rows): row + rows
            case .page(let pages): row + pages * max(1, height - 1)
            case .half(let halves): row + halves * max(1, height / 2)
            case .first: 0
            case .last: count - 1
            }
        return max(0, min(goal, count - 1))
    }
}

/// What a pane, an overlay or an answer wants to happen.
enum Effect {
    case read(Read)
    /// The node's overview, which the header shows too.
    case readOverview
    case learned(Int, Learned)
    /// Rows are kept where they are; when they may move again all is read anew.
    case later
    /// What actions are for is tagged, for which a read was under way.
    case chosen
    case say(String, Outcome.Kind)
    /// A pane to be put on top of the one that is shown.
    case open(any Pane)
    case back
    /// The view, and commands that it has to carry out.
    case show(view: View, [Call])
    /// Another node, and what has to happen there.
    indirect case showNode(Int, [Effect])
    /// What the pane below has that many rows further, instead of this one.
    case openNeighbour(Int)
    case ask(any Overlay)
    /// The overlay is done.
    case close
    case order(Order)
    case deed(Deed)
    /// What is on the screen goes into a file; `nil`: where to is asked.
    case saveScreen(path: String?)
    case record(path: String?)
    /// Text of ours for the terminal's clipboard.
    case copy(String)
    /// What `z` would take back, or `Z` do again.
    case turn(Deed.Direction)
    case play(PlaybackOrder)
    case theme(String)
    /// Something of the operator's own is kept.
    case keep(@Sendable (inout Habits) -> Void)
    case search(Search)
    case scroll(columns: Int)
    /// Locks, or unlocks.
    case lock
    /// Freezes the picture, or goes live again.
    case freeze
    case repaint
    /// Stops the program, as Ctrl-Z does to others.
    case suspend
    case leave
    /// A command as it is typed after `:`.
    case run(String)
}

/// What was read of a node itself.
enum Learned {
    case capabilities(FeedCapabilities)
    case overview(Overview)
    /// What can be taken back that was done before the screen came.
    case undoable([UndoOffer])
}
