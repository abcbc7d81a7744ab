import Monitor

/// Writes on a canvas with one theme's glyphs.
struct Painter {
    var canvas: Canvas
    let glyphs: Glyphs
    /// No frames, graphs and bars.
    var isPlain = false

    func glyph(_ glyph: Glyph) -> String { self.glyphs[glyph] }
    func sign(_ unicode: String, _ ascii: String) -> String { self.glyphs.sign(unicode, ascii) }
    var elision: SafeText { self.glyphs.elision }

    /// A filter and what stands behind it: how many match is told however long the filter is.
    func filter(_ text: SafeText, _ role: Role, before tail: [Run], columns: Int) -> [Run] {
        let name = Run("filter: ", .muted)
        let room = max(12, columns - name.text.columns - tail.columns)
        return [name, Run(text.fitted(room, mark: self.elision), role)]
    }

    /// Hostile text in what fits into `columns`; returns the column after it.
    @discardableResult
    mutating func text(_ text: SafeText, x: Int, y: Int, columns: Int, role: Role = .base) -> Int {
        guard columns > 0 else { return x }
        return self.canvas.write(
            text.fitted(columns, mark: self.elision), at: Point(x: x, y: y), role: role,
            clip: Rect(x: x, y: y, width: columns, height: 1))
    }
    @discardableResult
    mutating func text(_ text: String, x: Int, y: Int, columns: Int, role: Role = .base) -> Int {
        self.text(SafeText(text), x: x, y: y, columns: columns, role: role)
    }
    /// Ends at the right edge of `columns`.
    mutating func textRight(_ text: String, x: Int, y: Int, columns: Int, role: Role = .base) {
        let safe = SafeText(text).fitted(columns, mark: self.elision)
        self.text(safe, x: x + columns - safe.columns, y: y, columns: safe.columns, role: role)
    }

    /// Runs of text one after another, as far as they fit.
    @discardableResult
    mutating func runs(_ runs: [Run], x: Int, y: Int, columns: Int) -> Int {
        var place = x
        for run in runs { place = self.text(run.text, x: place, y: y, columns: x + columns - place, role: run.role) }
        return place
    }

    /// A frame with a title in its upper edge; returns the room inside.
    @discardableResult
    mutating func box(_ area: Rect, title: String, right: String = "", isFocused: Bool = false) -> Rect {
        self.box(area, title: title.isEmpty ? [] : [Run(title, .title)], right: right, isFocused: isFocused)
    }
    @discardableResult
    mutating func box(_ area: Rect, title: [Run], right: String = "", isFocused: Bool = false) -> Rect {
        guard area.width > 2, area.height > 1 else { return Rect(x: area.x, y: area.y, width: 0, height: 0) }
        let role: Role = isFocused ? .borderFocus : .border
        let line = self.sign("─", "-")
        let side = self.sign("│", "|")
        let bar = String(repeating: line, count: area.width - 2)
        if self.isPlain { return self.plainBox(area, title, right) }
        self.text(
            self.sign("╭", "+") + bar + self.sign("╮", "+"), x: area.x, y: area.y, columns: area.width, role: role)
        self.text(
            self.sign("╰", "+") + bar + self.sign("╯", "+"), x: area.x, y: area.maxY - 1, columns: area.width,
            role: role)
        for y in area.y + 1..<max(area.y + 1, area.maxY - 1) {
            self.text(side, x: area.x, y: y, columns: 1, role: role)
            self.text(side, x: area.maxX - 1, y: y, columns: 1, role: role)
        }
        var end = area.x + 2
        if !title.isEmpty {
            end = self.runs(
                [Run(" ", .title)] + title + [Run(" ", .title)], x: area.x + 2, y: area.y, columns: area.width - 4)
        }
        let safe = SafeText(" \(right) ")
        if !right.isEmpty, area.maxX - 2 - safe.columns > end {
            self.text(safe, x: area.maxX - 2 - safe.columns, y: area.y, columns: safe.columns, role: .muted)
        }
        return area.inset(1, 1)
    }

    /// The room of a frame, and what stands in it, without its lines.
    private mutating func plainBox(_ area: Rect, _ title: [Run], _ right: String) -> Rect {
        let end = self.runs(title, x: area.x + 1, y: area.y, columns: area.width - 2)
        let safe = SafeText(right)
        if area.maxX - 1 - safe.columns > end {
            self.text(safe, x: area.maxX - 1 - safe.columns, y: area.y, columns: safe.columns, role: .muted)
        }
        return area.inset(1, 1)
    }

    /// The last values as bars, the highest of them full; nothing stays at the ground.
    mutating func spark(_ values: [Int], x: Int, y: Int, columns: Int, role: Role) {
        guard !self.isPlain else { return }
        let shown = values.suffix(max(0, columns))
        let ramp = Array(self.glyph(.spark))
        guard ramp.count == 8 else { return }
        let most = max(1, shown.max() ?? 1)
        var place = x + columns - shown.count
        if place > x {
            self.text(
                String(repeating: String(ramp[0]), count: place - x), x: x, y: y, columns: place - x, role: .graphGrid)
        }
        for value in shown {
            let step = value <= 0 ? 0 : max(1, (value * 7 + most - 1) / most)
            self.text(String(ramp[min(7, step)]), x: place, y: y, columns: 1, role: value <= 0 ? .graphGrid : role)
            place += 1
        }
    }

    /// `━━━━────`
    mutating func bar(_ share: Double, x: Int, y: Int, columns: Int, role: Role) {
        guard columns > 0, !self.isPlain else { return }
        let full = min(columns, max(0, Int((share * Double(columns)).rounded())))
        self.text(String(repeating: self.glyph(.bar), count: full), x: x, y: y, columns: full, role: role)
        self.text(
            String(repeating: self.glyph(.track), count: columns - full), x: x + full, y: y, columns: columns - full,
            role: .graphGrid)
    }
}
