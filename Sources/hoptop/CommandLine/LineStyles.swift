import Monitor
import Screen

/// How lines look on a terminal that scrolls: its own colours, by the theme `ansi`, and no ground.
struct LineStyles: Sendable {
    private let isStyled: Bool

    static let none = LineStyles(isStyled: false)

    private init(isStyled: Bool) { self.isStyled = isStyled }

    /// `NO_COLOR`, or a terminal that can do nothing: plain text.
    init(_ environment: [String: String]) {
        let isDumb = [nil, "", "dumb"].contains(environment["TERM"])
        self.isStyled = ColourDepth.resolve(colours: isDumb ? 0 : 8, environment: environment) != .mono
    }

    private static let theme = ThemeLibrary.builtin(.ansi)

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
                    let codes = Self.codes(part[part.startIndex].isEscape ? .escape : run.role)
                    return codes.isEmpty ? text : "\u{1B}[\(codes)m\(text)\u{1B}[0m"
                }.joined()
        }.joined()
    }

    /// What selects a role's look (ECMA-48 §8.3.117); empty: it looks like everything else.
    private static func codes(_ role: Role) -> String {
        let style = self.theme.style(for: role, depth: .sixteen)
        var codes: [String] = []
        for (attribute, code) in [(Attributes.bold, "1"), (.dim, "2"), (.italic, "3"), (.underline, "4")]
        where style.attributes.contains(attribute) { codes.append(code) }
        if case .index(let index) = style.foreground { codes.append("\(index < 8 ? 30 + index : 82 + index)") }
        return codes.joined(separator: ";")
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
