import Mail

/// When and where the mouse was pressed last, so that a second click soon after it opens what the first one selected.
struct Pointer {
    private static let doubleWithin: Int64 = 400
    /// Columns that a hand may move meanwhile.
    private static let steady = 2
    private var last: (place: Point, at: Timestamp)?

    /// - Returns: whether it is the second click of two.
    mutating func clicked(_ place: Point, _ now: Timestamp) -> Bool {
        let isSecond =
            self.last.map { last in
                last.place.y == place.y && abs(last.place.x - place.x) <= Self.steady
                    && now.since(last.at) < Self.doubleWithin
            } ?? false
        self.last = isSecond ? nil : (place, now)
        return isSecond
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
            let isSecond = self.pointer.clicked(Point(x: x, y: y), self.now)
            if y == 1 {
                guard let view = self.frame(self.around).view(at: x) else { return }
                self.carryOut(.show(view: view, []))
            } else if self.stack.top.select(at: Point(x: x, y: y), self.around), isSecond {
                self.run(Call(command: .open), isTyped: true)
            }
        }
    }
}
