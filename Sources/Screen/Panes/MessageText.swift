import Monitor

/// A message's header and the first lines of its text, to be scrolled through.
struct MessageText {
    private var lines: [(text: String, isHeader: Bool)] = []
    private var top = 0

    mutating func fill(_ detail: MessageDetail) {
        func parts(_ text: String?, isHeader: Bool) -> [(String, Bool)] {
            var lines = (text ?? "").split(separator: "\n", omittingEmptySubsequences: false)
            if lines.last?.isEmpty == true { lines.removeLast() }
            return lines.map { (String($0), isHeader) }
        }
        let header = parts(detail.header, isHeader: true)
        let text = parts(detail.text, isHeader: false)
        self.lines = header + (header.isEmpty || text.isEmpty ? [] : [("", true)]) + text
    }

    /// The rows as they are shown: lines that are too long go on in the next one.
    private func rows(_ columns: Int) -> [(text: SafeText, isHeader: Bool)] {
        self.lines.flatMap { line in
            let safe = SafeText(line: line.isHeader ? DomainName.disclosing(line.text) : line.text)
            return (safe.isEmpty ? [safe] : safe.wrapped(max(2, columns))).map { ($0, line.isHeader) }
        }
    }
    private static func room(_ area: Rect) -> (columns: Int, rows: Int) { (area.width - 4, max(1, area.height - 2)) }

    mutating func move(_ motion: Motion, _ around: Surroundings) {
        let room = Self.room(around.body)
        let last = max(0, self.rows(room.columns).count - room.rows)
        self.top = max(0, min(motion.target(from: min(self.top, last), count: last + 1, height: room.rows), last))
    }

    /// - Returns: whether some line has the word.
    mutating func search(_ search: Search, _ around: Surroundings) -> Bool {
        let texts = self.rows(Self.room(around.body).columns).map(\.text.description)
        guard let found = search.find(in: texts, from: self.top) else { return false }
        self.top = found
        return true
    }

    func paint(_ id: String, _ painter: inout Painter, _ area: Rect) {
        let inner = painter.box(area, title: "\(id)  header and text", right: "i back", isFocused: true)
        guard !self.lines.isEmpty else {
            painter.empty(["the text is no longer kept"], in: inner)
            return
        }
        let lines = self.rows(Self.room(area).columns)
        let top = max(0, min(self.top, lines.count - inner.height))
        for (row, line) in lines.dropFirst(top).prefix(inner.height).enumerated() {
            let isField = line.isHeader && line.text.cells.first?.text != " "
            let y = inner.y + row
            guard let colon = isField ? line.text.cells.firstIndex(where: { $0.text == ":" }) : nil else {
                painter.text(line.text, x: inner.x + 1, y: y, columns: inner.width - 2, role: .base)
                continue
            }
            painter.text(
                line.text.window(columns: colon + 1), x: inner.x + 1, y: y, columns: inner.width - 2, role: .title)
            painter.text(
                line.text.window(from: colon + 1, columns: inner.width), x: inner.x + 2 + colon, y: y,
                columns: inner.width - 3 - colon, role: .base)
        }
        painter.canvas.cursor = Point(x: inner.x, y: inner.y)
    }
}
