/// Which boxes of a map stand left of which: layers, in which mail mostly goes from left to right, and the order of what is in
/// each of them. It says nothing of columns and rows, and stays as it is as long as the same boxes have the same links.
struct MapPlan {
    /// Two boxes between which mail goes, one way or both.
    struct Edge: Hashable {
        let left: Int
        let right: Int
    }
    enum Item: Hashable {
        case box(Int)
        /// An edge that passes a layer in which it has no end.
        case bend(edge: Int)
    }

    /// What the plan is made of; another one has another plan.
    struct Shape: Hashable {
        let boxes: [String]
        let links: [[Int]]
        init(_ graph: MapGraph) {
            self.boxes = graph.boxes.map(\.id)
            self.links = graph.links.map { [$0.source, $0.target] }
        }
    }

    let shape: Shape
    let edges: [Edge]
    /// From left to right, and in each from top to bottom.
    let layers: [[Item]]

    init(_ graph: MapGraph) {
        self.shape = Shape(graph)
        let places = Self.order(graph)
        let edges = Set(
            graph.links.map { link in
                places[link.source] < places[link.target]
                    ? Edge(left: link.source, right: link.target) : Edge(left: link.target, right: link.source)
            })
        self.edges = edges.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
        let weights = self.edges.map { edge in
            graph.links.reduce(0) { sum, link in
                Set([link.source, link.target]) == [edge.left, edge.right] ? sum + link.weight : sum
            }
        }
        let layerOfBox = Self.layers(self.edges, places)
        self.layers = Self.arranged(layerOfBox, self.edges, weights, graph)
    }

    // MARK: Left and right

    /// The place of each box in a row in which as little mail as can be goes backwards, found greedily (Eades, Lin and
    /// Smyth 1993): what only gives goes to the left, what only takes to the right, and of the rest first what gives more than
    /// it takes.
    private static func order(_ graph: MapGraph) -> [Int] {
        var left: [Int] = []
        var right: [Int] = []
        var rest = Array(graph.boxes.indices)
        func weight(_ box: Int, _ end: KeyPath<MapGraph.Link, Int>, _ other: KeyPath<MapGraph.Link, Int>) -> Int {
            graph.links.reduce(0) { sum, link in
                link[keyPath: end] == box && rest.contains(link[keyPath: other]) ? sum + max(link.weight, 1) : sum
            }
        }
        while !rest.isEmpty {
            let gives = rest.map { weight($0, \.source, \.target) }
            let takes = rest.map { weight($0, \.target, \.source) }
            let place: Int
            if let source = takes.firstIndex(of: 0) {
                place = source
                left.append(rest[place])
            } else if let sink = gives.firstIndex(of: 0) {
                place = sink
                right.insert(rest[place], at: 0)
            } else {
                place = rest.indices.max { gives[$0] - takes[$0] < gives[$1] - takes[$1] } ?? 0
                left.append(rest[place])
            }
            rest.remove(at: place)
        }
        var places = Array(repeating: 0, count: graph.boxes.count)
        for (place, box) in (left + right).enumerated() { places[box] = place }
        return places
    }

    /// As far to the right as the longest way to a box; but what only gives stands beside what it gives to.
    private static func layers(_ edges: [Edge], _ places: [Int]) -> [Int] {
        var layers = Array(repeating: 0, count: places.count)
        for box in places.indices.sorted(by: { places[$0] < places[$1] }) {
            layers[box] = edges.filter { $0.right == box }.map { layers[$0.left] + 1 }.max() ?? 0
        }
        for box in places.indices where !edges.contains(where: { $0.right == box }) {
            if let nearest = edges.filter({ $0.left == box }).map({ layers[$0.right] }).min() {
                layers[box] = nearest - 1
            }
        }
        let used = Set(layers).sorted()
        return layers.map { used.firstIndex(of: $0) ?? 0 }
    }

    // MARK: Above and below

    private static func arranged(
        _ layerOfBox: [Int], _ edges: [Edge], _ weights: [Int], _ graph: MapGraph
    ) -> [[Item]] {
        var layers: [[Item]] = Array(repeating: [], count: (layerOfBox.max() ?? -1) + 1)
        for box in graph.boxes.indices { layers[layerOfBox[box]].append(.box(box)) }
        for (index, edge) in edges.enumerated() {
            for layer in layerOfBox[edge.left] + 1..<max(layerOfBox[edge.left] + 1, layerOfBox[edge.right]) {
                layers[layer].append(.bend(edge: index))
            }
        }
        func weight(_ item: Item) -> Int {
            switch item {
            case .box(let box):
                edges.indices.reduce(0) { edges[$1].left == box || edges[$1].right == box ? $0 + weights[$1] : $0 }
            case .bend: 0
            }
        }
        for layer in layers.indices {
            layers[layer] = layers[layer].enumerated().sorted { left, right in
                (weight(right.element), left.offset) < (weight(left.element), right.offset)
            }.map(\.element)
        }
        // Each goes where those are, on the average, that it has edges with; the way there and back a few times.
        for pass in 0..<4 {
            let isDown = pass % 2 == 0
            for layer in isDown ? Array(layers.indices.dropFirst()) : layers.indices.dropLast().reversed() {
                let other = layers[isDown ? layer - 1 : layer + 1]
                layers[layer] = Self.sorted(layers[layer], by: other, edges, isDown: isDown)
            }
        }
        return layers
    }

    private static func sorted(_ items: [Item], by other: [Item], _ edges: [Edge], isDown: Bool) -> [Item] {
        let places = Dictionary(uniqueKeysWithValues: other.enumerated().map { ($0.element, Double($0.offset)) })
        func neighbours(_ item: Item) -> [Double] {
            switch item {
            case .box(let box):
                edges.indices.compactMap { index in
                    let edge = edges[index]
                    guard (isDown ? edge.right : edge.left) == box else { return nil }
                    return places[.bend(edge: index)] ?? places[.box(isDown ? edge.left : edge.right)]
                }
            case .bend(let index):
                [places[.bend(edge: index)] ?? places[.box(isDown ? edges[index].left : edges[index].right)]]
                    .compactMap { $0 }
            }
        }
        // The one without neighbours stays where it is.
        let keys = items.enumerated().map { place, item in
            let all = neighbours(item)
            return all.isEmpty ? Double(place) : all.reduce(0, +) / Double(all.count)
        }
        return items.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map { items[$0] }
    }
}
