import Mail
import Monitor

extension Screen {
    public func press(_ key: Key) {
        defer {
            self.lastKey = self.now
            self.layout()
            self.loadShortLists()
        }
        if self.columns < Self.least.columns || self.rows < Self.least.rows {
            if key == "q" || key == .function(10) { self.run(.quit) }
            return
        }
        if let modal = self.modal {
            self.press(key, in: modal)
            return
        }
        // Pasted text is inert outside prompts.
        if case .paste = key { return }
        guard let command = Command.bound(to: key, in: self.place) else {
            if key == .escape { self.run(.back) }
            return
        }
        self.run(command.verb, isTyped: false)
    }

    /// Runs a command by the name that `:` knows, as a key would.
    public func run(command text: String) {
        let words = text.split(separator: " ", maxSplits: 1)
        guard let name = words.first else { return }
        let exact = Command.named(String(name))
        let known = Command.table.filter { $0.verb.rawValue.hasPrefix(name) }
        guard let command = exact ?? (known.count == 1 ? known.first : nil) else {
            let which = known.map(\.verb.rawValue).joined(separator: ", ")
            self.say(
                known.isEmpty ? "no command \(name); ? lists them" : "\(name): which of \(which)?", .warning)
            return
        }
        guard command.places.contains(self.place) else {
            self.say("\(command.verb.rawValue) means nothing here", .warning)
            return
        }
        self.run(command.verb, argument: words.count > 1 ? String(words[1]) : nil)
    }

    /// - Parameter isTyped: came as a command, not as a key that may repeat by itself.
    func run(_ verb: Verb, argument: String? = nil, isTyped: Bool = true) {
        let command = Command.of(verb)
        if command.acts {
            if let refusal = self.refusal {
                self.say(refusal, .warning)
                return
            }
        }
        let isRepeated: Bool =
            if command.isDestructive, !isTyped {
                self.lastDestructive.map { $0.verb == verb && self.now.since($0.at) < 250 } ?? false
            } else {
                false
            }
        if command.isDestructive, !isTyped { self.lastDestructive = (verb, self.now) }
        switch verb {
        case .overview: self.show(.overview)
        case .queue: self.show(.queue)
        case .connections: self.show(.connections)
        case .next: self.turnPane(1)
        case .previous: self.turnPane(-1)
        case .up: self.move(.by(-1))
        case .down: self.move(.by(1))
        case .pageUp: self.move(.page(-1))
        case .pageDown: self.move(.page(1))
        case .halfUp: self.move(.half(-1))
        case .halfDown: self.move(.half(1))
        case .top: self.move(.first)
        case .bottom: self.move(.last)
        case .left: self.columnOffset = max(0, self.columnOffset - 8)
        case .right: self.columnOffset = min(400, self.columnOffset + 8)
        case .open: self.open()
        case .back: self.back()
        case .quit: self.quit()
        case .quitAll: self.wantsQuit = true
        case .search: self.search(argument)
        case .searchNext: self.searchAgain(forward: true)
        case .searchPrevious: self.searchAgain(forward: false)
        case .filter: self.filter(argument)
        case .tag: self.tag(nil)
        case .untag: self.tag(false)
        case .untagAll: self.untagAll()
        case .tagAll: self.tagAll()
        case .sort: self.sort(argument)
        case .sortLeft: self.sortStep(-1)
        case .sortRight: self.sortStep(1)
        case .invert: self.invert()
        case .freeze: self.freeze()
        case .problems: self.filterProblems()
        case .ended: self.toggleEnded()
        case .follow: self.toggleFollow()
        case .retry: self.act(.retry, asks: isRepeated)
        case .hold: self.act(self.holdToggles, asks: isRepeated)
        case .release: self.act(.release, asks: isRepeated)
        case .drop: self.act(.drop, asks: isRepeated)
        case .bounce: self.act(.bounce, asks: true)
        case .undo: self.undo()
        case .close: self.askClose()
        case .transcript: self.openTranscript()
        case .header:
            self.withMessage {
                $0.showsHeader.toggle(); $0.headerTop = 0
            }
        case .nextItem: self.openNeighbour(1)
        case .previousItem: self.openNeighbour(-1)
        case .node: self.show(node: argument)
        case .nextNode: self.showNextNode()
        case .theme: self.changeTheme(argument)
        case .lock: self.toggleLock()
        case .redraw: self.repaint()
        case .palette: self.modal = .prompt(Prompt(kind: .palette, text: "", before: ""))
        case .help: self.modal = .help(top: 0)
        }
    }

    /// Why nothing can be changed now; `nil` when it can.
    private var refusal: String? {
        if self.isLocked { return "locked: L unlocks what changes mail" }
        if self.node.capabilities?.abilities.isEmpty == true {
            return "this feed only shows; nothing can be changed through it"
        }
        return nil
    }

    func toggleLock() {
        self.isLocked.toggle()
        self.unlockedUntil =
            !self.isLocked && self.options.locksAgain ? self.now.adding(milliseconds: 600_000) : nil
        self.say(self.isLocked ? "locked: mail and sessions cannot be changed" : "unlocked", .plain)
    }

    /// Back one step; with nothing on top, out.
    func quit() {
        if self.layers.isEmpty { self.wantsQuit = true } else { self.back() }
    }
    func back() {
        if case .message(let state) = self.layers.last, state.showsHeader {
            self.withMessage { $0.showsHeader = false }
            return
        }
        guard !self.layers.isEmpty else { return }
        self.layers.removeLast()
        self.columnOffset = 0
        self.reload()
    }

    func freeze() {
        self.isFrozen.toggle()
        self.say(self.isFrozen ? "frozen: = goes live again" : "live", .plain)
        if !self.isFrozen {
            self.isBehind = false
            self.reload()
        }
    }

    func changeTheme(_ name: String?) {
        guard let name else {
            let names = self.options.themes.names
            self.modal = .menu(
                Menu(kind: .theme, title: "Theme", items: names, index: names.firstIndex(of: self.theme.name) ?? 0))
            return
        }
        do {
            let loaded = try self.options.themes.load(name)
            self.theme = loaded.theme
            self.repaint()
            self.say(loaded.warnings.first ?? "theme \(name)", loaded.warnings.isEmpty ? .plain : .warning)
        } catch {
            self.say(error.description, .failure)
        }
    }
}
