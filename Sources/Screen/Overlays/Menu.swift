import Monitor

/// One of a few things.
final class Menu: Overlay {
    private let title: String
    private let items: [String]
    private var index: Int
    private let taken: (String, Surroundings) -> [Effect]
    /// What happens when the cursor is on an item.
    private let tried: ((String) -> [Effect])?
    private let cancelled: [Effect]

    /// - Parameter chosen: the item that the cursor is on at first.
    init(
        title: String, items: [String], chosen: String, taken: @escaping (String, Surroundings) -> [Effect],
        tried: ((String) -> [Effect])? = nil, cancelled: [Effect] = []
    ) {
        self.title = title
        self.items = items
        self.index = items.firstIndex(of: chosen) ?? 0
        self.taken = taken
        self.tried = tried
        self.cancelled = cancelled
    }

    var keepsRows: Bool { true }
    var hints: [Run] { Run.hint("j k", "choose") + Run.hint("Enter", "take") + Run.hint("Esc", "as before") }

    func press(_ key: Key, _ around: Surroundings) -> [Effect] {
        let before = self.index
        switch key {
        case .escape, "q", .control("c"), .backspace: return [.close] + self.cancelled
        case .down, "j", .tab: self.index += 1
        case .up, "k", .backTab: self.index -= 1
        case .home, "g": self.index = 0
        case .end, "G": self.index = self.items.count - 1
        case .enter, "s", " ":
            guard self.items.indices.contains(self.index) else { return [.close] }
            return [.close] + self.taken(self.items[self.index], around)
        default: break
        }
        self.index = max(0, min(self.index, self.items.count - 1))
        guard self.index != before, let tried = self.tried else { return [] }
        return tried(self.items[self.index])
    }

    func paint(_ painter: inout Painter, _ around: Surroundings) {
        let widest = self.items.map(\.count).max() ?? 10
        let inner = painter.popup(columns: max(24, widest + 2), rows: self.items.count, title: self.title)
        let top = max(0, min(self.index - inner.height + 1, self.items.count - inner.height))
        for (line, index) in (top..<min(self.items.count, top + inner.height)).enumerated() {
            painter.text(self.items[index], x: inner.x + 2, y: inner.y + line, columns: inner.width - 3)
            if index == self.index { painter.select(inner.row(line)) }
        }
    }
}
