import Mail
public import Monitor

/// Keys and feeds in, a canvas of cells out; knows no terminal.
///
/// What is looked at are panes, on a stack; what has to be answered is an overlay above them. Both give back effects, as do
/// the commands of ``Everywhere``, and `Screen+Effects` carries them out. So a key goes `press`, `perform`, `carryOut`; a
/// change goes `refresh`, `reload`, and what was read comes back as effects too. A key never waits for a feed: what is asked
/// runs beside (`Screen+Errands`), and an answer to an older question is ignored. `settled()` waits until nothing is under
/// way, for tests.
public actor Screen {
    let options: ScreenOptions
    var nodes: NodeTable
    var stack: PaneStack
    var overlay: (any Overlay)?
    var lock: Lock
    var undos = UndoStack()
    var outcome: Outcome?
    var searchWord = ""
    var isFrozen = false
    /// `nil`: nothing is being recorded.
    var recording: RecordingUnderWay?
    var habits: Habits
    /// A change came while rows must not move.
    var isBehind = false
    /// A change came since the figures of the header were read.
    private var headerIsBehind = false
    var pace = KeyPace()
    /// Commands that were typed, newest last.
    var typedCommands: [String] = []
    var pointer = Pointer()
    /// What was asked for before it is known what for; another key instead of waiting takes it back.
    var waiting: WaitingCall?
    public private(set) var size: (columns: Int, rows: Int)
    /// Changes, sizes and palettes that the driver must take as wholly new.
    public internal(set) var repaints = 0
    var themes: ThemeInUse
    public internal(set) var wantsQuit = false
    var wantsSuspension = false
    var copied: String?
    var errands = Errands()
    private var watchers: [Task<Void, Never>] = []

    /// Yields when something changed without a key: an answer arrived.
    public nonisolated let updates: AsyncStream<Void>
    private let updated: AsyncStream<Void>.Continuation

    public init(feeds: [FeedEntry], options: ScreenOptions) {
        precondition(!feeds.isEmpty, "a screen needs a feed")
        self.nodes = NodeTable(feeds)
        self.stack = PaneStack(feeds)
        if let view = View.index(of: options.view) { self.stack.show(view: view) }
        self.options = options
        self.habits = options.habits
        self.size = (options.columns, options.rows)
        self.lock = Lock(isLocked: options.isLocked, locksAgain: options.locksAgain)
        self.themes = ThemeInUse(options)
        (self.updates, self.updated) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: The driver's door

    /// The time of keys and of what is said; ``around`` has that of what is shown.
    var now: Timestamp { self.options.clock() }

    /// Asks what the feeds can do and reads what is shown. Call once.
    public func start() {
        for index in self.nodes.indices {
            self.start(.capabilities(of: self.nodes[index].entry, index))
            self.start(.overview(of: self.nodes[index].entry, index))
            self.start(.undoable(of: self.nodes[index].entry, index))
        }
        if let remark = self.options.playback?.remark ?? self.options.remark { self.say(remark, .warning) }
        self.reload()
    }

    /// While one change follows the other, what is shown is read so often: an eye sees no more, and each look costs the
    /// daemon too.
    private static let pause = Duration.milliseconds(250)

    /// Follows the changes of all feeds until `stop()`.
    public func watch() {
        for index in self.nodes.indices {
            let changes = self.nodes[index].entry.feed.changes()
            self.watchers.append(
                Task { [weak self] in
                    for await change in changes {
                        guard let self else { return }
                        await self.refresh(change, node: index)
                        // Those that come meanwhile are one.
                        guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
                    }
                })
        }
    }
    public func stop() {
        for watcher in self.watchers { watcher.cancel() }
        self.watchers = []
    }

    public func resize(columns: Int, rows: Int) {
        self.size = (columns, rows)
        self.fit()
        self.repaints += 1
    }

    /// Reads the visible windows anew; `nil`: all of them.
    public func refresh(_ change: FeedChange?) { self.refresh(change, node: self.stack.node) }

    private func refresh(_ change: FeedChange?, node: Int) {
        guard !self.isFrozen else {
            self.isBehind = true
            return
        }
        guard node == self.stack.node || self.stack.top.showsOtherNodes else { return }
        switch change {
        case .changed(let areas): self.reload(areas, changed: node)
        case .missed: self.reload(changed: node)
        case nil: self.reload()
        }
    }

    /// A second went by: clocks, ages, what was put off while a key was fresh.
    public func tick() {
        let now = self.now
        if self.lock.expires(now) { self.say("locked again: ten minutes are over", .plain) }
        if let until = self.outcome?.until, now >= until { self.outcome = nil }
        if let name = self.themes.changedName() { self.change(theme: name) }
        guard !self.isFrozen else {
            if self.isBehind { for read in self.stack.top.counts(self.around) { self.start(read) } }
            self.isBehind = false
            return
        }
        if self.isBehind, !self.rowsMustStay {
            self.isBehind = false
            self.reload()
        } else {
            if self.headerIsBehind { self.readOverview() }
            self.carryOut(self.stack.top.ticked(self.around))
        }
        for index in self.nodes.indices where self.nodes[index].blindness != nil {
            self.start(.overview(of: self.nodes[index].entry, index))
        }
    }

    /// Whether a second that passes changes what is shown; without a clock, only while something waits for its time.
    public var wantsTicks: Bool {
        self.options.showsClock || self.lock.unlockedUntil != nil || self.outcome?.until != nil
            || self.undos.offered(self.now) != nil || self.nodes[self.stack.node].blindness != nil
            || self.isBehind
            || !self.isFrozen && (self.headerIsBehind || !self.stack.top.ticked(self.around).isEmpty)
    }

    /// Whether the picture changes by itself before the next second: every ``frame``, then.
    public var isMoving: Bool { !self.isFrozen && self.overlay == nil && self.stack.top.isMoving(self.around) }
    /// How long, in milliseconds, a picture that moves stays as it is.
    public static let frame = LinkTraffic.step

    /// Whether the driver is to stop the program, as Ctrl-Z does to others; told once.
    public func takeSuspension() -> Bool {
        defer { self.wantsSuspension = false }
        return self.wantsSuspension
    }

    /// What the driver is to put into the terminal's clipboard: printable text and line ends; told once. `nil`: nothing.
    public func takeCopy() -> String? {
        defer { self.copied = nil }
        return self.copied
    }

    /// What a driver paints, of one moment.
    public var picture: (canvas: Canvas, theme: Theme, repaints: Int) {
        (self.canvas, self.themes.theme, self.repaints)
    }
    public var theme: Theme { self.themes.theme }

    /// Everything as it is now.
    public var canvas: Canvas {
        let around = self.around
        var painter = Painter(canvas: Canvas(columns: self.size.columns, rows: self.size.rows), glyphs: around.glyphs)
        painter.isPlain = self.options.isPlain
        if self.hasRoom { self.frame(around).paint(&painter) } else { Frame.paintTooSmall(&painter) }
        return painter.canvas
    }

    func frame(_ around: Surroundings) -> Frame {
        let undo = self.undos.offered(around.now).map { entry in
            Frame.UndoOffer(
                words: entry.words, node: entry.node == around.current ? nil : self.nodes[entry.node].name,
                left: entry.until.since(around.now))
        }
        return Frame(
            around: around, theme: self.themes.theme, stack: self.stack, lock: self.lock, outcome: self.outcome,
            undo: undo, overlay: self.overlay, isRecording: self.recording != nil, shownAsOf: self.stack.shownAsOf,
            showsClock: self.options.showsClock)
    }

    /// Returns when no read and no action is under way.
    public func settled() async {
        while !self.errands.isQuiet { await withCheckedContinuation { self.errands.wait($0) } }
    }

    // MARK: What panes see

    private var hasRoom: Bool { self.size.columns >= Frame.least.columns && self.size.rows >= Frame.least.rows }

    /// Nothing moves under the operator: while a dialog is open and for a while after a key, order stays.
    private var rowsMustStay: Bool {
        self.overlay?.keepsRows == true || self.pace.isFresh(self.now)
    }

    var around: Surroundings {
        let playback = self.options.playback?.position
        return Surroundings(
            now: playback?.at ?? self.now, columns: self.size.columns, rows: self.size.rows, nodes: self.nodes.all,
            current: self.stack.node,
            glyphs: Glyphs(self.theme, isASCII: self.options.isASCII), isPlain: self.options.isPlain,
            isFrozen: self.isFrozen,
            rowsMustStay: self.rowsMustStay, searchWord: self.searchWord, playback: playback,
            columnOffset: self.stack.columnOffset, place: Place(self.stack.top), keymap: self.options.keymap,
            typedCommands: self.typedCommands,
            habits: self.habits, write: self.options.write, canCopy: self.options.usesClipboard)
    }

    /// Fits what is shown to its room, and reads what that lacks.
    func fit() {
        let around = self.around
        self.stack.top.layout(around)
        for read in self.stack.top.missing(around) { self.start(read) }
    }

    func say(_ text: String, _ kind: Outcome.Kind) {
        self.outcome = Outcome((text, kind), until: self.now.adding(milliseconds: Outcome.lifetime))
    }

    // MARK: Keys

    public func press(_ key: Key) {
        self.outcome?.wasSeen(at: self.now)
        let table = self.around.commands(of: self.stack.top)
        // Also over what is open, and however small the terminal is.
        if table.bound(to: key) == .stop { return self.carryOut(.suspend) }
        defer {
            // What waits for rows has to see them move.
            if self.waiting == nil { self.pace.pressed(self.now) }
            self.fit()
        }
        if let waiting = self.waiting {
            // The same key once more, or one that repeats by itself, asks for nothing else.
            if !waiting.call.asks, self.overlay == nil, table.bound(to: key) == waiting.call.command { return }
            self.waiting = nil
            if !waiting.call.asks { self.say("\(waiting.call.command.name) was taken back by another key", .plain) }
        }
        guard self.hasRoom else {
            if table.bound(to: key) == .quit { self.performEverywhere(Call(command: .quit)) }
            return
        }
        if case .mouse(let event) = key { return self.press(event) }
        if let overlay = self.overlay {
            self.carryOut(overlay.press(key, self.around))
            return
        }
        // Pasted text is inert outside prompts.
        if case .paste = key { return }
        if let command = table.bound(to: key) {
            self.run(Call(command: command), isTyped: false)
        } else if case .character(let digit) = key, digit.isASCII, digit.isNumber {
            self.say("there is no view \(digit): \(self.around.viewLabels) show the views", .plain)
        } else if case .character = key {
            self.say(
                "\(SafeText(key.label)) does nothing here: \(self.around.sentence(.help, "lists what does"))", .plain)
        }
    }

    /// Runs a command by the name that `:` knows, as a key would.
    public func run(command text: String) {
        do throws(CommandProblem) {
            guard let call = try self.around.commands(of: self.stack.top).call(text) else { return }
            self.run(call, isTyped: true)
        } catch {
            self.say(error.text, .warning)
        }
    }

    /// - Parameter isTyped: came as a command, not as a key that may repeat by itself.
    func run(_ call: Call, isTyped: Bool) {
        var call = call
        if let refusal = self.lock.refusal(of: call.command, self.around) {
            self.say(refusal, .warning)
            return
        }
        if !isTyped, self.pace.repeats(call.command, self.now) { call.asks = true }
        guard self.knowsTargets(of: call, in: self.stack.top) else {
            self.waiting = WaitingCall(call: call, pane: self.stack.top)
            if !call.asks { self.say("\(call.command.name) waits for the tags", .plain) }
            return
        }
        self.perform(call)
    }

    private func knowsTargets(of call: Call, in pane: any Pane) -> Bool {
        // What the cursor is on is known when the first of the two is done.
        if call.asks { return !self.errands.concern(pane) }
        return !(call.command.acts && self.errands.reads.choosesTargets(pane))
    }

    /// It would be for something else than it was meant for.
    func dropWaiting(because reason: String, _ kind: Outcome.Kind) {
        guard let waiting = self.waiting else { return }
        self.waiting = nil
        self.say("\(waiting.call.command.name) was not done: \(reason)", kind)
    }

    func perform(_ call: Call) {
        if let effects = self.stack.top.perform(call, self.around) {
            self.carryOut(effects)
        } else {
            self.performEverywhere(call)
        }
    }

    private func performEverywhere(_ call: Call) {
        self.carryOut(Everywhere(stack: self.stack, themes: self.themes, around: self.around).perform(call))
    }

    // MARK: What is shown

    /// Other things are shown than before.
    func showAnew() {
        self.stack.top.returned()
        self.fit()
        self.reload()
    }

    /// Reads what is on the screen.
    ///
    /// - Parameter node: where something changed; `nil`: all is to be read anew.
    func reload(_ areas: Set<FeedChange.Area> = Set(FeedChange.Area.allCases), changed node: Int? = nil) {
        let pane = self.stack.top
        if !areas.isDisjoint(with: [.queue, .connections, .facts]) {
            // An overview is large: where the header alone shows some of it, it is read once a second.
            let age = self.nodes[self.stack.node].overviewTaken.map { self.around.now.since($0) }
            if node == nil || pane.showsOverview || age.map({ $0 >= 1000 }) ?? true {
                self.readOverview()
            } else {
                self.headerIsBehind = true
            }
        }
        guard !areas.isDisjoint(with: pane.areas) else { return }
        let reads = node.map { pane.reads(self.around, changed: $0) } ?? pane.reads(self.around)
        for read in reads { self.start(read) }
    }

    private func readOverview() {
        self.headerIsBehind = false
        self.start(.overview(of: self.nodes[self.stack.node].entry, self.stack.node))
    }

    /// Something arrived: tells the driver and whoever waits for quiet.
    func changed() {
        if let waiting = self.waiting, self.knowsTargets(of: waiting.call, in: waiting.pane) {
            if waiting.pane === self.stack.top {
                self.waiting = nil
                self.perform(waiting.call)
            } else {
                self.dropWaiting(because: "something else is shown now", .warning)
            }
        }
        self.updated.yield()
        for continuation in self.errands.takeWaiting() { continuation.resume() }
    }
}
