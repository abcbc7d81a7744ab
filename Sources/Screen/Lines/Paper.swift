public import Mail

/// What lines are written on where there is no screen: a terminal that scrolls, a pipe, a file.
public struct Paper: Sendable {
    /// How wide it is; `nil`: as wide as it has to be, and nothing is cut.
    public var columns: Int?
    /// The time that ages and waits are told for.
    public var now: Timestamp
    let glyphs: Glyphs

    /// - Parameter isASCII: the twins of glyphs in ASCII.
    public init(columns: Int?, now: Timestamp, isASCII: Bool = false) {
        self.columns = columns
        self.now = now
        self.glyphs = Glyphs(ThemeLibrary.builtin(.ansi), isASCII: isASCII)
    }

    /// Panes know of a screen around them; this is one without nodes.
    var surroundings: Surroundings {
        Surroundings(
            now: self.now, columns: self.columns ?? .max, rows: .max, nodes: [], current: 0, glyphs: self.glyphs,
            isFrozen: true, rowsMustStay: true, searchWord: "", columnOffset: 0)
    }
}
