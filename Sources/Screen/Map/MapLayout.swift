import Monitor

/// Where the boxes and links of a map are drawn: cells of a canvas, from its upper left corner on.
struct MapLayout {
    /// The way between two boxes.
    struct Path {
        /// Links of the graph: from left to right, and back.
        var forward: Int?
        var backward: Int?
        /// From the left box to the right one, each beside the one before.
        var cells: [Point]
        /// Where something can be said of it.
        var label: Rect
        var labelStyle: LabelStyle

        /// The link of which something is said there; `nil`: none, or the path itself lies there.
        func link(toldAt point: Point) -> Int? {
            guard (self.label.x..<self.label.maxX).contains(point.x) else { return nil }
            switch (self.labelStyle, point.y - self.label.y) {
            case (.above, -1), (.stacked, -1), (.stacked, 1), (.stacked, 2): return self.forward ?? self.backward
            case (.above, 1): return self.backward ?? self.forward
            default: return nil
            }
        }
    }
    enum LabelStyle {
        /// In one line above the path; below it what is said of the other direction.
        case above
        /// One word above the path, two below it.
        case stacked
        /// In the path, which has a row for itself.
        case inside
    }

    /// One for each box of the graph.
    private(set) var boxes: [Rect]
    private(set) var paths: [Path] = []

    /// The row of a box on which mail leaves it.
    static let doorRow = 1
    private static let boxHeight = 4

    /// How generously room is given, from most to least.
    private struct Measure {
        var padding: Int
        /// Columns of the longest name.
        var name: Int
        /// Columns between layers.
        var gap: Int
        /// Boxes have a short word below the name.
        var isTight = false
    }
    private static let measures = [
        Measure(padding: 1, name: 24, gap: 26), Measure(padding: 1, name: 20, gap: 14),
        Measure(padding: 1, name: 20, gap: 14, isTight: true), Measure(padding: 1, name: 18, gap: 9, isTight: true),
        Measure(padding: 0, name: 14, gap: 8, isTight: true), Measure(padding: 0, name: 10, gap: 6, isTight: true),
    ]
    /// A count goes up without its box getting wider.
    private static let leastColumns = 3
    private static let widestGap = 40
    /// A gap of so many columns has its labels in one line.
    private static let wideGap = 24

    /// - Returns: `nil` where there is not room for it.
    init?(_ plan: MapPlan, _ graph: MapGraph, columns: Int, rows: Int) {
        self.boxes = Array(repeating: Rect(x: 0, y: 0, width: 0, height: 0), count: graph.boxes.count)
        guard let across = Self.across(plan, graph, columns) else { return nil }
        var down = Down(plan, graph, isWide: across.gap >= Self.wideGap, spacing: 1)
        if down.height > rows { down = Down(plan, graph, isWide: across.gap >= Self.wideGap, spacing: 0) }
        guard down.height <= rows else { return nil }
        for (layer, items) in plan.layers.enumerated() {
            for case .box(let box) in items {
                let row = down.rows[.box(box)] ?? 0
                self.boxes[box] = Rect(
                    x: across.left[layer], y: row, width: across.widths[layer], height: down.heights[.box(box)] ?? 0)
            }
        }
        let layerOfBox = Dictionary(
            uniqueKeysWithValues: plan.layers.enumerated().flatMap { layer, items in
                items.compactMap { item in if case .box(let box) = item { (box, layer) } else { nil } }
            })
        for (index, edge) in plan.edges.enumerated() {
            guard let first = layerOfBox[edge.left], let last = layerOfBox[edge.right] else { continue }
            let forward = graph.links.firstIndex { $0.source == edge.left && $0.target == edge.right }
            let backward = graph.links.firstIndex { $0.source == edge.right && $0.target == edge.left }
            self.paths.append(
                Self.path(index, edge, first..<last, across, down, (forward, backward)))
        }
    }

    // MARK: Columns

    private struct Across {
        var left: [Int] = []
        var widths: [Int] = []
        var gap = 0
    }

    private static func across(_ plan: MapPlan, _ graph: MapGraph, _ columns: Int) -> Across? {
        for measure in self.measures {
            let widths = plan.layers.map { items in
                items.map { item in
                    guard case .box(let box) = item else { return 0 }
                    return 2 + 2 * measure.padding
                        + max(Self.leastColumns, min(graph.boxes[box].columns(isTight: measure.isTight), measure.name))
                }.max() ?? 0
            }
            let gaps = max(plan.layers.count - 1, 0)
            let rest = columns - widths.reduce(0, +)
            let gap = gaps == 0 ? 0 : min(rest / gaps, self.widestGap)
            guard rest >= 0, gaps == 0 || gap >= measure.gap else { continue }
            var across = Across(widths: widths, gap: gap)
            var x = (rest - gaps * gap) / 2
            for width in widths {
                across.left.append(x)
                x += width + gap
            }
            return across
        }
        return nil
    }

    // MARK: Rows

