import Mail
import Monitor

/// What the map shows, before it is known where: relays and those around them as boxes, and links on which mail goes from one to
/// another. Made of what each node tells of itself.
struct MapGraph {
    enum Kind: Hashable {
        case client
        /// A node that is attached, by its place on the screen.
        case node(Int)
        case nextHop
        /// Many, in one box.
        case others

        /// Where there is nothing else to go by, the first stand above the others.
        fileprivate var rank: Int {
            switch self {
            case .node(let index): index
            case .client: 1000
            case .nextHop: 1001
            case .others: 1002
            }
        }
    }

    struct Box {
        /// The same as long as it is the same.
        let id: String
        let kind: Kind
        var name: String
        /// What is said below the name.
        var words: String
        /// The same where there is little room: its first word.
        var shortWords: String { String(self.words.prefix { $0 != " " }) }
        var role: Role
        /// Stands before the words, where there is something amiss.
        var glyph: Glyph?

        var isNode: Bool { if case .node = self.kind { true } else { false } }
    }

    private(set) var boxes: [Box] = []
    private(set) var links: [Link] = []

    /// - Parameters:
    ///   - clients: so many get a box of their own.
    ///   - nextHops: as many of these, beside nodes that are attached.
    init(_ nodes: [MapNode], clients: Int = Neighbours.most, nextHops: Int = Neighbours.most, at now: Timestamp) {
        let places = MapPlaces(nodes)
        for node in nodes {
            self.boxes.append(Box(node, short: places.short(node.name), now))
        }
        self.addLinks(to: nodes, places, clients, now)
        self.addLinks(from: nodes, places, nextHops, now)
    }

    private func box(_ id: String) -> Int? { self.boxes.firstIndex { $0.id == id } }
    private func box(ofNode node: Int) -> Int? { self.box(Box.id(ofNode: node)) }

    /// - Returns: its place; it is made where there is none.
    private mutating func add(_ box: Box) -> Int {
        if let known = self.box(box.id) { return known }
        self.boxes.append(box)
        return self.boxes.count - 1
    }

    private mutating func add(_ link: Link) {
        guard let known = self.links.firstIndex(where: { $0.source == link.source && $0.target == link.target }) else {
            return self.links.append(link)
        }
        self.links[known].join(link)
    }

    // MARK: Clients

    private mutating func addLinks(to nodes: [MapNode], _ places: MapPlaces, _ most: Int, _ now: Timestamp) {
        var all: [(node: MapNode, client: Neighbours.Client)] = []
        for node in nodes {
            // What an attached node hands over, it tells itself.
            for client in node.overview?.neighbours?.clients ?? [] where places.node(named: client.name) == nil {
                all.append((node, client))
            }
        }
        let traffic = Dictionary(grouping: all) { $0.client.name }
            .mapValues { $0.reduce(0) { $0 + $1.client.traffic.lastMinute } }
        let ranked = traffic.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let single = Set(ranked.count > most ? Array(ranked.prefix(max(most - 1, 0))) : ranked)
        for (node, client) in all {
            guard let target = self.box(ofNode: node.index) else { continue }
            let box =
                single.contains(client.name) ? Box(client: client.name) : Box(otherClients: ranked.count - single.count)
            self.add(Link(self.add(box), target, node, client.traffic, now, names: [client.name]))
        }
        for node in nodes {
            guard let neighbours = node.overview?.neighbours, let others = neighbours.moreClients,
                let target = self.box(ofNode: node.index)
            else { continue }
            let count = ranked.count - single.count + others.count
            let source = self.add(Box(otherClients: count))
            self.boxes[source].name = Box(otherClients: count).name
            var link = Link(source, target, node, LinkTraffic(others), now, names: [])
            link.toldNames = neighbours.clients.map(\.name)
            self.add(link)
        }
    }

    // MARK: Next hops

    private mutating func addLinks(from nodes: [MapNode], _ places: MapPlaces, _ most: Int, _ now: Timestamp) {
        var outside: [(node: MapNode, hop: Neighbours.Hop)] = []
        var idle: [(node: MapNode, hop: Neighbours.Hop)] = []
        for node in nodes {
            for hop in node.overview?.neighbours?.nextHops ?? [] {
                guard let source = self.box(ofNode: node.index) else { continue }
                let isUsed = hop.waiting > 0 || hop.sessions > 0 || hop.traffic.messages > 0 || hop.condition != .ok
                switch places.node(of: hop) {
                case node.index?: continue
                case let other? where isUsed:
                    guard let target = self.box(ofNode: other) else { continue }
                    self.add(Link(source, target, node, hop, now))
                case _?: continue
                case nil where isUsed: outside.append((node, hop))
                case nil: idle.append((node, hop))
                }
            }
        }
        // Where a node might send its mail is of interest where it sends none.
        outside += idle.filter { entry in
            let box = self.box(ofNode: entry.node.index)
            return !outside.contains { $0.node.index == entry.node.index } && !self.links.contains { $0.source == box }
        }
        self.addOutside(outside, of: nodes, places, most, now)
    }

