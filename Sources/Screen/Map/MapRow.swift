import Mail
public import Monitor

/// A link of the map as a row, where there is no room for a picture, or nobody to look at one.
public struct MapRow: Sendable {
    /// Its place among the graph's links.
    let link: Int
    let from: String
    let to: String
    fileprivate let words: MapWords
    fileprivate let role: Role

    static let columns: [Column<MapRow>] = [
        Column("LINK", .share(12, weight: 3)) { row, look in
            TableCell("\(row.from) \(look.glyphs.arrow) \(row.to)", row.role)
        },
        Column("RATE", .fixed(7), isRight: true) { row, _ in TableCell(row.words.cells.rate, .title) },
        Column("DELAY", .fixed(6), isRight: true, from: 50) { row, _ in TableCell(row.words.cells.delay, .muted) },
        Column("WAIT", .fixed(7), isRight: true) { row, _ in TableCell(row.words.cells.waiting) },
        Column("STATE", .share(12, weight: 1), from: 60) { row, _ in
            TableCell(row.words.cells.state)
        },
    ]
}

extension MapGraph {
    /// All links, those with most mail first.
    func rows(_ now: Timestamp) -> [MapRow] {
        let ranked = self.links.indices.sorted { left, right in
            let (first, second) = (self.links[left], self.links[right])
            return (second.traffic.lastMinute + second.waiting, left) < (
                first.traffic.lastMinute + first.waiting, right
            )
        }
        return ranked.map { index in
            let link = self.links[index]
            return MapRow(
                link: index, from: self.boxes[link.source].name, to: self.boxes[link.target].name,
                words: link.words(now), role: link.isPast || link.condition == .backoff ? .failed : .base)
        }
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
