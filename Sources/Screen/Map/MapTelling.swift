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
        if link.names.isEmpty {
            // So many next hops in one box have no filter of their own.
            self.door = "Enter shows the destinations"
            self.opened = Self.show(.destinations, nil, at: link.node, around)
        } else if case .node = source.kind {
            self.door = "Enter shows its mail"
            self.opened = Self.queue(link.names, at: link.node, around)
        } else {
            self.door = "Enter shows its sessions"
            self.opened = Self.connections(link.names, at: link.node, around)
        }
    }

    /// Mail for these destinations.
    private static func queue(_ names: [String], at node: Int, _ around: Surroundings) -> [Effect] {
        let filter = FilterExpression(anyOf: names.map { FilterExpression(.dest, is: $0) })
        return self.show(.queue, filter, at: node, around)
    }
    private static func connections(_ names: [String], at node: Int, _ around: Surroundings) -> [Effect] {
        // A name with a quotation mark cannot be asked for.
        let filter = names.first.flatMap { $0.contains("\"") ? nil : FilterExpression(.name, is: $0) }
        return self.show(.connections, filter ?? .all, at: node, around)
    }
    private static func show(
        _ view: View, _ filter: FilterExpression?, at node: Int, _ around: Surroundings
    ) -> [Effect] {
        let shown = Effect.show(view: view, filter.map { Call(command: .filter, argument: $0.text) })
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
            self.door = "Enter shows its overview"
            self.opened = Self.show(.overview, nil, at: node, around)
        case .client:
            self.lines = links.map {
                [Run("\(around.glyphs.arrow) \(graph.boxes[$0.target].name)  ", .muted)] + $0.line(around.now)
            }
            self.door = "Enter shows its sessions"
            self.opened = links.first.map { Self.connections($0.names, at: $0.node, around) } ?? []
        case .nextHop:
            self.lines =
                links.map {
                    [Run("\(graph.boxes[$0.source].name) \(around.glyphs.arrow)  ", .muted)] + $0.line(around.now)
                }
                + links.map { $0.remark(around.now) }.filter { !$0.isEmpty }.prefix(1)
            self.door = "Enter shows it among the destinations"
            // Of several nodes that send there, all are shown where that can be.
            let nodes = Set(links.map(\.node))
            let all = around.nodes.firstIndex(where: \.isJoined)
            let node = nodes.count == 1 ? nodes.first : all ?? nodes.min()
            let names = Array(Set(links.flatMap(\.names))).sorted()
            let filter = FilterExpression(anyOf: names.map { FilterExpression(.dest, is: $0) })
            self.opened = node.map { Self.show(.destinations, filter, at: $0, around) } ?? []
        case .others:
            self.lines = links.map { $0.line(around.now) }
            let isClients = links.contains { $0.source == box }
            self.door = isClients ? "Enter shows the connections" : "Enter shows the destinations"
            self.opened =
                links.first.map { Self.show(isClients ? .connections : .destinations, .all, at: $0.node, around) } ?? []
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
        guard self.condition != .ok else { return [] }
        let reason = self.reason.map { [Run(": ", .muted), Run(reply: $0)] } ?? []
        return [Run(self.stateWords(now), self.role)] + reason
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
