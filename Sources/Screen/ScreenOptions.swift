public import Mail
public import Monitor

/// A node to watch.
public struct FeedEntry: Sendable {
    public var name: String
    public var feed: any MonitorFeed
    public init(name: String, feed: any MonitorFeed) {
        self.name = name
        self.feed = feed
    }
}

public struct ScreenOptions: Sendable {
    public var columns = 80
    public var rows = 24
    /// ASCII twins instead of Unicode glyphs.
    public var isASCII = false
    /// Actions are inert until `L`; right where the relay is another process.
    public var isLocked = false
    /// `L` unlocks for ten minutes only.
    public var locksAgain = false
    /// Without one nothing is painted, and nothing wakes, while nothing happens.
    public var showsClock = true
    public var theme = ThemeLibrary.builtin(.ansi)
    public var themes = ThemeLibrary()
    public var clock: @Sendable () -> Timestamp
    public init(clock: @escaping @Sendable () -> Timestamp) { self.clock = clock }
}
