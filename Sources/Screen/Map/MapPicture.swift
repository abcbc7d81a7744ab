import Mail
import Monitor

/// A map as it looks at one moment.
struct MapPicture {
    /// Something that the cursor can be on.
    enum Item: Hashable {
        case box(Int)
        case link(Int)
    }

    let graph: MapGraph
    let layout: MapLayout
    let now: Timestamp

    /// Mail moves on it, so that it looks otherwise a moment later.
    func isMoving(at now: Timestamp) -> Bool {
        self.layout.paths.contains { path in
            [path.forward, path.backward].contains {
                $0.map { !self.marks(on: path, of: $0, at: now).isEmpty } ?? false
            }
        }
    }

    private func marks(on path: MapLayout.Path, of link: Int, at now: Timestamp) -> [Int: Int] {
        let link = self.graph.links[link]
        guard !link.isPast else { return [:] }
        return MapMotion.marks(link.traffic, elapsed: link.elapsed(at: now), cells: path.cells.count)
    }

    // MARK: Places

    /// What there is, from left to right and from top to bottom.
    var items: [Item] {
        let boxes = self.graph.boxes.indices.map(Item.box)
        let links = self.layout.paths.flatMap { [$0.forward, $0.backward].compactMap { $0 } }.map(Item.link)
        return (boxes + links).sorted { left, right in
            let (first, second) = (self.place(left), self.place(right))
            return (first.x, first.y) < (second.x, second.y)
        }
    }

    /// The middle of a box, or of what is said of a link.
    private func place(_ item: Item) -> Point {
        switch item {
        case .box(let box):
            let area = self.layout.boxes[box]
            return Point(x: area.x + area.width / 2, y: area.y + MapLayout.doorRow)
        case .link(let link):
            guard let path = self.layout.paths.first(where: { $0.forward == link || $0.backward == link }) else {
                return Point(x: 0, y: 0)
            }
            let isBack = path.backward == link && path.forward != nil
            return Point(x: path.label.x + path.label.width / 2, y: path.label.y + (isBack ? 1 : 0))
        }
    }

    /// What is drawn there; `nil`: nothing.
    func item(at point: Point) -> Item? {
        if let box = self.layout.boxes.firstIndex(where: { $0.contains(point) }) { return .box(box) }
        if let path = self.layout.paths.first(where: { $0.cells.contains(point) }) {
            return (path.forward ?? path.backward).map(Item.link)
        }
        return self.layout.paths.lazy.compactMap { $0.link(toldAt: point) }.first.map(Item.link)
    }

    enum Direction { case left, right, up, down }

    /// The nearest that lies that way; `nil`: nothing does.
    func neighbour(of item: Item, _ direction: Direction) -> Item? {
        let start = self.place(item)
        return self.items.compactMap { other -> (distance: Int, item: Item)? in
            guard other != item else { return nil }
            let place = self.place(other)
            // A row is about as high as two columns are wide; what lies aside is farther away than what lies ahead.
            let (across, down) = (place.x - start.x, 2 * (place.y - start.y))
            let (ahead, aside) =
                switch direction {
                case .left: (-across, down)
                case .right: (across, down)
                case .up: (-down, across)
                case .down: (down, across)
                }
            return ahead > 0 ? (ahead + 3 * abs(aside), other) : nil
        }.min { $0.distance < $1.distance }?.item
    }

    // MARK: Painting

    /// - Parameters:
    ///   - area: at least as large as what the layout was made for.
    ///   - cursor: what is selected.
    func paint(_ painter: inout Painter, _ area: Rect, cursor: Item?) {
        var strokes = MapStrokes()
        for path in self.layout.paths { strokes.add(path.cells, role: self.role(of: path), rank: self.rank(of: path)) }
        strokes.paint(&painter, area)
        if !painter.isPlain {
            for path in self.layout.paths { self.paintSent(path, &painter, area) }
            for path in self.layout.paths { self.paintMail(path, &painter, area) }
        }
        for path in self.layout.paths { self.paintLabels(path, &painter, area, cursor) }
        for (box, place) in zip(self.graph.boxes, self.layout.boxes) { self.paint(box, place, &painter, area) }
        for path in self.layout.paths { self.paintEnds(path, &painter, area) }
        if case .box(let box)? = cursor {
            let place = self.layout.boxes[box].moved(area)
            painter.canvas.ground(place.inset(1, 1), .selection)
            painter.select(Rect(x: place.x + 1, y: place.y + MapLayout.doorRow, width: place.width - 2, height: 1))
        }
    }

    private func links(_ path: MapLayout.Path) -> [MapGraph.Link] {
        [path.forward, path.backward].compactMap { $0.map { self.graph.links[$0] } }
    }
    private func role(of path: MapLayout.Path) -> Role {
        let links = self.links(path)
        return
            (links.max { $0.condition.rank < $1.condition.rank }.flatMap { $0.condition == .ok ? nil : $0 }
            ?? links.first { $0.role == .hopVerified } ?? links.first)?.role ?? .hopPending
    }
    /// Where paths cross, the one of the higher rank has the colour.
    private func rank(of path: MapLayout.Path) -> Int {
        let links = self.links(path)
        return (links.map(\.condition.rank).max() ?? 0) * 2 + (links.contains { $0.traffic.lastMinute > 0 } ? 1 : 0)
    }

