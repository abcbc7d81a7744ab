/// What is wrong with how a theme looks, measured: contrast by WCAG 2.2 (success criteria 1.4.3 and 1.4.11), and whether the
/// colour-blind can tell states apart.
///
/// Measured are colours that a theme names by their light, where a terminal has that many. The sixteen are the user's own, and
/// nobody knows what they look like there. A terminal's own background counts as black in a dark theme, as white in a
/// light one, and as both in a theme for any.
public enum ThemeLint {
    /// Something to be mended. A warning of the file's reader is all in `file`.
    public struct Finding: Hashable, Sendable, CustomStringConvertible {
        public var file: String
        /// Where the file names the role; `nil`: it is inherited.
        public var line: Int?
        /// `ui.muted`, or two of them.
        public var role: String
        /// What was measured, and how much it must be.
        public var words: String
        public var description: String {
            self.role.isEmpty
                ? self.file : "\(self.file)\(self.line.map { ":\($0)" } ?? ""): \(self.role): \(self.words)"
        }
    }

    /// How far apart two states' colours must be (CIE 1976 L*a*b*) that no attribute tells apart.
    private static let leastDifference = 15.0
    /// The Linux console has 64 pairs, some of which are its own.
    private static let mostPairs = 60
    /// Lines and grounds, which have no words (success criterion 1.4.11), and words that are beside the point.
    private static let minor: Set<Role> = [.muted, .border, .scrollbar, .graphGrid, .graphLow, .graphHigh]
    private static let states: [Role] = [.active, .deferred, .hold, .relayed, .bounced]
    private static let grounds: [Role] = [.selection, .selectionOff, .popup]

    public static func findings(_ loaded: ThemeLibrary.Loaded) -> [Finding] {
        var findings = loaded.warnings.map { Finding(file: $0, role: "", words: "") }
        let theme = loaded.theme
        func add(_ role: Role, named name: String? = nil, _ words: String) {
            findings.append(
                Finding(file: loaded.file, line: loaded.lines[role], role: name ?? role.rawValue, words: words))
        }
        for role in Role.allCases {
            // What has a ground of its own stands on no other.
            let own = theme.looks[role]?.background
            let hasGround = own != nil && own != theme.looks[.base]?.background
            for ground in [nil] + (hasGround ? [] : Self.grounds.map(Optional.some)) where ground != role {
                guard let worst = Self.contrast(role, on: ground, theme), worst < theme.needed(role) else { continue }
                let place = ground.map { " on \($0.rawValue)" } ?? ""
                add(role, "contrast\(place) is \(Self.text(worst)):1, and must be \(Self.text(theme.needed(role))):1")
            }
        }
        for (index, first) in Self.states.enumerated() {
            for second in Self.states.dropFirst(index + 1) {
                for vision in ColourVision.allCases {
                    guard let difference = Self.difference(first, second, vision, theme),
                        difference < Self.leastDifference
                    else { continue }
                    add(
                        first, named: "\(first.rawValue) and \(second.rawValue)",
                        "are \(Self.text(difference)) apart to \(vision.words), and must be "
                            + "\(Self.text(Self.leastDifference)), or differ by an attribute")
                }
            }
        }
        let pairs = theme.pairs
        if pairs > Self.mostPairs { add(.base, named: "colours", "are \(pairs) pairs, \(Self.mostPairs) at most") }
        return findings
    }

    /// The least that a role has, of terminals with many colours; `nil`: none of it can be known.
    private static func contrast(_ role: Role, on ground: Role?, _ theme: Theme) -> Double? {
        [ColourDepth.indexed, .direct].flatMap { depth -> [Double] in
            let style = theme.style(for: role, on: ground, depth: depth)
            return theme.papers.compactMap { paper in
                guard let ink = Self.light(style.foreground, standard: paper.ink),
                    let ground = Self.light(style.background, standard: paper.ground)
                else { return nil }
                return ink.contrast(to: ground)
            }
        }.min()
    }

    /// The least that two roles have; `nil`: an attribute tells them apart, or nothing of it can be known.
    private static func difference(_ first: Role, _ second: Role, _ vision: ColourVision, _ theme: Theme) -> Double? {
        [ColourDepth.indexed, .direct].compactMap { depth in
            let styles = [first, second].map { theme.style(for: $0, depth: depth) }
            guard styles[0].attributes == styles[1].attributes else { return nil }
            let lights = styles.compactMap { Self.light($0.foreground, standard: nil) }
            guard lights.count == 2 else { return nil }
            return vision.seen(lights[0]).difference(from: vision.seen(lights[1]))
        }.min()
    }

    /// - Parameter standard: what the terminal's own colour is taken for.
    private static func light(_ colour: TerminalColour, standard: UInt32?) -> LinearColour? {
        switch colour {
        case .standard: standard.map { LinearColour($0) }
        case .index(let index): index < 16 ? nil : LinearColour(ThemeColour.rgb(ofIndex: index))
        case .rgb(let rgb): LinearColour(rgb)
        }
    }

    private static func text(_ value: Double) -> String {
        let tenths = Int(value * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension Theme {
    /// The contrast that a role must have.
    fileprivate func needed(_ role: Role) -> Double {
        guard ThemeLint.isMinor(role) else { return self.minContrast }
        return self.minContrast >= 7 ? 4.5 : 3
    }

    /// What a terminal's own colours are taken for.
    fileprivate var papers: [(ink: UInt32, ground: UInt32)] {
        let (dark, light) = ((ink: UInt32(0xFFFFFF), ground: UInt32(0)), (ink: UInt32(0), ground: UInt32(0xFFFFFF)))
        switch self.mode {
        case .dark: return [dark]
        case .light: return [light]
        case .any: return [dark, light]
        }
    }

    /// Pairs of foreground and background that a terminal of sixteen colours has to know.
    fileprivate var pairs: Int {
        struct Pair: Hashable {
            var foreground: TerminalColour
            var background: TerminalColour
        }
        let grounds: [Role?] = [nil, .selection, .selectionOff, .popup]
        return Set(
            grounds.flatMap { ground in
                Role.allCases.map { role in
                    let style = self.style(for: role, on: ground, depth: .sixteen)
                    return Pair(foreground: style.foreground, background: style.background)
                }
            }
        ).count
    }
}

extension ThemeLint {
    fileprivate static func isMinor(_ role: Role) -> Bool { self.minor.contains(role) }
}

extension ColourVision {
    fileprivate var words: String { self == .usual ? "anybody" : self.rawValue }
}
