import Mail
import Monitor

extension View {
    static let map = View(
        "map", digit: "6", title: "Map", summary: "relays and the mail between them, as a picture",
        make: { node, _ in MapPane(node: node) })
}

/// View 6: relays as boxes, the mail that goes from one to another as it goes; all nodes of the screen, whichever is shown.
final class MapPane: Pane {
    let node: Int
    /// What was painted last, and where.
    private var picture: MapPicture?
    /// Links one below the other, where there is no room for a picture, with the graph that their items are places of.
    private var list: (graph: MapGraph, rows: [MapRow])?
    private var plan: MapPlan?
    private var cursor: Cursor?
    /// Boxes of next hops, and of clients, that found room last.
    private var most = MapPane.counts[0]
    private static let counts = [12, 9, 7, 6, 5, 4, 3, 2, 1]

    /// What the cursor is on, however the map changes.
    private enum Cursor: Hashable {
        case box(String)
        case link(from: String, to: String)
    }

    init(node: Int) { self.node = node }

    var name: String { "map" }
    var title: String { "" }
    var areas: Set<FeedChange.Area> { [.queue, .connections, .facts] }
    var showsOtherNodes: Bool { true }
    var commands: [Command] { [.open, .mapLeft, .mapRight] }
    func note(_ around: Surroundings) -> String { around.liveness }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        around.nodes.indices.filter { !around.nodes[$0].isJoined }.map { Read.overview(of: around.nodes[$0].entry, $0) }
    }

    func reads(_ around: Surroundings, changed node: Int) -> [Read] {
        around.nodes[node].isJoined ? [] : [.overview(of: around.nodes[node].entry, node)]
    }

    /// Rates go down while nothing happens.
    func ticked(_ around: Surroundings) -> [Effect] {
        let nodes = around.mapNodes.filter { node in
            guard node.blindSince == nil, let neighbours = node.overview?.neighbours else { return false }
            return (neighbours.clients.map(\.traffic) + neighbours.nextHops.map(\.traffic)).contains {
                $0.lastMinute > 0
            }
        }
        return nodes.map { .read(.overview(of: around.nodes[$0.index].entry, $0.index)) }
    }

    func isMoving(_ around: Surroundings) -> Bool { self.picture?.isMoving(at: around.now) ?? false }

    // MARK: The picture

    /// The largest picture for which there is room; `nil`: there is for none.
    private func made(_ area: Rect, _ around: Surroundings) -> MapPicture? {
        let nodes = around.mapNodes
        // What was too much a moment ago mostly still is.
        let first = max((Self.counts.firstIndex(of: self.most) ?? 0) - 1, 0)
        for most in Self.counts[first...] {
            let graph = MapGraph(nodes, clients: most, nextHops: most, at: around.now)
            let plan = self.plan.flatMap { $0.shape == MapPlan.Shape(graph) ? $0 : nil } ?? MapPlan(graph)
            guard let layout = MapLayout(plan, graph, columns: area.width, rows: area.height) else { continue }
            self.plan = plan
            self.most = most
            return MapPicture(graph: graph, layout: layout, now: around.now)
        }
        return nil
    }

    /// What was painted last, whatever was learned since: a key or a click is about what is on the screen.
    private func graph(_ around: Surroundings) -> MapGraph {
        self.picture?.graph ?? self.list?.graph ?? MapGraph(around.mapNodes, at: around.now)
    }

    /// Rows that tell of what the cursor is on.
    private func footRows(_ area: Rect) -> Int { area.height >= 17 ? 4 : 0 }
    /// Where the picture is.
    private func room(_ area: Rect) -> Rect {
        Rect(x: area.x + 1, y: area.y, width: area.width - 2, height: area.height - self.footRows(area))
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let (foot, room) = (self.footRows(area), self.room(area))
        self.picture = painter.isPlain ? nil : self.made(room, around)
        if let picture {
            self.list = nil
            picture.paint(&painter, room, cursor: self.item(in: picture.graph) ?? self.choose(picture))
            if foot > 0 {
                self.paintFoot(
                    picture.graph, &painter, Rect(x: 0, y: room.maxY, width: area.width, height: foot), around)
            }
        } else {
            self.paintRows(&painter, area, around)
        }
    }

    private func paintRows(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let graph = MapGraph(around.mapNodes, at: around.now)
        let rows = graph.rows(around.now)
        self.list = (graph, rows)
        let inner = area.inset(1, 0)
        guard !rows.isEmpty else { return painter.empty(["no mail has gone anywhere yet"], in: area) }
        let table = Table(MapRow.columns, width: inner.width)
        table.paintHeader(&painter, inner.row(0))
        let cursor = self.row(of: rows, in: graph)
        let look = RowLook(around)
        for (line, index) in self.shown(rows, area, cursor).enumerated() {
            let place = inner.row(1 + line)
            table.paint(rows[index], look, &painter, place)
            if index == cursor { painter.select(Rect(x: area.x, y: place.y, width: area.width, height: 1)) }
        }
    }

    /// The rows of the list for which there is room, below its header.
    private func shown(_ rows: [MapRow], _ area: Rect, _ cursor: Int) -> Range<Int> {
        let height = area.height - 1
        let top = max(0, min(cursor - height + 1, rows.count - height))
        return top..<min(rows.count, top + height)
    }

    /// What is known of what the cursor is on.
    private func paintFoot(_ graph: MapGraph, _ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let item = self.item(in: graph) else {
            painter.box(area, title: "")
            return
        }
        let told = MapTelling(item, graph, around)
        let inner = painter.box(area, title: [Run(told.title, .title)], right: told.door)
        for (index, line) in told.lines.prefix(inner.height).enumerated() {
            painter.runs(line, x: inner.x + 1, y: inner.y + index, columns: inner.width - 2)
        }
    }

    // MARK: The cursor

    private func cursor(_ item: MapPicture.Item, in graph: MapGraph) -> Cursor {
        switch item {
        case .box(let box): .box(graph.boxes[box].id)
        case .link(let link):
            .link(from: graph.boxes[graph.links[link].source].id, to: graph.boxes[graph.links[link].target].id)
        }
    }
    private func item(in graph: MapGraph) -> MapPicture.Item? {
        switch self.cursor {
        case nil: nil
        case .box(let id): graph.boxes.firstIndex { $0.id == id }.map(MapPicture.Item.box)
        case .link(let from, let to):
            graph.links.firstIndex { graph.boxes[$0.source].id == from && graph.boxes[$0.target].id == to }
                .map(MapPicture.Item.link)
        }
    }

    /// The first node, where nothing was chosen or what was is gone.
    private func choose(_ picture: MapPicture) -> MapPicture.Item? {
        let nodes = picture.graph.boxes.indices.filter { picture.graph.boxes[$0].isNode }
        guard let first = nodes.min(by: { picture.layout.boxes[$0].x < picture.layout.boxes[$1].x }) else { return nil }
        self.cursor = self.cursor(.box(first), in: picture.graph)
        return .box(first)
    }

    /// The row that the cursor is on, in a list of links alone.
    private func row(of rows: [MapRow], in graph: MapGraph) -> Int {
        let item = self.item(in: graph)
        return rows.firstIndex { $0.item == item } ?? 0
    }

    func turn(_ step: Int) -> Bool {
        if let picture {
            let items = picture.items
            guard !items.isEmpty else { return true }
            let place = self.item(in: picture.graph).flatMap { items.firstIndex(of: $0) } ?? 0
            self.cursor = self.cursor(items[(place + step + items.count) % items.count], in: picture.graph)
            return true
        }
        return false
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        if let picture {
            switch motion {
            case .by(let step): self.go(step > 0 ? .down : .up, picture)
            case .page(let step), .half(let step): self.go(step > 0 ? .down : .up, picture)
            case .first: self.cursor = picture.items.first.map { self.cursor($0, in: picture.graph) }
            case .last: self.cursor = picture.items.last.map { self.cursor($0, in: picture.graph) }
            }
            return
        }
        guard let (graph, rows) = self.list else { return }
        let row = motion.target(
            from: self.row(of: rows, in: graph), count: rows.count, height: max(1, around.body.height - 1))
        guard rows.indices.contains(row) else { return }
        self.cursor = self.cursor(rows[row].item, in: graph)
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        let body = around.body
        if let picture {
            let room = self.room(body)
            guard let item = picture.item(at: Point(x: place.x - room.x, y: place.y - room.y)) else { return false }
            self.cursor = self.cursor(item, in: picture.graph)
            return true
        }
        guard let (graph, rows) = self.list else { return false }
        let shown = self.shown(rows, body, self.row(of: rows, in: graph))
        let row = shown.lowerBound + place.y - body.y - 1
        guard shown.contains(row) else { return false }
        self.cursor = self.cursor(rows[row].item, in: graph)
        return true
    }

    private func go(_ direction: MapPicture.Direction, _ picture: MapPicture) {
        guard let item = self.item(in: picture.graph), let next = picture.neighbour(of: item, direction) else { return }
        self.cursor = self.cursor(next, in: picture.graph)
    }

    // MARK: Commands

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .left where self.picture != nil, .right where self.picture != nil:
            if let picture { self.go(call.command == .left ? .left : .right, picture) }
            return []
        case .open:
            let graph = self.graph(around)
            let item = self.item(in: graph) ?? self.list?.rows.first?.item
            return item.map { MapTelling($0, graph, around).opened } ?? []
        default: return nil
        }
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        let graph = self.graph(around)
        let names = graph.boxes.map(\.name)
        var place = 0
        if case .box(let box)? = self.item(in: graph) { place = box }
        guard let found = search.find(in: names, from: place) else { return [search.failed] }
        self.cursor = self.cursor(.box(found), in: graph)
        return []
    }
}

extension Command {
    static let mapLeft = Command("left", [.left], "to what lies left")
    static let mapRight = Command("right", [.right], "to what lies right")
}
