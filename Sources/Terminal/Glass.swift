import CNcurses
import Screen

/// Puts a canvas on curses: only the cells that changed, one update for each frame.
struct Glass {
    private let depth: ColourDepth
    /// The terminal has the first eight of the sixteen only, as the Linux console has.
    private let hasEight: Bool
    /// `nil`: whatever the terminal shows, it does not count.
    private var shown: Canvas?
    private var repaints = -1
    private var pairs: [[Int32]: Int32] = [:]

    /// - Parameter colours: that the terminal has.
    init(depth: ColourDepth, colours: Int) {
        self.depth = depth
        self.hasEight = colours < 16
    }

    /// Something else was shown meanwhile.
    mutating func forget() { self.shown = nil }

    /// - Parameter repaints: another number than before says that nothing shown counts any more.
    mutating func show(_ canvas: Canvas, theme: Theme, repaints: Int) {
        let isNew =
            self.shown == nil || repaints != self.repaints || self.shown?.columns != canvas.columns
            || self.shown?.rows != canvas.rows
        if isNew {
            self.repaints = repaints
            self.shown = nil
            self.pairs = [:]
            hoptop_forget_pairs()
            hoptop_erase()
            hoptop_redraw()
        }
        if let shown = self.shown, shown == canvas { return }
        for y in 0..<canvas.rows {
            for x in 0..<canvas.columns {
                let cell = canvas[x, y]
                if let shown = self.shown, shown[x, y] == cell { continue }
                let points = cell.codePoints
                guard points.base != 0 else { continue }  // The second half of a wide character.
                let style = theme.style(for: cell.role, on: cell.ground, depth: self.depth)
                let text = hoptop_text(
                    base: points.base, first_mark: points.firstMark, second_mark: points.secondMark)
                hoptop_put(
                    Int32(y), Int32(x), text, Int32(style.attributes.rawValue),
                    self.pair(style.foreground, style.background))
            }
        }
        hoptop_update(Int32(canvas.cursor.y), Int32(canvas.cursor.x), canvas.isCursorVisible)
        self.shown = canvas
    }

    private mutating func pair(_ foreground: TerminalColour, _ background: TerminalColour) -> Int32 {
        guard self.depth != .mono else { return 0 }
        let colours = [self.number(foreground), self.number(background)]
        if colours == [-1, -1] { return 0 }
        if let known = self.pairs[colours] { return known }
        let pair = Int32(self.pairs.count + 1)
        // Without room for one more pair the text still shows, in the terminal's own colours.
        guard pair < hoptop_pairs(), hoptop_pair(pair, colours[0], colours[1]) else { return 0 }
        self.pairs[colours] = pair
        return pair
    }

    private func number(_ colour: TerminalColour) -> Int32 {
        switch colour {
        case .standard: -1
        // Grey is bright black, which would be black, and so is the terminal's own colour; the others lose their brightness.
        case .index(let index) where self.hasEight && (8..<16).contains(index): index == 8 ? -1 : Int32(index) - 8
        case .index(let index): Int32(index)
        case .rgb(let value): Int32(value)
        }
    }
}
