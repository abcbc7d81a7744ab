import Monitor

/// How each role looks, and the glyphs. Data only; made by `ThemeLibrary`.
public struct Theme: Hashable, Sendable {
    public enum Mode: String, Hashable, Sendable { case dark, light, any }

    struct Look: Hashable, Sendable {
        var foreground: ThemeColour?
        var background: ThemeColour?
        var attributes: Attributes = []
        /// Instead of `attributes` where there are no colours.
        var mono: Attributes?
    }

    public internal(set) var name: String
    public internal(set) var mode: Mode = .any
    /// A badge beside the node's name, "PROD"; empty: none.
    public internal(set) var badge = ""
    /// What words must stand out by at least, as a ratio (WCAG 2.2).
    var minContrast = 4.5
    var looks: [Role: Look] = [:]
    var glyphs: [Glyph: GlyphPair] = [:]

    /// How `role` looks in `depth`; on another role's `ground` it takes the background of that, and its attributes.
    public func style(for role: Role, on ground: Role? = nil, depth: ColourDepth) -> Style {
        let look = self.looks[role] ?? Look()
        let base = self.looks[.base] ?? Look()
        var style = Style(
            foreground: (look.foreground ?? base.foreground ?? .standard).resolved(depth),
            background: (look.background ?? base.background ?? .standard).resolved(depth),
            attributes: depth == .mono ? look.mono ?? look.attributes : look.attributes)
        if let ground {
            let under = self.style(for: ground, depth: depth)
            let groundLook = self.looks[ground] ?? Look()
            style.background = under.background
            if groundLook.foreground != nil { style.foreground = under.foreground }
            style.attributes.formUnion(under.attributes)
            // Dim on a coloured ground cannot be read.
            style.attributes.remove(.dim)
        }
        return style
    }
}

/// Signs that a theme may change; each has a twin in ASCII, and a word stands beside it.
enum Glyph: String, Hashable, Sendable, CaseIterable {
    case queued, active, deferred, hold, relayed, bounced, expired, dropped
    case ok, limited, failed, warn
    case spark, bar, track, check, tag, cursor, follow
}

struct GlyphPair: Hashable, Sendable {
    var unicode: String
    var ascii: String
}
