import Mail
import Monitor

// What runs beside the keys, and what becomes of it: questions to feeds, deeds, turns of a playback.
extension Screen {
    // MARK: Reads

    func start(_ read: Read) {
        guard let serial = self.errands.reads.begin(read) else { return }
        Task { await self.finish(read, serial) }
    }

    private func finish(_ read: Read, _ serial: Int) async {
        let effects: [Effect]
        do {
            let answer = try await read.begin()?()
            guard self.errands.reads.isNewest(read.key, serial) else { return }
            self.nodes.answered(read.key)
            effects = answer.map { read.take($0, self.around) } ?? []
            // What was put off is still to be read.
            let isLater = effects.contains { if case .later = $0 { true } else { false } }
            if answer != nil, !isLater { self.stack.wasRead(read.key.owner) }
        } catch {
            guard self.errands.reads.isNewest(read.key, serial) else { return }
            let words = SafeText((error as? FeedError)?.description ?? "\(error)").description
            if let failed = read.failed {
                // Whoever asked may be closed by now, or stand below something else.
                let isTop = read.key.owner == ObjectIdentifier(self.stack.top)
                effects = failed(words).filter { if case .back = $0 { isTop } else { true } }
            } else {
                self.nodes.failed(read.key, error, words, at: self.around.now)
                effects = []
            }
        }
        let again = self.errands.reads.end(read.key)
        self.carryOut(effects)
        if read.choosesTargets, !effects.contains(where: { if case .chosen = $0 { true } else { false } }) {
            let reason = effects.lazy.compactMap { if case .say(let text, let kind) = $0 { (text, kind) } else { nil } }
            let (words, kind) = reason.first ?? ("nothing was tagged", .plain)
            self.dropWaiting(because: words, kind)
        }
        if let again { self.start(again) }
        self.changed()
    }

    func learn(_ what: Learned, of node: Int) {
        switch what {
        case .capabilities(let capabilities): self.nodes.learn(capabilities, of: node)
        case .undoable(let offers): self.undos.learn(offers, of: node)
        case .overview(let overview):
            let top = ObjectIdentifier(self.stack.top)
            for news in self.nodes.learn(overview, of: node, at: self.around.now, under: top) {
                switch news {
                case .answersAgain(let since): self.sees(node, since: since)
                case .startedAnew: self.restarted(node)
                }
            }
        }
    }

    private func sees(_ node: Int, since: Timestamp) {
        let times = "\(Format.clock(since))Z to \(Format.clock(self.around.now))Z"
        self.say("\(self.nodes[node].name) answers again; it did not from \(times)", .ok)
        self.start(.capabilities(of: self.nodes[node].entry, node))
        self.start(.undoable(of: self.nodes[node].entry, node))
        if node == self.stack.node { self.reload() }
    }

    private func restarted(_ node: Int) {
        self.undos.forgetSelections(of: node)
        // It may have begun with another journal, too.
        for pane in self.stack.all where pane.node == node || pane.showsOtherNodes { pane.forget() }
        guard node == self.stack.node else { return }
        if self.overlay is Dialog { self.overlay = nil }
        if self.stack.closeSessions() {
            self.say("\(self.nodes[node].name) started anew: its sessions of before are no longer known", .warning)
        }
        self.showAnew()
    }

    // MARK: Deeds

    /// Does it beside the keys; what it gives, or its failure, becomes the outcome line.
    func start(_ deed: Deed, failed: @escaping (any Error) -> Void = { _ in }) {
        self.errands.beginDeed()
        Task { await self.finish(deed, failed) }
    }

    private func finish(_ deed: Deed, _ failed: (any Error) -> Void) async {
        do {
            let receipts = try await deed.work(self.nodes[deed.node].entry.feed)
            let now = self.now
            // The line of something that can be taken back stays for as long as that.
            let until = self.undos.did(deed, receipts, now) ?? now.adding(milliseconds: Outcome.lifetime)
            deed.done(receipts)
            if let end = deed.purgesUntil { self.undos.forgetDrops(of: deed.node, until: end) }
            self.outcome = Outcome(deed.outcome(receipts), until: until)
        } catch {
            failed(error)
            self.say((error as? FeedError)?.description ?? "\(error)", .failure)
        }
        self.deedEnded()
    }

    private func deedEnded() {
        self.errands.endDeed()
        while self.errands.deeds == 0, let next = self.undos.nextTurn() { self.turn(next) }
        self.rest()
    }

    /// - Parameter direction: `.undo` or `.redo`.
    func turn(_ direction: Deed.Direction) {
        switch self.undos.turn(direction, isBusy: self.errands.deeds > 0, self.now) {
        case .entry(let entry):
            self.start(entry.deed(direction)) { error in
                // What is gone would stand in the way of what was done before it.
                if (error as? FeedError)?.code != .gone { self.undos.putBack(entry, direction) }
            }
        case .later: break
        case .nothing where direction == .redo: self.say("nothing to redo", .plain)
        case .nothing:
            let canUndo = self.nodes[self.stack.node].capabilities?.abilities.contains(.undo) != false
            self.say(canUndo ? "nothing to undo" : "this feed cannot undo", .plain)
        }
    }

    // MARK: Playing a recording

    func start(_ order: PlaybackOrder) {
        guard let playback = self.options.playback else { return }
        self.errands.beginDeed()
        Task { await self.finish(order, of: playback) }
    }

    private func finish(_ order: PlaybackOrder, of playback: any Playback) async {
        do {
            self.outcome = nil
            if let words = try await playback.perform(order) { self.say(words, .plain) }
            if order.movesAway {
                self.errands.reads.abandon()
                for pane in self.stack.all { pane.forget() }
            }
        } catch {
            self.say((error as? FeedError)?.description ?? "\(error)", .failure)
        }
        self.deedEnded()
    }

    /// What a key was for is done, so rows may move.
    private func rest() {
        self.pace.rest()
        // A deed may have opened what stands beside rows.
        self.fit()
        self.reload()
        self.changed()
    }
}
