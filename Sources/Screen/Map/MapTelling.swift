import Mail
import Monitor

/// What is told of a box or a link of the map, and what opens behind it.
struct MapTelling {
    let title: String
    let lines: [[Run]]
    /// What Enter does, in words.
    let door: String
    let opened: [Effect]

    init(_ item: MapPicture.Item, _ graph: MapGraph, _ around: Surroundings) {
        switch item {
        case .box(let box): self.init(box: box, graph, around)
        case .link(let link): self.init(link: graph.links[link], graph, around)
        }
    }

    // MARK: Links

    private init(link: MapGraph.Link, _ graph: MapGraph, _ around: Surroundings) {
        let source = graph.boxes[link.source]
        self.title = "\(source.name) \(around.glyphs.arrow) \(graph.boxes[link.target].name)"
        self.lines = [link.line(around.now), link.remark(around.now)].filter { !$0.isEmpty }
        if case .node = source.kind {
            self.door = around.sentence(.open, "shows its mail")
            self.opened = Self.show(.queue, link.filter(.dest), at: link.node, around)
        } else {
            self.door = around.sentence(.open, "shows its sessions")
            self.opened = Self.sessions(of: link, around)
        }
    }

    /// Those of its clients, of which most are over in a moment.
    private static func sessions(of link: MapGraph.Link, _ around: Surroundings) -> [Effect] {
        self.show(
            .connections, link.filter(.name), at: link.node, around,
            then: [Call(command: .ended, argument: Command.Ended.shown.rawValue)])
    }
    private static func show(
        _ view: View, _ filter: FilterExpression?, at node: Int, _ around: Surroundings, then calls: [Call] = []
    ) -> [Effect] {
        let filtered = filter.map { [Call(command: .filter, argument: $0.text)] } ?? []
        let shown = Effect.show(view: view, filtered + calls)
        return node == around.current ? [shown] : [.showNode(node, [shown])]
    }

    // MARK: Boxes

    private init(box: Int, _ graph: MapGraph, _ around: Surroundings) {
        let shown = graph.boxes[box]
        let links = graph.links.filter { $0.source == box || $0.target == box }
        self.title = shown.name
        switch shown.kind {
        case .node(let node):
            self.lines = around.nodes[node].lines(around)
            self.door = around.sentence(.open, "shows its overview")
            self.opened = Self.show(.overview, nil, at: node, around)
        case .client:
            self.lines = links.map {
                [Run("\(around.glyphs.arrow) \(graph.boxes[$0.target].name)  ", .muted)] + $0.line(around.now)
            }
            self.door = around.sentence(.open, "shows its sessions")
            self.opened = links.first.map { Self.sessions(of: $0, around) } ?? []
        case .nextHop:
            self.lines =
                links.map {
                    [Run("\(graph.boxes[$0.source].name) \(around.glyphs.arrow)  ", .muted)] + $0.line(around.now)
                }
                + links.map { $0.remark(around.now) }.filter { !$0.isEmpty }.prefix(1)
            self.door = around.sentence(.open, "shows it among the destinations")
            // Of several nodes that send there, all are shown where that can be.
            let nodes = Set(links.map(\.node))
            let all = around.nodes.firstIndex(where: \.isJoined)
            let node = nodes.count == 1 ? nodes.first : all ?? nodes.min()
            let names = Array(Set(links.flatMap(\.names))).sorted()
            let filter = FilterExpression(anyOf: names.map { FilterExpression(.dest, is: $0) })
            self.opened = node.map { Self.show(.destinations, filter, at: $0, around) } ?? []
        case .others:
            self.lines = links.map { $0.line(around.now) }
            if let link = links.first, link.source == box {
                self.door = around.sentence(.open, "shows the sessions")
                self.opened = Self.sessions(of: link, around)
            } else {
                self.door = around.sentence(.open, "shows the destinations")
                self.opened =
                    links.first.map { Self.show(.destinations, $0.filter(.dest), at: $0.node, around) } ?? []
            }
        }
    }
}

extension MapGraph.Link {
    /// `1.4/s, 14 KiB/s, half within 35ms, 3 waiting`
    fileprivate func line(_ now: Timestamp) -> [Run] {
        var parts: [Run] = []
        let rate = self.words(now).rate
        parts.append(rate.isEmpty ? Run("nothing in the last minute", .muted) : Run(rate, .title))
        if self.traffic.octets > 0 { parts.append(Run("\(Format.octetsLong(self.traffic.octets / 60))/s")) }
        if let median = self.traffic.median {
            parts.append(Run("half within \(Format.took(milliseconds: Int64(median)))"))
        }
        if self.waiting > 0 { parts.append(Run("\(Format.count(self.waiting)) waiting")) }
        if let sent = self.sent { parts.append(Run("sending, \(Int(sent * 100))% is there", .active)) }
        return Array(parts.map { [$0] }.joined(separator: [Run(", ", .muted)]))
    }

    /// What is amiss.
    fileprivate func remark(_ now: Timestamp) -> [Run] {
        guard let worst = self.ailments.first else { return [] }
        guard self.isOfOthers else { return worst.told(now) }
        return Array(
            // Mail without a route has no destination.
            self.ailments.map { ($0.destination == noRoute ? [] : [Run("\($0.destination) ", .muted)]) + $0.told(now) }
                .joined(separator: [Run(", ", .muted)]))
    }
}

extension MapGraph.Ailment {
    /// `backoff 44m: connection refused`
    fileprivate func told(_ now: Timestamp) -> [Run] {
        [Run(self.words(now), self.condition == .backoff ? .failed : self.condition.role)]
            + (self.reason.map { [Run(": ", .muted), Run(reply: $0)] } ?? [])
    }
}

extension Node {
    /// What its box is about.
    fileprivate func lines(_ around: Surroundings) -> [[Run]] {
        if let blindness = self.blindness {
            return [
                [Run("does not answer since \(Format.clock(blindness.since))Z", .failed)], [Run(blindness.words)],
            ]
        }
        guard let overview = self.overview else { return [[Run("not asked yet", .muted)]] }
        let listening = overview.listening.isEmpty ? "nowhere" : overview.listening.joined(separator: ", ")
        return [
            [
                Run(Words.counts(overview.recipients.unsettled, overview.queuedMessages), .title),
                Run(" queued, \(Format.plural(overview.sessionsIn, "session")) in, \(overview.sessionsOut) out", .base),
            ],
            [
                Run(
                    "listens on \(listening), up \(Format.age(milliseconds: overview.at.since(overview.started)))",
                    .muted)
            ],
        ]
    }
}
