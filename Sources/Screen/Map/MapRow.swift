import Mail
public import Monitor

/// A link of the map as a row, where there is no room for a picture, or nobody to look at one; or a node that something is
/// amiss with.
public struct MapRow: Sendable {
    let item: MapPicture.Item
    fileprivate let name: @Sendable (Glyphs) -> String
    fileprivate let words: MapWords?
    fileprivate let state: Run
    fileprivate let role: Role

    fileprivate init(_ link: Int, of graph: MapGraph, _ now: Timestamp) {
        let shown = graph.links[link]
        let (source, target) = (graph.boxes[shown.source], graph.boxes[shown.target])
        // Where there is one node alone its name would be in every row.
        let isNamed = graph.boxes.count(where: \.isNode) > 1
        let from = source.isNode && !isNamed ? "" : source.name + " "
        let to = target.isNode && !isNamed ? "" : " " + target.name
        let words = shown.words(now)
        self.item = .link(link)
        self.name = { "\(from)\($0.arrow)\(to)" }
        self.words = words
        self.state = words.cells.state
        self.role = shown.isPast || shown.condition == .backoff ? .failed : .base
    }
    fileprivate init(box: Int, _ shown: MapGraph.Box) {
        self.item = .box(box)
        self.name = { _ in shown.name }
        self.words = nil
        self.state = Run(shown.words, shown.role)
        self.role = shown.role
    }

    static let columns: [Column<MapRow>] = [
        Column("LINK", .share(12, weight: 3)) { row, look in TableCell(row.name(look.glyphs), row.role) },
        Column("RATE", .fixed(7), isRight: true) { row, _ in TableCell(row.words?.cells.rate ?? "", .title) },
        Column("DELAY", .fixed(6), isRight: true, from: 50) { row, _ in
            TableCell(row.words?.cells.delay ?? "", .muted)
        },
        Column("WAIT", .fixed(7), isRight: true) { row, look in
            let waiting = row.words?.cells.waiting ?? 0
            return TableCell(waiting == 0 ? "" : look.count(waiting, columns: 7))
        },
        Column("STATE", .share(12, weight: 1)) { row, _ in TableCell(row.state) },
    ]
}

extension MapGraph {
    /// Nodes that are down or take no mail, and then all links, those with most mail first.
    func rows(_ now: Timestamp) -> [MapRow] {
        let ailing = self.boxes.indices.filter { self.boxes[$0].glyph != nil && self.boxes[$0].isNode }
        let ranked = self.links.indices.sorted { left, right in
            let (first, second) = (self.links[left], self.links[right])
            return (second.traffic.lastMinute + second.waiting, left) < (
                first.traffic.lastMinute + first.waiting, right
            )
        }
        return ailing.map { MapRow(box: $0, self.boxes[$0]) } + ranked.map { MapRow($0, of: self, now) }
    }
}

extension Paper {
    public var map: TableLines<MapRow> { TableLines(MapRow.columns, on: self) }

    /// The links between nodes and those around them.
    ///
    /// - Parameter nodes: what each tells, as of now; `nil`: it does not answer.
    public func mapRows(of nodes: [(name: String, overview: Overview?)]) -> [MapRow] {
        let known = nodes.enumerated().map { index, node in
            MapNode(
                index: index, name: node.overview?.node ?? node.name, overview: node.overview, taken: self.now,
                blindSince: node.overview == nil ? self.now : nil)
        }
        return MapGraph(known, at: self.now).rows(self.now)
    }
}
