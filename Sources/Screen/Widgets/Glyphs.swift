import Monitor

/// The signs of one theme, in Unicode or in ASCII.
struct Glyphs: Sendable {
    private let pairs: [Glyph: GlyphPair]
    /// Whether only the ASCII twins of glyphs are used, and boxes of `+-|`.
    let isASCII: Bool

    init(_ theme: Theme, isASCII: Bool) {
        self.pairs = theme.glyphs
        self.isASCII = isASCII
    }

    subscript(_ glyph: Glyph) -> String {
        guard let pair = self.pairs[glyph] else { return "?" }
        return self.isASCII ? pair.ascii : pair.unicode
    }
    /// One of two signs that no theme changes.
    func sign(_ unicode: String, _ ascii: String) -> String { self.isASCII ? ascii : unicode }
    var elision: SafeText { self.isASCII ? Self.elisions.ascii : Self.elisions.unicode }
    private static let elisions: (unicode: SafeText, ascii: SafeText) = ("…", ">")
    var arrow: String { self.sign("→", "->") }
}
