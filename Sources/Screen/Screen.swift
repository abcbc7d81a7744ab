import Mail
public import Monitor

/// Keys and feeds in, a canvas of cells out; knows no terminal.
///
/// What is looked at are panes, on a stack; what has to be answered is an overlay above them. Both give back effects,
/// which are carried out here. A key never waits for a feed: reads run beside, and one that answers an older question is
/// ignored. `settled()` waits until nothing is under way, for tests.
public actor Screen {
    private static let least = (columns: 40, rows: 10)

    private let options: ScreenOptions
    private var nodes: [Node]
    private var stack: PaneStack
    private var overlay: (any Overlay)?
    private var lock: Lock
    private var undos = UndoStack()
    private var outcome: Outcome?
    private var searchWord = ""
    private var isFrozen = false
    /// A change came while rows must not move.
    private var isBehind = false
    private var pace = KeyPace()
    /// Waits for what is under way, and then asks about what the cursor is on.
    private var waitingToAsk: Command?
    public private(set) var size: (columns: Int, rows: Int)
    /// Changes, sizes and palettes that the driver must take as wholly new.
    public private(set) var repaints = 0
    public private(set) var theme: Theme
    private var themeWatch: ThemeWatch
    public private(set) var wantsQuit = false
    private var wantsSuspension = false

    private var reads = ReadLedger()
    /// Deeds under way.
    private var deeds = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var watchers: [Task<Void, Never>] = []

    /// Yields when something changed without a key: an answer arrived.
    public nonisolated let updates: AsyncStream<Void>
    private let updated: AsyncStream<Void>.Continuation

    public init(feeds: [FeedEntry], options: ScreenOptions) {
        precondition(!feeds.isEmpty, "a screen needs a feed")
        self.nodes = feeds.map { Node($0) }
        self.stack = PaneStack(feeds)
        self.options = options
        self.size = (options.columns, options.rows)
        self.lock = Lock(isLocked: options.isLocked, locksAgain: options.locksAgain)
        self.theme = options.theme
        self.themeWatch = options.themeWatch
        (self.updates, self.updated) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: The driver's door

    /// The time of keys and of what is said; ``around`` has that of what is shown.
    private var now: Timestamp { self.options.clock() }
    private var isReplay: Bool { self.options.playback != nil }

    /// Asks what the feeds can do and reads what is shown. Call once.
    public func start() {
        for index in self.nodes.indices {
            self.start(.capabilities(of: self.nodes[index].entry, index))
            self.start(.overview(of: self.nodes[index].entry, index))
            self.start(.undoable(of: self.nodes[index].entry, index))
        }
        if let remark = self.options.playback?.remark { self.say(remark, .warning) }
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
        case .changed(let areas): self.reload(areas)
        case .missed, nil: self.reload()
        }
    }

    /// A second went by: clocks, ages, what was put off while a key was fresh.
    public func tick() {
        let now = self.now
        if self.lock.expires(now) { self.say("locked again: ten minutes are over", .plain) }
        if let outcome = self.outcome, now >= outcome.until { self.outcome = nil }
        if self.themeWatch.hasChanged() { self.change(theme: self.themeWatch.name) }
        guard !self.isFrozen else { return }
        if self.isBehind, !self.rowsMustStay {
            self.isBehind = false
            self.reload()
        } else {
            self.carryOut(self.stack.top.ticked(self.around))
        }
        for index in self.nodes.indices where self.nodes[index].blindness != nil {
            self.start(.overview(of: self.nodes[index].entry, index))
        }
    }

    /// Whether a second that passes changes what is shown; without a clock, only while something waits for its time.
    public var wantsTicks: Bool {
        self.options.showsClock || self.lock.unlockedUntil != nil || self.outcome != nil
            || self.undos.offered(self.now) != nil || self.nodes[self.stack.node].blindness != nil
            || !self.isFrozen && (self.isBehind || !self.stack.top.ticked(self.around).isEmpty)
    }

    /// Whether the driver is to stop the program, as Ctrl-Z does to others; told once.
    public func takeSuspension() -> Bool {
        defer { self.wantsSuspension = false }
        return self.wantsSuspension
    }

    /// What a driver paints, of one moment.
    public var picture: (canvas: Canvas, theme: Theme, repaints: Int) { (self.canvas, self.theme, self.repaints) }

    /// Everything as it is now.
    public var canvas: Canvas {
        let around = self.around
        var painter = Painter(canvas: Canvas(columns: self.size.columns, rows: self.size.rows), glyphs: around.glyphs)
        painter.isPlain = self.options.isPlain
        guard self.hasRoom else {
            let least = Self.least
            painter.text("hoptop runs on; please enlarge", x: 0, y: 0, columns: self.size.columns, role: .flashWarn)
            painter.text(
                "(at least \(least.columns)x\(least.rows))", x: 0, y: 1, columns: self.size.columns, role: .muted)
            return painter.canvas
        }
        let undo = self.undos.offered(around.now).map { entry in
            Frame.UndoOffer(
                words: entry.words, node: entry.node == around.current ? nil : self.nodes[entry.node].name,
                left: entry.until.since(around.now))
        }
        Frame(
            around: around, theme: self.theme, stack: self.stack, lock: self.lock, outcome: self.outcome, undo: undo,
            overlay: self.overlay, showsClock: self.options.showsClock
        ).paint(&painter)
        return painter.canvas
    }

    /// Returns when no read and no action is under way.
    public func settled() async {
        while !self.reads.isEmpty || self.deeds > 0 {
            await withCheckedContinuation { self.waiting.append($0) }
        }
    }

    // MARK: What panes see

    private var hasRoom: Bool { self.size.columns >= Self.least.columns && self.size.rows >= Self.least.rows }

    /// Nothing moves under the operator: while a dialog is open and for a while after a key, order stays.
    private var rowsMustStay: Bool {
        self.overlay?.keepsRows == true || self.pace.isFresh(self.now)
    }

    private var around: Surroundings {
        let playback = self.options.playback?.position
        return Surroundings(
            now: playback?.at ?? self.now, columns: self.size.columns, rows: self.size.rows, nodes: self.nodes,
            current: self.stack.node,
            glyphs: Glyphs(self.theme, isASCII: self.options.isASCII), isFrozen: self.isFrozen,
            rowsMustStay: self.rowsMustStay, searchWord: self.searchWord, playback: playback,
            columnOffset: self.stack.columnOffset, write: self.options.write)
    }

    /// Fits what is shown to its room, and reads what that lacks.
    private func fit() {
        let around = self.around
        self.stack.top.layout(around)
        for read in self.stack.top.missing(around) { self.start(read) }
    }

    private func say(_ text: String, _ kind: Outcome.Kind) {
        self.outcome = Outcome((text, kind), until: self.now.adding(milliseconds: Outcome.lifetime))
    }

    // MARK: Keys

    public func press(_ key: Key) {
        // Also over what is open, and however small the terminal is.
        if Command.stop.keys.contains(key) { return self.performEverywhere(Call(command: .stop)) }
        defer {
            self.pace.pressed(self.now)
            self.fit()
        }
        self.waitingToAsk = nil
        guard self.hasRoom else {
            if Command.quit.keys.contains(key) { self.performEverywhere(Call(command: .quit)) }
            return
        }
        if let overlay = self.overlay {
            self.carryOut(overlay.press(key, self.around))
            return
        }
        // Pasted text is inert outside prompts.
        if case .paste = key { return }
        if let command = CommandTable(self.stack.top, isReplay: self.isReplay).bound(to: key) {
            self.run(Call(command: command), isTyped: false)
        } else if case .character(let digit) = key, digit.isASCII, digit.isNumber {
            self.say("there is no view \(digit): \(self.nodes[self.stack.node].viewDigits) show the views", .plain)
        }
    }

    /// Runs a command by the name that `:` knows, as a key would.
    public func run(command text: String) {
        let words = text.split(separator: " ", maxSplits: 1)
        guard let name = words.first else { return }
        let table = CommandTable(self.stack.top, isReplay: self.isReplay)
        let known = table.all.filter { $0.name.hasPrefix(name) }
        guard let command = table.named(name) ?? (known.count == 1 ? known.first : nil) else {
            let which = known.map(\.name).joined(separator: ", ")
            self.say(
                known.isEmpty ? "no command \(SafeText(name)) here; ? lists them" : "\(name): which of \(which)?",
                .warning)
            return
        }
        self.run(Call(command: command, argument: words.count > 1 ? String(words[1]) : nil), isTyped: true)
    }

    /// - Parameter isTyped: came as a command, not as a key that may repeat by itself.
    private func run(_ call: Call, isTyped: Bool) {
        var call = call
        if call.command.acts, let refusal = self.refusal(of: call.command) {
            self.say(refusal, .warning)
            return
        }
        if !isTyped, self.pace.repeats(call.command, self.now) {
            // What the cursor is on is known when the first of the two is done.
            guard !self.isBusy else {
                self.waitingToAsk = call.command
                return
            }
            call.asks = true
        }
        self.perform(call)
    }

    private func perform(_ call: Call) {
        if let effects = self.stack.top.perform(call, self.around) {
            self.carryOut(effects)
        } else {
            self.performEverywhere(call)
        }
    }

    /// Why a command cannot be done now; `nil` when it can. Undo is asked for where it is known what would be undone.
    private func refusal(of command: Command) -> String? {
        let node = self.nodes[self.stack.node]
        if node.isOnlyShown { return Self.onlyShows }
        if self.lock.isLocked { return "locked: L unlocks what changes mail" }
        if node.blindness != nil { return "\(node.name) does not answer: nothing is done to what may be over" }
        guard let abilities = node.capabilities?.abilities else { return nil }
        guard let ability = FeedCapabilities.Ability(rawValue: command.name), ability != .undo,
            !abilities.contains(ability)
        else { return nil }
        return "this feed cannot \(command.name)"
    }

    private static let onlyShows = "this feed only shows; nothing can be changed through it"

    /// What means the same whatever is shown.
    private func performEverywhere(_ call: Call) {
        if let view = View.all.first(where: { $0.command == call.command }) { return self.show(view) }
        if Command.ofReplay.contains(call.command) { return self.play(call) }
        let pane = self.stack.top
        if call.command == .reroute, call.argument == nil {
            self.overlay = Prompt.palette(
                pane, isReplay: self.isReplay, text: "reroute to ", arguments: self.arguments)
            return
        }
        if Command.standing.contains(call.command) {
            let standing = StandingCommand(
                node: pane.node, feed: self.nodes[pane.node].entry.feed, around: self.around,
                destination: pane.destination(self.around), chosen: pane.chosen(self.around))
            return self.carryOut(standing.perform(call))
        }
        switch call.command {
        case .down: pane.move(.by(1), self.around)
        case .up: pane.move(.by(-1), self.around)
        case .pageDown: pane.move(.page(1), self.around)
        case .pageUp: pane.move(.page(-1), self.around)
        case .halfDown: pane.move(.half(1), self.around)
        case .halfUp: pane.move(.half(-1), self.around)
        case .top: pane.move(.first, self.around)
        case .bottom: pane.move(.last, self.around)
        case .left: self.stack.columnOffset = max(0, self.stack.columnOffset - 8)
        case .right: self.stack.columnOffset = min(400, self.stack.columnOffset + 8)
        case .next: self.turn(1)
        case .previous: self.turn(-1)
        case .search: self.search(call.argument)
        case .searchNext: self.searchAgain(isForward: true)
        case .searchPrevious: self.searchAgain(isForward: false)
        case .route:
            guard let address = call.argument else {
                self.overlay = Prompt.palette(
                    pane, isReplay: self.isReplay, text: "route ", arguments: self.arguments)
                return
            }
            self.open(RoutePane(address, node: pane.node, feed: self.nodes[pane.node].entry.feed))
        case .undo: self.turn(.undo)
        case .redo: self.turn(.redo)
        case .freeze: self.freeze()
        case .node: self.show(nodeNamed: call.argument)
        case .nextNode: self.showNextNode()
        case .theme: call.argument.map(self.change(theme:)) ?? self.chooseTheme()
        case .lock where self.nodes[self.stack.node].isOnlyShown: self.say(Self.onlyShows, .plain)
        case .lock:
            self.lock.toggle(self.now)
            self.say(self.lock.isLocked ? "locked: mail and sessions cannot be changed" : "unlocked", .plain)
        case .redraw: self.repaints += 1
        case .stop: self.wantsSuspension = true
        case .palette:
            self.overlay = Prompt.palette(pane, isReplay: self.isReplay, arguments: self.arguments)
        case .help: self.overlay = Help(pane, isReplay: self.isReplay)
        case .quit:
            // Back one step; with nothing on top, out.
            if let effects = pane.perform(Call(command: .back), self.around) {
                self.carryOut(effects)
            } else {
                self.wantsQuit = true
            }
        case .quitAll: self.wantsQuit = true
        default: break
        }
    }

    /// Words that may follow commands of everywhere.
    private var arguments: [Command: [String]] {
        let overview = self.nodes[self.stack.node].overview
        let destinations = overview?.destinations.map(\.destination).filter { $0 != noRoute } ?? []
        let suspended = overview?.attention.filter(\.isSuspension).compactMap(\.destination) ?? []
        return [
            .theme: self.options.themes.names, .node: self.nodes.map(\.entry.name), .suspend: destinations,
            .resume: suspended, .limit: destinations, .reroute: destinations,
            .rule: ["hold to ", "hold from ", "refuse 550 from ", "refuse 550 client "],
        ]
    }

    private func turn(_ step: Int) {
        guard !self.stack.top.turn(step), self.stack.below == nil else { return }
        let views = self.nodes[self.stack.node].views
        let place = views.firstIndex { $0.command == View.all[self.stack.view].command } ?? 0
        self.show(views[(place + step + views.count) % views.count])
    }

    private func freeze() {
        self.isFrozen.toggle()
        self.say(self.isFrozen ? "frozen: = goes live again" : "live", .plain)
        if !self.isFrozen {
            self.isBehind = false
            self.reload()
        }
    }

    // MARK: Search

    private func search(_ word: String?) {
        guard let word else {
            self.overlay = Prompt(
                sign: "/", hints: Run.hint("Enter", "jump") + Run.hint("Esc", "cancel"),
                accepted: { $0.isEmpty ? [] : [.search($0)] })
            return
        }
        self.searchWord = word
        self.outcome = nil
        self.carryOut(
            self.stack.top.search(Search(word: word, isForward: true, skipsCursor: false), self.around))
    }
    private func searchAgain(isForward: Bool) {
        guard !self.searchWord.isEmpty else {
            self.say("nothing was searched for: / searches", .plain)
            return
        }
        self.outcome = nil
        let search = Search(word: self.searchWord, isForward: isForward, skipsCursor: true)
        self.carryOut(self.stack.top.search(search, self.around))
    }

    // MARK: Playing a recording

    private func play(_ call: Call) {
        guard let playback = self.options.playback else { return }
        do throws(PlaybackProblem) {
            let order = try playback.position.order(call)
            self.deeds += 1
            Task { await self.finish(order, of: playback) }
        } catch {
            self.say(error.text, .warning)
        }
    }

    private func finish(_ order: PlaybackOrder, of playback: any Playback) async {
        do {
            self.outcome = nil
            if let words = try await playback.perform(order) { self.say(words, .plain) }
            if order.movesAway {
                self.reads.abandon()
                for pane in self.stack.all { pane.forget() }
            }
        } catch {
            self.say((error as? FeedError)?.description ?? "\(error)", .failure)
        }
        self.deeds -= 1
        self.pace.rest()
        self.reload()
        self.changed()
    }

    // MARK: Views and nodes

    private func show(_ view: View) {
        guard let index = View.all.firstIndex(where: { $0.command == view.command }) else { return }
        let node = self.nodes[self.stack.node]
        guard node.views.contains(where: { $0.command == view.command }) else {
            return self.say("\(node.name) has no \(view.title.lowercased())", .plain)
        }
        self.stack.show(view: index)
        self.fit()
        self.reload()
    }

    private func show(node: Int) {
        self.stack.show(node: node)
        self.fit()
        self.reload()
        self.say("this is \(self.nodes[node].entry.name)", .plain)
    }

    private func show(nodeNamed name: String?) {
        let names = self.nodes.map(\.entry.name).joined(separator: ", ")
        guard let name, !name.isEmpty else {
            self.say("nodes: \(names)", .plain)
            return
        }
        let known = [{ $0.entry.name }, { $0.name }] as [(Node) -> String]
        let index = known.lazy.compactMap { of in
            self.nodes.firstIndex { of($0).lowercased().hasPrefix(name.lowercased()) }
        }.first
        guard let index else {
            self.say("no node \(SafeText(name)); there are \(names)", .warning)
            return
        }
        self.show(node: index)
    }

    private func showNextNode() {
        guard self.nodes.count > 1 else {
            self.say("there is no other node to show", .plain)
            return
        }
        self.show(node: (self.stack.node + 1) % self.nodes.count)
    }

    private func open(_ pane: any Pane) {
        self.stack.push(pane)
        self.fit()
        for read in pane.reads(self.around) { self.start(read) }
    }

    /// The same kind of thing, some rows further in the pane below.
    private func openNeighbour(_ step: Int) {
        guard let below = self.stack.below else { return }
        below.move(.by(step), self.around)
        guard case .open(let pane)? = below.perform(Call(command: .open), self.around)?.first else { return }
        self.stack.pop()
        self.open(pane)
    }

    // MARK: Themes

    private func chooseTheme() {
        let before = self.theme.name
        self.overlay = Menu(
            // Themes show at once, so that one is chosen by looking.
            title: "Theme", items: self.options.themes.names, chosen: before, taken: { name, _ in [.theme(name)] },
            tried: { [.theme($0)] }, cancelled: [.theme(before)])
    }

    private func change(theme name: String) {
        do throws(ThemeError) {
            let loaded = try self.options.themes.load(name)
            self.theme = loaded.theme
            self.themeWatch = loaded.watch
            self.repaints += 1
            self.say(loaded.warnings.first ?? "theme \(name)", loaded.warnings.isEmpty ? .plain : .warning)
        } catch {
            self.say(error.description, .failure)
        }
    }

    // MARK: Effects

    private func carryOut(_ effects: [Effect]) { for effect in effects { self.carryOut(effect) } }

    private func carryOut(_ effect: Effect) {
        switch effect {
        case .read(let read): self.start(read)
        case .readOverview: self.start(.overview(of: self.nodes[self.stack.node].entry, self.stack.node))
        case .learned(let node, let what): self.learn(what, of: node)
        case .later: self.isBehind = true
        case .say(let text, let kind): self.say(text, kind)
        case .open(let pane): self.open(pane)
        case .back:
            self.stack.pop()
            self.fit()
            self.reload()
        case .show(let view, let call):
            self.show(view)
            if let call { self.perform(call) }
        case .showNode(let node, let effects):
            self.show(node: node)
            self.carryOut(effects)
        case .openNeighbour(let step): self.openNeighbour(step)
        case .ask(let overlay): self.overlay = overlay
        case .close: self.overlay = nil
        case .order(let order): order.dialog.map { self.overlay = $0 } ?? self.start(order.deed)
        case .deed(let deed): self.start(deed)
        case .theme(let name): self.change(theme: name)
        case .search(let word): self.search(word)
        case .run(let text): self.run(command: text)
        }
    }

    // MARK: What is done

    /// - Parameter direction: `.undo` or `.redo`.
    private func turn(_ direction: Deed.Direction) {
        switch self.undos.turn(direction, isBusy: self.deeds > 0, self.now) {
        case .entry(let entry): self.start(entry.deed(direction)) { self.undos.putBack(entry, direction) }
        case .later: break
        case .nothing where direction == .redo: self.say("nothing to redo", .plain)
        case .nothing:
            let canUndo = self.nodes[self.stack.node].capabilities?.abilities.contains(.undo) != false
            self.say(canUndo ? "nothing to undo" : "this feed cannot undo", .plain)
        }
    }

    /// Does it beside the keys; what it gives, or its failure, becomes the outcome line.
    private func start(_ deed: Deed, failed: @escaping () -> Void = {}) {
        self.deeds += 1
        Task { await self.finish(deed, failed) }
    }

    private func finish(_ deed: Deed, _ failed: () -> Void) async {
        do {
            let receipts = try await deed.work(self.nodes[deed.node].entry.feed)
            let now = self.now
            // The line of something that can be taken back stays for as long as that.
            let until = self.undos.did(deed, receipts, now) ?? now.adding(milliseconds: Outcome.lifetime)
            deed.done()
            self.outcome = Outcome(deed.outcome(receipts), until: until)
        } catch {
            failed()
            self.say((error as? FeedError)?.description ?? "\(error)", .failure)
        }
        self.deeds -= 1
        while self.deeds == 0, let next = self.undos.nextTurn() { self.turn(next) }
        self.pace.rest()
        self.reload()
        self.changed()
    }

    // MARK: Reads

    /// Reads what is on the screen.
    private func reload(_ areas: Set<FeedChange.Area> = Set(FeedChange.Area.allCases)) {
        if !areas.isDisjoint(with: [.queue, .connections, .facts]) {
            self.start(.overview(of: self.nodes[self.stack.node].entry, self.stack.node))
        }
        let pane = self.stack.top
        guard !areas.isDisjoint(with: pane.areas) else { return }
        for read in pane.reads(self.around) { self.start(read) }
    }

    private func learn(_ what: Learned, of node: Int) {
        switch what {
        case .capabilities(let capabilities): self.nodes[node].capabilities = capabilities
        case .overview(let overview):
            let before = self.nodes[node]
            self.nodes[node].overview = overview
            self.nodes[node].trouble = nil
            self.nodes[node].blindness = nil
            if let blindness = before.blindness { self.sees(node, since: blindness) }
            if let started = before.overview?.started, started < overview.started { self.restarted(node) }
        case .undoable(let offers): self.undos.learn(offers, of: node)
        }
    }

    /// A node answers again: everything may be otherwise now, also what may be done.
    private func sees(_ node: Int, since blindness: Blindness) {
        let times = "\(Format.clock(blindness.since))Z to \(Format.clock(self.around.now))Z"
        self.say("\(self.nodes[node].name) answers again; it did not from \(times)", .ok)
        self.start(.capabilities(of: self.nodes[node].entry, node))
        self.start(.undoable(of: self.nodes[node].entry, node))
        if node == self.stack.node { self.reload() }
    }

    /// A node started anew, and counts its sessions from 1 again: no name of before means what it did.
    private func restarted(_ node: Int) {
        self.undos.forgetSelections(of: node)
        guard node == self.stack.node else { return }
        if self.overlay is Dialog { self.overlay = nil }
        if self.stack.closeSessions() {
            self.say("\(self.nodes[node].name) started anew: its sessions of before are no longer known", .warning)
        }
        self.fit()
        self.reload()
    }

    /// - Parameter words: why it cannot be read.
    private func lost(_ node: Int, _ error: any Error, _ words: String) {
        guard let code = (error as? FeedError)?.code, code == .unavailable || code == .denied else { return }
        self.nodes[node].blindness = Blindness(
            since: self.nodes[node].blindness?.since ?? self.around.now, words: words)
    }

    private func start(_ read: Read) {
        guard let serial = self.reads.begin(read) else { return }
        Task { await self.finish(read, serial) }
    }

    private func finish(_ read: Read, _ serial: Int) async {
        let effects: [Effect]
        do {
            let answer = try await read.begin()?()
            guard self.reads.isNewest(read.key, serial) else { return }
            effects = answer.map { read.take($0, self.around) } ?? []
        } catch {
            guard self.reads.isNewest(read.key, serial) else { return }
            let words = SafeText((error as? FeedError)?.description ?? "\(error)").description
            if let failed = read.failed {
                effects = failed(words)
            } else {
                self.nodes[read.key.node].trouble = words
                if read.key.kind == Read.overviewKind { self.lost(read.key.node, error, words) }
                effects = []
            }
        }
        let again = self.reads.end(read.key)
        self.carryOut(effects)
        if let again { self.start(again) }
        self.changed()
    }

    /// Something that the top pane shows may change at any moment.
    private var isBusy: Bool { self.deeds > 0 || self.reads.has(self.stack.top) }

    /// Something arrived: tells the driver and whoever waits for quiet.
    private func changed() {
        if let command = self.waitingToAsk, !self.isBusy {
            self.waitingToAsk = nil
            self.perform(Call(command: command, asks: true))
        }
        self.updated.yield()
        guard self.reads.isEmpty, self.deeds == 0 else { return }
        let waiting = self.waiting
        self.waiting = []
        for continuation in waiting { continuation.resume() }
    }
}
