/// How many colours there are to choose from.
public enum ColourDepth: Int, Hashable, Sendable, Comparable, CaseIterable {
    case mono, sixteen, indexed, direct
    public static func < (left: ColourDepth, right: ColourDepth) -> Bool { left.rawValue < right.rawValue }

    /// Whether there are to be colours, as an operator says it.
    public enum Choice: String, Sendable, CaseIterable {
        /// Unless `NO_COLOR` is set and non-empty (no-color.org).
        case auto
        case always, never
    }

    /// What may be used: what the terminal has (`colors` of its terminfo entry), and no more than is wanted.
    public static func resolve(
        colours: Int, environment: [String: String], choice: Choice = .auto
    ) -> ColourDepth {
        switch choice {
        case .never: return .mono
        case .auto: if environment["NO_COLOR"]?.isEmpty == false { return .mono }
        case .always: break
        }
        return switch colours {
        case ..<8: .mono
        case ..<256: .sixteen
        case ..<(1 << 24): .indexed
        default: .direct
        }
    }
}

public struct Attributes: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let bold = Attributes(rawValue: 1)
    public static let dim = Attributes(rawValue: 2)
    public static let italic = Attributes(rawValue: 4)
    public static let underline = Attributes(rawValue: 8)
    public static let reverse = Attributes(rawValue: 16)

    static let names: [String: Attributes] = [
        "bold": .bold, "dim": .dim, "italic": .italic, "underline": .underline, "reverse": .reverse,
    ]
}

/// A colour as a terminal of some depth takes it.
public enum TerminalColour: Hashable, Sendable {
    /// The terminal's own.
    case standard
    case index(UInt8)
    /// 0xRRGGBB
    case rgb(UInt32)
}

public struct Style: Hashable, Sendable {
    public var foreground: TerminalColour
    public var background: TerminalColour
    public var attributes: Attributes
    public init(
        foreground: TerminalColour = .standard, background: TerminalColour = .standard, attributes: Attributes = []
    ) {
        self.foreground = foreground
        self.background = background
        self.attributes = attributes
    }
}

/// A colour as a theme names it, with what stands in for it where there are fewer.
struct ThemeColour: Hashable, Sendable {
    /// `nil` three times: the terminal's own.
    var rgb: UInt32?
    var indexed: UInt8?
    var ansi: UInt8?

    static let standard = ThemeColour()
    static let ansiNames = [
        "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "bright-black", "bright-red",
        "bright-green", "bright-yellow", "bright-blue", "bright-magenta", "bright-cyan", "bright-white",
    ]

    /// `default`, `none`, an ANSI name, `ansi:0`...`ansi:15`, `x:0`...`x:255` or `#rrggbb`.
    init?(_ text: String) {
        if text == "default" || text == "none" {
            self = .standard
        } else if let index = Self.ansiNames.firstIndex(of: text) {
            self.init(ansi: UInt8(index))
        } else if text.hasPrefix("ansi:"), let index = UInt8(text.dropFirst(5)), index < 16 {
            self.init(ansi: index)
        } else if text.hasPrefix("x:"), let index = UInt8(text.dropFirst(2)) {
            self.init(indexed: index)
        } else if text.hasPrefix("#"), text.utf8.count == 7, let value = UInt32(text.dropFirst(), radix: 16) {
            self.init(rgb: value)
        } else {
            return nil
        }
    }
    init(rgb: UInt32? = nil, indexed: UInt8? = nil, ansi: UInt8? = nil) {
        self.rgb = rgb
        self.indexed = indexed
        self.ansi = ansi
    }

    func resolved(_ depth: ColourDepth) -> TerminalColour {
        switch depth {
        case .mono: return .standard
        case .direct:
            if let rgb = self.rgb { return .rgb(rgb) }
            return (self.indexed ?? self.ansi).map { .index($0) } ?? .standard
        case .indexed:
            if let index = self.indexed ?? self.ansi, self.rgb == nil || self.indexed != nil { return .index(index) }
            return self.rgb.map { .index(Self.nearest($0)) } ?? .standard
        case .sixteen:
            if let ansi = self.ansi { return .index(ansi) }
            if let rgb = self.rgb ?? self.indexed.map(Self.rgb(ofIndex:)) { return .index(Self.nearestANSI(rgb)) }
            return .standard
        }
    }

    /// The nearest of the fixed 240; the first 16 belong to the user.
    static func nearest(_ rgb: UInt32) -> UInt8 {
        (16...255).min { Self.distance(rgb, Self.rgb(ofIndex: $0)) < Self.distance(rgb, Self.rgb(ofIndex: $1)) } ?? 16
    }
    private static func nearestANSI(_ rgb: UInt32) -> UInt8 {
        let usual: [UInt32] = [
            0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5, 0x7F7F7F, 0xFF0000,
            0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
        ]
        return UInt8(
            usual.indices.min { Self.distance(rgb, usual[$0]) < Self.distance(rgb, usual[$1]) } ?? 7)
    }
    static func rgb(ofIndex index: UInt8) -> UInt32 {
        if index >= 232 {
            let grey = UInt32(index - 232) * 10 + 8
            return grey << 16 | grey << 8 | grey
        }
        let cube = UInt32(max(16, index)) - 16
        func level(_ step: UInt32) -> UInt32 { step == 0 ? 0 : step * 40 + 55 }
        return level(cube / 36) << 16 | level(cube / 6 % 6) << 8 | level(cube % 6)
    }
    private static func distance(_ left: UInt32, _ right: UInt32) -> Int {
        func channel(_ shift: UInt32) -> Int { Int(left >> shift & 255) - Int(right >> shift & 255) }
        return 3 * channel(16) * channel(16) + 6 * channel(8) * channel(8) + channel(0) * channel(0)
    }
}
