import Monitor

/// Commands that mean the same whatever is shown. Like a pane it gives back what has to happen.
struct Everywhere {
    let stack: PaneStack
    let themes: ThemeInUse
    let around: Surroundings

    private var pane: any Pane { self.stack.top }

    func perform(_ call: Call) -> [Effect] {
        if let view = View.all.first(where: { $0.command == call.command }) { return [.show(view: view, [])] }
        if Command.ofReplay.contains(call.command) { return self.play(call) }
        if call.command == .reroute, call.argument == nil { return [.ask(self.palette("reroute to "))] }
        if Command.editing.contains(call.command) {
            let edit = EditCommand(
                node: self.pane.node, now: self.around.now, destination: self.pane.destination(self.around),
                chosen: self.pane.chosen(self.around), palette: { self.palette($0) })
            return edit.perform(call)
        }
        if Command.standing.contains(call.command) {
            let standing = StandingCommand(
                node: self.pane.node, feed: self.around.nodes[self.pane.node].entry.feed, around: self.around,
                destination: self.pane.destination(self.around), chosen: self.pane.chosen(self.around))
            return standing.perform(call)
        }
        if let motion = Self.motions[call.command] {
            self.pane.move(motion, self.around)
            return []
        }
        switch call.command {
        case .left: return [.scroll(columns: -8)]
        case .right: return [.scroll(columns: 8)]
        case .next: return self.turn(1)
        case .previous: return self.turn(-1)
        case .search: return self.search(call.argument)
        case .searchNext: return self.searchAgain(isForward: true)
        case .searchPrevious: return self.searchAgain(isForward: false)
        case .route: return self.route(call.argument)
        case .fleet:
            let node = self.pane.node
            return [.open(FleetPane(node: node, feed: self.around.nodes[node].entry.feed))]
        case .undo: return [.turn(.undo)]
        case .redo: return [.turn(.redo)]
        case .freeze: return [.freeze]
        case .node: return self.show(nodeNamed: call.argument)
        case .nextNode: return self.showNextNode()
        case .theme: return [call.argument.map { .theme($0) } ?? .ask(self.themes.menu)]
        case .lock: return self.around.node.isOnlyShown ? [.say(Lock.onlyShows, .plain)] : [.lock]
        case .redraw: return [.repaint]
        case .purge, .shutdown:
            return NodeCommand(node: self.pane.node, around: self.around).perform(call)
        case .saveScreen: return [.saveScreen(path: call.argument)]
        case .record: return [.record(path: call.argument)]
        case .stop: return [.suspend]
        case .palette: return [.ask(self.palette())]
        case .help: return [.ask(Help(self.pane.name, self.around.commands(of: self.pane)))]
        // Back one step; with nothing on top, out.
        case .quit: return self.pane.perform(Call(command: .back), self.around) ?? [.leave]
        case .quitAll: return [.leave]
        default: return []
        }
    }

    private static let motions: [Command: Motion] = [
        .down: .by(1), .up: .by(-1), .pageDown: .page(1), .pageUp: .page(-1), .halfDown: .half(1), .halfUp: .half(-1),
        .top: .first, .bottom: .last,
    ]

    // MARK: The palette

    private func palette(_ text: String = "") -> Prompt {
        let everywhere = self.arguments
        return self.around.palette(self.pane) { everywhere[$0] }.prompt(text)
    }

    /// Words that may follow commands of everywhere.
    private var arguments: [Command: [String]] {
        let overview = self.around.node.overview
        let destinations = overview?.destinations.map(\.destination).filter { $0 != noRoute } ?? []
        let suspended = overview?.attention.filter(\.isSuspension).compactMap(\.destination) ?? []
        return [
            .theme: self.themes.library.names, .node: self.around.nodes.map(\.entry.name), .suspend: destinations,
            .resume: suspended, .limit: destinations, .reroute: destinations,
            .rule: ["hold to ", "hold from ", "refuse 550 from ", "refuse 550 client "],
        ]
    }

    private func route(_ address: String?) -> [Effect] {
        guard let address else { return [.ask(self.palette("route "))] }
        let feed = self.around.nodes[self.pane.node].entry.feed
        return [.open(RoutePane(address, node: self.pane.node, feed: feed))]
    }

    // MARK: Search

    private func search(_ word: String?) -> [Effect] {
        func effect(_ word: String) -> Effect { .search(Search(word: word, isForward: true, skipsCursor: false)) }
        if let word { return [effect(word)] }
        let prompt = Prompt(
            sign: "/", hints: Run.hint("Enter", "jump") + Run.hint("Esc", "cancel"),
            accepted: { $0.isEmpty ? [] : [effect($0)] })
        return [.ask(prompt)]
    }

    private func searchAgain(isForward: Bool) -> [Effect] {
        let word = self.around.searchWord
        guard !word.isEmpty else {
            return [.say("nothing was searched for: \(self.around.label(of: .search)) searches", .plain)]
        }
        return [.search(Search(word: word, isForward: isForward, skipsCursor: true))]
    }

    // MARK: Views and nodes

    private func turn(_ step: Int) -> [Effect] {
        guard !self.pane.turn(step), self.stack.below == nil else { return [] }
        let views = self.around.node.views
        let place = views.firstIndex { $0.command == View.all[self.stack.view].command } ?? 0
        return [.show(view: views[(place + step + views.count) % views.count], [])]
    }

    private func show(nodeNamed name: String?) -> [Effect] {
        let nodes = self.around.nodes
        guard let name, !name.isEmpty else { return [.say("nodes: \(nodes.names)", .plain)] }
        guard let index = nodes.index(named: name) else {
            return [.say("no node \(SafeText(name)); there are \(nodes.names)", .warning)]
        }
        return [.showNode(index, [])]
    }

    private func showNextNode() -> [Effect] {
        let count = self.around.nodes.count
        guard count > 1 else { return [.say("there is no other node to show", .plain)] }
        return [.showNode((self.around.current + 1) % count, [])]
    }

    // MARK: A recording

    private func play(_ call: Call) -> [Effect] {
        guard let position = self.around.playback else { return [] }
        do throws(CommandProblem) {
            return [.play(try position.order(call))]
        } catch {
            return [.say(error.text, .warning)]
        }
    }
}
