public import Mail
public import Monitor

/// A node to watch.
public struct FeedEntry: Sendable {
    public var name: String
    public var feed: any MonitorFeed
    /// It shows the nodes of all others as one.
    let isJoined: Bool
    public init(name: String, feed: any MonitorFeed) {
        self.init(name: name, feed: feed, isJoined: false)
    }
    private init(name: String, feed: any MonitorFeed, isJoined: Bool) {
        self.name = name
        self.feed = feed
        self.isJoined = isJoined
    }

    /// What a screen takes to show several nodes as one from the start; a node alone stays as it is.
    public static func joined(
        _ entries: [FeedEntry], clock: @escaping @Sendable () -> Timestamp = { .now }
    ) -> [FeedEntry] {
        entries.count < 2 ? entries : [.all(entries, clock: clock)] + entries
    }

    /// Several nodes as one, which is called `all`; a screen takes it beside them.
    public static func all(
        _ entries: [FeedEntry], clock: @escaping @Sendable () -> Timestamp = { .now }
    ) -> FeedEntry {
        FeedEntry(name: "all", feed: JoinedFeed(entries.map { ($0.name, $0.feed) }, clock: clock), isJoined: true)
    }
}

public struct ScreenOptions: Sendable {
    public var columns = 80
    public var rows = 24
    /// ASCII twins instead of Unicode glyphs.
    public var isASCII = false
    /// No frames, graphs and bars: what a screen reader would read out as noise.
    public var isPlain = false
    public var colours = ColourDepth.Choice.auto
    /// Actions are inert until `L`; right where the relay is another process.
    public var isLocked = false
    /// `L` unlocks for ten minutes only.
    public var locksAgain = false
    /// The view that is shown first, by the name of its command.
    public var view = "overview"
    /// Without one nothing is painted, and nothing wakes, while nothing happens.
    public var showsClock = true
    public var keymap = Keymap()
    /// The mouse selects, opens and scrolls; then the terminal's own way to mark text needs Shift.
    public var usesMouse = false
    /// A key copies text into the clipboard of the operator's terminal, for which that is asked by OSC 52.
    public var usesClipboard = false
    public var theme = ThemeLibrary.builtin(.ansi)
    public var themes = ThemeLibrary()
    /// What is shown is a recording, which this goes through; `nil`: it is what happens now.
    public var playback: (any Playback)?
    public var clock: @Sendable () -> Timestamp
    /// Sees when the theme's files change.
    var themeWatch = ThemeWatch("ansi", files: [])
    /// Writes files; `nil`: there are none to be written.
    public var write: FileWriting?
    /// Records nodes; `nil`: nobody does.
    public var record: NodeRecording?
    /// What the operator kept for themselves.
    public var habits = Habits()
    /// `nil`: it is kept until the screen ends.
    public var keepHabits: HabitKeeping?
    /// What is said first of all; `nil`: nothing.
    public var remark: String?
    public init(clock: @escaping @Sendable () -> Timestamp) { self.clock = clock }

    public mutating func use(_ loaded: ThemeLibrary.Loaded) {
        self.theme = loaded.theme
        self.themeWatch = loaded.watch
    }
}
