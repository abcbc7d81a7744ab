import Monitor
import Screen

/// How lines look on a terminal that scrolls: by the theme `ansi` its own colours, and no ground.
struct LineStyles: Sendable {
    private let depth: ColourDepth
    private var theme = Self.ansi
    private var isStyled: Bool { self.depth != .mono }

    static let none = LineStyles(depth: .mono)

    private init(depth: ColourDepth) { self.depth = depth }

    /// `NO_COLOR`, or a terminal that can do nothing: plain text.
    init(_ environment: [String: String]) {
        let isDumb = [nil, "", "dumb"].contains(environment["TERM"])
        let isDirect = ["truecolor", "24bit"].contains(environment["COLORTERM"])
        let isIndexed = environment["TERM"]?.contains("256color") == true
        self.depth = ColourDepth.resolve(
            colours: isDumb ? 0 : isDirect ? 1 << 24 : isIndexed ? 256 : 8, environment: environment)
    }

    func themed(_ theme: Theme) -> LineStyles {
        var styles = self
        styles.theme = theme
        return styles
    }

    private static let ansi = ThemeLibrary.builtin(.ansi)

    /// The line without its end. What stands for something unprintable is told from text that only looks so.
    func text(of line: [Run]) -> String {
        var end = line[...]
        while let last = end.popLast() {
            let blanks = last.text.cells.reversed().prefix { $0.text == " " }.count
            guard blanks < last.text.cells.count else { continue }
            end.append(Run(last.text.window(columns: last.text.columns - blanks), last.role))
            break
        }
        guard self.isStyled else { return end.map(\.text.description).joined() }
        return end.map { run in
            run.text.cells.chunked { $0.isEscape }
                .map { part in
                    let text = part.reduce(into: "") { $0 += $1.text }
                    let codes = self.codes(part[part.startIndex].isEscape ? .escape : run.role)
                    return codes.isEmpty ? text : "\u{1B}[\(codes)m\(text)\u{1B}[0m"
                }.joined()
        }.joined()
    }

    /// What selects a role's look (ECMA-48 §8.3.117); empty: it looks like everything else.
    private func codes(_ role: Role) -> String {
        let style = self.theme.style(for: role, depth: self.depth)
        var codes: [String] = []
        let attributes: [(Attributes, String)] = [
            (.bold, "1"), (.dim, "2"), (.italic, "3"), (.underline, "4"), (.reverse, "7"),
        ]
        for (attribute, code) in attributes where style.attributes.contains(attribute) { codes.append(code) }
        codes += [Self.code(style.foreground, 30), Self.code(style.background, 40)].compactMap { $0 }
        return codes.joined(separator: ";")
    }

    /// - Parameter first: 30 of a foreground, 40 of a background.
    private static func code(_ colour: TerminalColour, _ first: Int) -> String? {
        switch colour {
        case .standard: nil
        case .index(let index) where index < 8: "\(first + Int(index))"
        case .index(let index) where index < 16: "\(first + 52 + Int(index))"
        case .index(let index): "\(first + 8);5;\(index)"
        case .rgb(let rgb): "\(first + 8);2;\(rgb >> 16 & 255);\(rgb >> 8 & 255);\(rgb & 255)"
        }
    }
}

extension Array {
    /// Neighbours for which something is equal, together.
    fileprivate func chunked<Key: Equatable>(_ key: (Element) -> Key) -> [ArraySlice<Element>] {
        var chunks: [ArraySlice<Element>] = []
        var start = self.startIndex
        for index in self.indices where index > start && key(self[index]) != key(self[start]) {
            chunks.append(self[start..<index])
            start = index
        }
        if start < self.endIndex { chunks.append(self[start...]) }
        return chunks
    }
}
