import Monitor

// What keys and answers come to: the effects that panes, overlays and the commands of everywhere give back.
extension Screen {
    func carryOut(_ effects: [Effect]) { for effect in effects { self.carryOut(effect) } }

    func carryOut(_ effect: Effect) {
        switch effect {
        case .read(let read): self.start(read)
        case .readOverview: self.start(.overview(of: self.nodes[self.stack.node].entry, self.stack.node))
        case .learned(let node, let what): self.learn(what, of: node)
        case .later: self.isBehind = true
        // What waited for it goes on when everything that came with it is carried out.
        case .chosen: break
        case .say(let text, let kind): self.say(text, kind)
        case .open(let pane): self.open(pane)
        case .back:
            self.stack.pop()
            self.showAnew()
        case .show(let view, let calls):
            self.show(view)
            for call in calls { self.perform(call) }
        case .showNode(let node, let effects):
            self.stack.leave(at: self.around.now)
            self.stack.show(node: node)
            self.showAnew()
            self.say("this is \(self.nodes[node].entry.name)", .plain)
            self.carryOut(effects)
        case .openNeighbour(let step): self.openNeighbour(step)
        case .ask(let overlay): self.overlay = overlay
        case .close: self.overlay = nil
        case .order(let order): order.dialog(self.around).map { self.overlay = $0 } ?? self.start(order.deed)
        case .deed(let deed): self.start(deed)
        case .turn(let direction): self.turn(direction)
        case .play(let order): self.start(order)
        case .theme(let name): self.change(theme: name)
        case .keep(let change): self.keep(change)
        case .saveScreen(let path): self.saveScreen(path)
        case .record(let path): self.record(path)
        case .copy(let text): self.copied = text
        case .search(let search):
            self.searchWord = search.word
            self.outcome = nil
            self.carryOut(self.stack.top.search(search, self.around))
        case .scroll(let columns): self.stack.columnOffset = max(0, min(self.stack.columnOffset + columns, 400))
        case .lock:
            self.lock.toggle(self.now)
            self.say(self.lock.isLocked ? "locked: mail and sessions cannot be changed" : "unlocked", .plain)
        case .freeze: self.freeze()
        case .repaint: self.repaints += 1
        case .suspend: self.wantsSuspension = true
        case .leave: self.wantsQuit = true
        case .run(let text):
            self.typedCommands = (self.typedCommands.filter { $0 != text } + [text]).suffix(100)
            self.run(command: text)
        }
    }

    private func show(_ view: View) {
        guard let index = View.all.firstIndex(where: { $0.command == view.command }) else { return }
        let node = self.nodes[self.stack.node]
        guard node.views.contains(where: { $0.command == view.command }) else {
            return self.say("\(node.name) has no \(view.title.lowercased())", .plain)
        }
        self.stack.leave(at: self.around.now)
        self.stack.show(view: index)
        self.showAnew()
    }

    private func open(_ pane: any Pane) {
        self.stack.leave(at: self.around.now)
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

    /// What is open above it has closed by then.
    private func saveScreen(_ path: String?) {
        let pane = self.stack.top
        guard let path else { return self.carryOut(pane.askWhere(.saveScreen, pane.name, ".txt")) }
        let text = self.canvas.text
        self.carryOut(pane.write(path, self.around) { FilePieces.text(text) })
    }

    func change(theme name: String) {
        do throws(ThemeError) {
            let words = try self.themes.change(to: name)
            self.repaints += 1
            self.say(words.text, words.kind)
        } catch {
            self.say(error.description, .failure)
        }
    }

    private func keep(_ change: @Sendable (inout Habits) -> Void) {
        do {
            change(&self.habits)
            if let kept = try self.options.keepHabits?(change) { self.habits = kept }
        } catch {
            self.say(SafeText("\(error)").description, .warning)
        }
    }

    private func freeze() {
        self.isFrozen.toggle()
        self.say(self.isFrozen ? "frozen: \(self.around.label(of: .freeze)) goes live again" : "live", .plain)
        guard !self.isFrozen else { return }
        self.isBehind = false
        self.reload()
    }
}
