import Mail

/// When and where the mouse selected something last, so that a second click soon after it opens that very thing, whatever
/// stands below the pointer by then.
struct Pointer {
    private static let doubleWithin: Int64 = 400
    /// Columns that a hand may move meanwhile.
    private static let steady = 2
    private var last: (place: Point, pane: ObjectIdentifier, at: Timestamp)?

    mutating func selected(_ place: Point, in pane: any Pane, _ now: Timestamp) {
        self.last = (place, ObjectIdentifier(pane), now)
    }

    /// - Returns: whether it is the second click of two, of which the first one selected something in this pane.
    mutating func isSecond(_ place: Point, in pane: any Pane, _ now: Timestamp) -> Bool {
        defer { self.last = nil }
        guard let last, last.pane == ObjectIdentifier(pane) else { return false }
        return last.place.y == place.y && abs(last.place.x - place.x) <= Self.steady
            && now.since(last.at) < Self.doubleWithin
    }
}

// What a mouse does: its wheel moves what has the keys, a click selects a line or shows a view, a double click opens.
extension Screen {
    private static let wheelLines = 3

    func press(_ event: MouseEvent) {
        switch event {
        case .wheel(let lines):
            guard let overlay = self.overlay else {
                return self.stack.top.move(.by(lines * Self.wheelLines), self.around)
            }
            self.carryOut(overlay.press(lines < 0 ? .up : .down, self.around))
        case .click(let x, let y):
            // What is asked is answered by keys.
            guard self.overlay == nil else { return }
            let (place, pane) = (Point(x: x, y: y), self.stack.top)
            let isSecond = self.pointer.isSecond(place, in: pane, self.now)
            if y == 1 {
                guard let view = self.frame(self.around).view(at: x) else { return }
                self.carryOut(.show(view: view, []))
            } else if isSecond {
                self.run(Call(command: .open), isTyped: true)
            } else if pane.select(at: place, self.around) {
                self.pointer.selected(place, in: pane, self.now)
            }
        }
    }
}
