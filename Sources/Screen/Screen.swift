import Mail
public import Monitor

/// Keys and feeds in, a canvas of cells out; knows no terminal.
///
/// A key never waits for a feed: reads run beside, and one that answers an older question is ignored. `settled()` waits
/// until nothing is under way, for tests.
public actor Screen {
    var nodes: [NodeState]
    var current = 0
    var view = View.overview
    var layers: [Layer] = []
    var modal: Modal?
    var outcome: Outcome?
    var searchWord = ""
    var isFrozen = false
    /// A change came while rows must not move.
    var isBehind = false
    var isLocked: Bool
    var unlockedUntil: Timestamp?
    var lastKey: Timestamp?
    var lastDestructive: (verb: Verb, at: Timestamp)?
    var columnOffset = 0
    /// Changes, sizes and palettes that the driver must take as wholly new.
    public private(set) var repaints = 0
    public internal(set) var theme: Theme
    public internal(set) var wantsQuit = false
    let options: ScreenOptions
    var columns: Int
    var rows: Int

    // Reads under way, and the ones to repeat when they are done.
    var serial = 0
    var inFlight: [Load: Int] = [:]
    var again: Set<Load> = []
    var actions = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var watchers: [Task<Void, Never>] = []

    /// Yields when something changed without a key: an answer arrived.
    public nonisolated let updates: AsyncStream<Void>
    private let updated: AsyncStream<Void>.Continuation

    public init(feeds: [FeedEntry], options: ScreenOptions) {
        precondition(!feeds.isEmpty, "a screen needs a feed")
        self.nodes = feeds.map { NodeState($0) }
        self.options = options
        self.columns = options.columns
        self.rows = options.rows
        self.isLocked = options.isLocked
        self.theme = options.theme
        (self.updates, self.updated) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public var size: (columns: Int, rows: Int) { (self.columns, self.rows) }
    var now: Timestamp { self.options.clock() }
    var node: NodeState {
        get { self.nodes[self.current] }
        set { self.nodes[self.current] = newValue }
    }
    var place: Place {
        switch self.layers.last {
        case .message: .message
        case .transcript: .transcript
        case nil: self.view.place
        }
    }

    /// Asks what the feeds can do and reads what is shown. Call once.
    public func start() {
        for index in self.nodes.indices {
            self.load(.capabilities(index))
            self.load(.overview(index))
        }
        self.reload()
    }

    /// Follows the changes of all feeds until `stop()`.
    public func watch() {
        for index in self.nodes.indices {
            let changes = self.nodes[index].entry.feed.changes()
            self.watchers.append(
                Task { [weak self] in
                    for await change in changes {
                        guard let self else { return }
                        await self.refresh(change, node: index)
                    }
                })
        }
    }
    public func stop() {
        for watcher in self.watchers { watcher.cancel() }
        self.watchers = []
    }

    public func resize(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        self.layout()
        self.loadShortLists()
        self.repaint()
    }

    /// Reads the visible windows anew; `nil`: all of them.
    public func refresh(_ change: FeedChange?) { self.refresh(change, node: self.current) }

    func refresh(_ change: FeedChange?, node: Int) {
        guard !self.isFrozen else {
            self.isBehind = true
            return
        }
        let areas: Set<FeedChange.Area> =
            switch change {
            case .changed(let areas): areas
            case .missed, nil: Set(FeedChange.Area.allCases)
            }
        guard node == self.current || self.showsMessage else { return }
        self.reload(areas)
    }
    private var showsMessage: Bool { if case .message = self.layers.last { true } else { false } }

    /// A second went by: clocks, ages, what was put off while a key was fresh.
    public func tick() {
        if let until = self.unlockedUntil, self.now >= until {
            self.isLocked = true
            self.unlockedUntil = nil
            self.say("locked again: ten minutes are over", .plain)
        }
        if self.isBehind, !self.isFrozen, !self.rowsMustStay {
            self.isBehind = false
            self.reload()
        } else if self.place == .overview, !self.isFrozen, self.node.overview.map(Self.flows) == true {
            self.load(.overview(self.current))
        }
    }
    private static func flows(_ overview: Overview) -> Bool {
        [overview.received, overview.relayed, overview.deferred, overview.bounced].contains { $0.contains { $0 > 0 } }
    }

    /// Nothing moves under the operator: while a dialog is open and for 1.5 s after a key, order stays.
    var rowsMustStay: Bool {
        if case .dialog = self.modal { return true }
        if case .menu = self.modal { return true }
        return self.lastKey.map { self.now.since($0) < 1500 } ?? false
    }

    func repaint() { self.repaints += 1 }

    func say(_ text: String, _ kind: Outcome.Kind) {
        self.outcome = Outcome(text: text, kind: kind, at: self.now)
    }

    /// Something arrived: tells the driver and whoever waits for quiet.
    func changed() {
        self.updated.yield()
        guard self.inFlight.isEmpty, self.actions == 0 else { return }
        let waiting = self.waiting
        self.waiting = []
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when no read and no action is under way.
    public func settled() async {
        while !self.inFlight.isEmpty || self.actions > 0 {
            await withCheckedContinuation { self.waiting.append($0) }
        }
    }
}