    private func paint(_ box: MapGraph.Box, _ place: Rect, _ painter: inout Painter, _ area: Rect) {
        let place = place.moved(area)
        let inner = painter.box(place, title: "", isFocused: false)
        // Frames may have a colour that says something of the whole screen, as in the theme `prod`; here it is the relay's.
        painter.canvas.recolour(place, from: .border, to: box.role == .failed ? .failed : .graphGrid)
        let name = SafeText(address: box.name).fitted(inner.width, mark: painter.elision)
        painter.text(
            name, x: inner.x + (inner.width - name.columns) / 2, y: inner.y, columns: inner.width, role: box.role)
        let sign = box.glyph.map { painter.glyph($0) + " " } ?? ""
        // The sign goes before the word is cut.
        let words =
            [SafeText(sign + box.words), SafeText(box.words), SafeText(sign + box.shortWords)].first {
                $0.columns <= inner.width
            }
            ?? SafeText(box.shortWords).fitted(inner.width, mark: painter.elision)
        painter.text(
            words, x: inner.x + (inner.width - words.columns) / 2, y: inner.y + 1, columns: inner.width,
            role: box.glyph == nil ? .muted : box.role)
    }

    /// The links of a path, each with its cells from its source on.
    private func ways(_ path: MapLayout.Path) -> [(link: Int, cells: [Point])] {
        [path.forward.map { ($0, path.cells) }, path.backward.map { ($0, path.cells.reversed()) }].compactMap { $0 }
    }

    /// How much is there of a message that takes its time.
    private func paintSent(_ path: MapLayout.Path, _ painter: inout Painter, _ area: Rect) {
        for (link, cells) in self.ways(path) {
            guard let sent = self.graph.links[link].sent, !self.graph.links[link].isPast else { continue }
            let count = max(1, min(cells.count, Int(sent * Double(cells.count))))
            for (step, cell) in cells.prefix(count).enumerated() {
                let isUpright = step > 0 && cells[step - 1].x == cell.x
                let sign = isUpright ? painter.sign("║", "|") : painter.sign("═", "=")
                painter.text(sign, x: area.x + cell.x, y: area.y + cell.y, columns: 1, role: .active)
            }
        }
    }

    /// Messages on their way.
    private func paintMail(_ path: MapLayout.Path, _ painter: inout Painter, _ area: Rect) {
        func put(_ sign: String, _ cell: Point, _ role: Role) {
            painter.text(sign, x: area.x + cell.x, y: area.y + cell.y, columns: 1, role: role)
        }
        for (link, cells) in self.ways(path) {
            for step in self.marks(on: path, of: link, at: self.now).keys {
                put(painter.sign("●", "o"), cells[step], .active)
            }
        }
        guard self.links(path).contains(where: { $0.condition == .backoff }) else { return }
        let label = path.label
        put(painter.glyph(.failed), Point(x: label.x + label.width / 2, y: label.y), .failed)
    }

    /// Where a path meets its boxes: an arrow into the one that gets mail.
    private func paintEnds(_ path: MapLayout.Path, _ painter: inout Painter, _ area: Rect) {
        guard let first = path.cells.first, let last = path.cells.last else { return }
        let role = self.role(of: path)
        func put(_ sign: String, _ x: Int, _ y: Int, _ role: Role) {
            painter.text(sign, x: area.x + x, y: area.y + y, columns: 1, role: role)
        }
        if path.forward != nil { put(painter.sign("▶", ">"), last.x, last.y, role) }
        if path.forward == nil { put(painter.sign("◀", "<"), first.x, first.y, role) }
        guard !painter.isPlain else { return }
        put(painter.sign("├", "+"), first.x - 1, first.y, .graphGrid)
        put(painter.sign("┤", "+"), last.x + 1, last.y, .graphGrid)
    }

    // MARK: What is said of links

    private func paintLabels(_ path: MapLayout.Path, _ painter: inout Painter, _ area: Rect, _ cursor: Item?) {
        let label = path.label.moved(area)
        let shown = path.forward ?? path.backward
        guard let shown else { return }
        let words = self.graph.links[shown].words(self.now)
        var places: [Rect] = []
        switch path.labelStyle {
        case .above:
            places.append(self.paint(words.line(label.width), label, row: -1, &painter))
        case .stacked:
            for (row, run) in zip([-1, 1, 2], words.stacked(label.width)) where !run.text.isEmpty {
                places.append(self.paint([run], label, row: row, &painter))
            }
        case .inside:
            let runs = words.line(label.width - 8)
            guard runs.columns > 0 else { break }
            places.append(self.paint([Run(" ")] + runs + [Run(" ")], label, row: 0, &painter))
        }
        // Of mail that goes back, the rate is enough; Tab shows the rest below.
        if let back = path.backward, path.forward != nil, path.labelStyle == .above {
            let rate = self.graph.links[back].words(self.now).rate
            if !rate.isEmpty {
                let place = self.paint(
                    [Run(painter.sign("◀ ", "< "), .muted), Run(rate, .muted)], label, row: 1, &painter)
                if cursor == .link(back) { painter.select(place) }
            }
        }
        if cursor == .link(shown) { self.select(places, label, &painter) }
        if let back = path.backward, path.forward != nil, cursor == .link(back), path.labelStyle != .above {
            self.select(places, label, &painter)
        }
    }

    private func select(_ places: [Rect], _ label: Rect, _ painter: inout Painter) {
        for place in places.dropFirst() { painter.canvas.ground(place, .selection) }
        painter.select(places.first ?? label)
    }

    private func paint(_ runs: [Run], _ label: Rect, row: Int, _ painter: inout Painter) -> Rect {
        let columns = min(runs.columns, label.width)
        let place = Rect(x: label.x + (label.width - columns) / 2, y: label.y + row, width: columns, height: 1)
        painter.runs(runs, x: place.x, y: place.y, columns: columns)
        return place
    }
}

extension Rect {
    fileprivate func moved(_ area: Rect) -> Rect {
        Rect(x: self.x + area.x, y: self.y + area.y, width: self.width, height: self.height)
    }
}
