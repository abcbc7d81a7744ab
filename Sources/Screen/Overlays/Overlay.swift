import Monitor

/// Something over the panes that takes all keys until it is answered. Like a pane it gives back what has to happen.
protocol Overlay: AnyObject {
    /// The keys that are valid now.
    var hints: [Run] { get }
    /// Rows below must not move while it is open.
    var keepsRows: Bool { get }
    func press(_ key: Key, _ around: Surroundings) -> [Effect]
    func paint(_ painter: inout Painter, _ around: Surroundings)
}

extension Overlay {
    var keepsRows: Bool { false }
}

extension Painter {
    /// A cleared box in the middle of the screen; returns the room inside.
    mutating func popup(columns: Int, rows: Int, title: String, right: String = "") -> Rect {
        let width = min(columns + 4, self.canvas.columns - 2)
        let height = min(rows + 2, self.canvas.rows - 3)
        let area = Rect(
            x: (self.canvas.columns - width) / 2, y: max(1, (self.canvas.rows - height) / 2 - 1), width: width,
            height: height)
        self.canvas.fill(area, role: .popup)
        return self.box(area, title: title, right: right, isFocused: true)
    }
}