    /// The rows of boxes, and those on which paths come in.
    private struct Down {
        private(set) var rows: [MapPlan.Item: Int] = [:]
        private(set) var heights: [MapPlan.Item: Int] = [:]
        /// Rows on which an edge enters a box, below the box's first.
        private(set) var entries: [Int: Int] = [:]
        /// The how manieth an item is in its layer.
        private(set) var places: [MapPlan.Item: Int] = [:]
        private(set) var height = 0
        let isWide: Bool

        init(_ plan: MapPlan, _ graph: MapGraph, isWide: Bool, spacing: Int) {
            self.isWide = isWide
            var exits: [MapPlan.Item: Int] = [:]
            for (layer, items) in plan.layers.enumerated() {
                var next = 0
                for (place, item) in items.enumerated() {
                    self.places[item] = place
                    // What comes first decides on which row it stands, so that the busiest way is a straight one.
                    var wanted = next
                    switch item {
                    case .box(let box):
                        let incoming = self.incoming(box, plan, layer).sorted {
                            (exits[$0.from] ?? 0) < (exits[$1.from] ?? 0)
                        }
                        self.place(incoming, in: box)
                        if let first = incoming.first, let entry = self.entries[first.edge] {
                            wanted = (exits[first.from] ?? 0) - entry
                        }
                    case .bend(let edge):
                        self.heights[item] = 1
                        wanted = exits[Self.origin(edge, plan, layer)] ?? 0
                    }
                    let row = max(next, wanted)
                    self.rows[item] = row
                    next = row + (self.heights[item] ?? 0) + spacing
                    if case .box = item { exits[item] = row + MapLayout.doorRow } else { exits[item] = row }
                    self.height = max(self.height, row + (self.heights[item] ?? 0))
                }
            }
        }

        /// Where an edge comes from in the layer before.
        static func origin(_ edge: Int, _ plan: MapPlan, _ layer: Int) -> MapPlan.Item {
            let isBent = layer > 0 && plan.layers[layer - 1].contains(.bend(edge: edge))
            return isBent ? .bend(edge: edge) : .box(plan.edges[edge].left)
        }

        private func incoming(_ box: Int, _ plan: MapPlan, _ layer: Int) -> [(edge: Int, from: MapPlan.Item)] {
            plan.edges.indices.filter { plan.edges[$0].right == box }.map { ($0, Self.origin($0, plan, layer)) }
        }

        /// Gives each edge its row, with room for what is said beside it.
        private mutating func place(_ incoming: [(edge: Int, from: MapPlan.Item)], in box: Int) {
            var row = 0
            var last = 1
            for (edge, from) in incoming {
                if case .bend = from {
                    last = max(row, MapLayout.doorRow)
                    row = last + 1
                } else {
                    last = row + 1
                    row = last + (self.isWide ? 2 : 3)
                }
                self.entries[edge] = last
            }
            self.heights[.box(box)] = max(MapLayout.boxHeight, last + 2)
        }
    }

    // MARK: Paths

    private static func path(
        _ index: Int, _ edge: MapPlan.Edge, _ layers: Range<Int>, _ across: Across, _ down: Down,
        _ links: (forward: Int?, backward: Int?)
    ) -> Path {
        var cells: [Point] = []
        var row = (down.rows[.box(edge.left)] ?? 0) + Self.doorRow
        var label = Rect(x: 0, y: 0, width: 0, height: 1)
        for layer in layers {
            let isLast = layer == layers.upperBound - 1
            let start = across.left[layer] + across.widths[layer]
            let end = across.left[layer + 1]
            let target =
                isLast
                ? (down.rows[.box(edge.right)] ?? 0) + (down.entries[index] ?? Self.doorRow)
                : down.rows[.bend(edge: index)] ?? row
            // It turns soon after the box, so that the rest of the row is its own; those of several boxes each in their column.
            let turn =
                start + 1
                + (across.gap >= 9
                    ? (down.places[layers.lowerBound == layer ? .box(edge.left) : .bend(edge: index)] ?? 0) % 3 : 0)
            cells += (start...turn).map { Point(x: $0, y: row) }
            if target != row {
                let step = target > row ? 1 : -1
                cells += stride(from: row + step, through: target, by: step).map { Point(x: turn, y: $0) }
            }
            let stop = isLast ? end : end + across.widths[layer + 1]
            cells += stride(from: turn + 1, to: stop, by: 1).map { Point(x: $0, y: target) }
            // The longest straight part has most room.
            let x = target == row ? start : turn + 1
            if stop - x > label.width { label = Rect(x: x, y: target, width: stop - x, height: 1) }
            row = target
        }
        let style: LabelStyle = layers.count > 1 ? .inside : down.isWide ? .above : .stacked
        return Path(
            forward: links.forward, backward: links.backward, cells: cells, label: label, labelStyle: style)
    }
}

extension MapGraph.Box {
    /// Columns of the longer of its two lines.
    fileprivate func columns(isTight: Bool) -> Int {
        let words = isTight ? self.shortWords : self.words
        return max(SafeText(self.name).columns, SafeText(words).columns + (self.glyph == nil ? 0 : 2))
    }
}
