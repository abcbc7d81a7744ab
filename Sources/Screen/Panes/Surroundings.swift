import Mail
import Monitor

/// What is known of one node, whatever is shown of it.
struct Node: Sendable {
    var entry: FeedEntry
    var capabilities: FeedCapabilities?
    var overview: Overview?
    /// When that came, by the clock of the screen; the node may have another time.
    var overviewTaken: Timestamp?
    /// Which read failed, and why; `nil`: none did.
    var failure: (read: Read.Key, words: String)?
    var trouble: String? { self.failure?.words }
    /// Nobody answers; `nil`: somebody does.
    var blindness: Blindness?
    init(_ entry: FeedEntry) { self.entry = entry }

    /// It is all of the others.
    var isJoined: Bool { self.entry.isJoined }
    /// Its host name, or until that is known what it was called at the start.
    var name: String { self.overview?.node ?? self.capabilities?.node ?? self.entry.name }
    /// Joins a message that another node relayed there to this one.
    func listens(on address: String) -> Bool {
        !self.isJoined && self.overview?.listening.contains(address) == true
    }
    /// Whoever watches may change nothing, whatever is locked.
    var isOnlyShown: Bool { self.capabilities?.abilities.isEmpty == true }
}

/// A node does not answer: what is shown of it is how it was.
struct Blindness: Hashable, Sendable {
    var since: Timestamp
    /// Why, and what to do.
    var words: String
}

/// What panes and overlays may know of the screen around them, as it is at one moment.
struct Surroundings {
    var now: Timestamp
    var columns: Int
    var rows: Int
    var nodes: [Node]
    /// The node that is shown.
    var current: Int
    var glyphs: Glyphs
    /// What is shown is read out line by line.
    var isPlain = false
    var isFrozen: Bool
    /// Nothing may move now: a key was just pressed, or a dialog is open.
    var rowsMustStay: Bool
    /// What was searched for last; empty: nothing.
    var searchWord: String
    /// Where the recording that is shown is; `nil`: it is none.
    var playback: PlaybackPosition?
    /// How far wide columns are scrolled to the right.
    var columnOffset: Int
    /// Where the operator is.
    var place = Place(name: "", commands: [])
    /// The keys that were chosen.
    var keymap = Keymap()
    /// What was typed after `:`, newest last.
    var typedCommands: [String] = []
    /// What the operator keeps for themselves.
    var habits = Habits()
    /// Writes files; `nil`: there are none to be written.
    var write: FileWriting?
    /// The terminal takes text into its clipboard.
    var canCopy = false

    /// Where a pane goes: between the tabs and the foot.
    var body: Rect { Rect(x: 0, y: 2, width: self.columns, height: self.rows - 2 - (self.hasStatus ? 3 : 2)) }
    /// A line tells what an action would touch.
    var hasStatus: Bool { self.rows >= 16 }
    var node: Node { self.nodes[self.current] }

    /// Whether what happens is shown as it happens.
    var liveness: String { self.isFrozen ? "frozen" : self.node.blindness == nil ? "live" : "" }

    func nodeListening(on address: String) -> Int? { self.nodes.firstIndex { $0.listens(on: address) } }
}