    private mutating func addOutside(
        _ hops: [(node: MapNode, hop: Neighbours.Hop)], of nodes: [MapNode], _ places: MapPlaces, _ most: Int,
        _ now: Timestamp
    ) {
        // A domain whose exchanger has a name here too is where that is.
        let known = Set(hops.map(\.hop.destination))
        let groups = Dictionary(grouping: hops) { entry in
            entry.hop.host.flatMap { known.contains($0) ? $0 : nil } ?? entry.hop.destination
        }
        let ranked = groups.mapValues { $0.reduce(0) { $0 + $1.hop.traffic.lastMinute + $1.hop.waiting } }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let single = Set(ranked.count > most ? Array(ranked.prefix(max(most - 1, 0))) : ranked)
        let names = places.withoutPorts(ranked)
        let rest = ranked.count - single.count
        for name in ranked {
            for (node, hop) in groups[name] ?? [] {
                guard let source = self.box(ofNode: node.index) else { continue }
                let box = single.contains(name) ? Box(nextHop: name, called: names[name] ?? name) : Box(otherHops: rest)
                var link = Link(source, self.add(box), node, hop, now)
                link.isOfOthers = !single.contains(name)
                self.add(link)
            }
        }
        for node in nodes {
            guard let neighbours = node.overview?.neighbours, let others = neighbours.moreNextHops,
                let source = self.box(ofNode: node.index)
            else { continue }
            let target = self.add(Box(otherHops: rest + others.count))
            self.boxes[target].name = Box(otherHops: rest + others.count).name
            var link = Link(source, target, node, LinkTraffic(others), now, names: [])
            link.waiting = others.waiting
            link.isOfOthers = true
            link.toldNames = neighbours.nextHops.map(\.destination)
            self.add(link)
        }
        for index in self.boxes.indices where self.boxes[index].kind == .nextHop { self.describe(index, now) }
        self.sort()
    }

    /// The same boxes and links stand in the same order, whichever of them is the busiest now.
    private mutating func sort() {
        let order = self.boxes.indices.sorted { left, right in
            (self.boxes[left].kind.rank, self.boxes[left].id) < (self.boxes[right].kind.rank, self.boxes[right].id)
        }
        var places = order
        for (place, box) in order.enumerated() { places[box] = place }
        self.boxes = order.map { self.boxes[$0] }
        self.links = self.links.map { $0.between(places[$0.source], places[$0.target]) }
            .sorted { ($0.source, $0.target) < ($1.source, $1.target) }
    }

    /// A next hop does as the worst of the links to it.
    private mutating func describe(_ index: Int, _ now: Timestamp) {
        let links = self.links.filter { $0.target == index && !$0.isPast }
        guard let worst = links.max(by: { $0.condition.rank < $1.condition.rank }) else { return }
        self.boxes[index].words = worst.stateWords(now)
        if worst.condition != .ok {
            self.boxes[index].glyph = worst.condition == .backoff ? .failed : worst.condition.glyph
            self.boxes[index].role = worst.role
        } else if links.contains(where: { $0.traffic.lastMinute > 0 }) {
            self.boxes[index].role = .title
        }
    }
}

extension MapGraph.Box {
    static func id(ofNode node: Int) -> String { "node \(node)" }

    fileprivate init(_ node: MapNode, short: String, _ now: Timestamp) {
        let queued = node.overview.map { "\(Format.count($0.queuedMessages)) queued" } ?? ""
        self.init(id: Self.id(ofNode: node.index), kind: .node(node.index), name: short, words: queued, role: .title)
        if let since = node.blindSince {
            self.words = "down \(Format.age(milliseconds: now.since(since)))"
            (self.role, self.glyph) = (.failed, .failed)
        } else if node.overview?.isAccepting == false {
            self.words = "refusing"
            (self.role, self.glyph) = (.failed, .warn)
        }
    }
    fileprivate init(client name: String) {
        self.init(id: "client \(name)", kind: .client, name: name, words: "", role: .base)
    }
    fileprivate init(nextHop name: String, called short: String) {
        self.init(id: "hop \(name)", kind: .nextHop, name: short, words: "", role: .base)
    }
    fileprivate init(otherClients count: Int) {
        let name = count == 0 ? "other clients" : "other \(Format.plural(count, "client"))"
        self.init(id: "other clients", kind: .others, name: name, words: "", role: .muted)
    }
    fileprivate init(otherHops count: Int) {
        let name = count == 0 ? "other hops" : "other \(Format.plural(count, "hop"))"
        self.init(id: "other hops", kind: .others, name: name, words: "", role: .muted)
    }
}
