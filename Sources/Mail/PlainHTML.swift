/// HTML without its marks, for whoever wants to know what a message says. It is read once from front to back, never
/// interpreted: no link is followed, no style applied.
enum PlainHTML {
    private static let breaks: Set<String> = [
        "br", "p", "/p", "div", "/div", "tr", "/tr", "li", "/li", "h1", "/h1", "h2", "/h2", "h3", "/h3", "table",
        "/table",
    ]
    private static let entities: [String: String] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "euro": "€", "copy": "©",
        "ndash": "–",
        "mdash": "—", "hellip": "…", "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü",
        "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç", "rsquo": "’", "lsquo": "‘",
        "rdquo": "”", "ldquo": "“",
    ]

    static func text(of html: String) -> String {
        var text = ""
        var rest = html[...]
        /// What is in there is no text until its end.
        var hidden: String?
        while let character = rest.first {
            if character == "<" {
                let end = rest.firstIndex(of: ">") ?? rest.endIndex
                let name = rest[rest.index(after: rest.startIndex)..<end]
                    .prefix { $0.isLetter || $0.isNumber || $0 == "/" || $0 == "!" }.lowercased()
                rest = end < rest.endIndex ? rest[rest.index(after: end)...] : ""
                if let open = hidden {
                    if name == "/\(open)" { hidden = nil }
                } else if ["style", "script", "head", "title"].contains(name) {
                    hidden = name
                } else if self.breaks.contains(name), !text.hasSuffix("\n") {
                    text += "\n"
                }
            } else if hidden != nil {
                rest = rest[(rest.firstIndex(of: "<") ?? rest.endIndex)...]
            } else if character == "&", let end = rest.prefix(10).firstIndex(of: ";") {
                let name = rest[rest.index(after: rest.startIndex)..<end]
                text += self.character(String(name)) ?? String(rest[...end])
                rest = rest[rest.index(after: end)...]
            } else {
                // Line ends and runs of blanks are one blank in HTML.
                if !character.isWhitespace {
                    text.append(character)
                } else if let last = text.last, !last.isWhitespace {
                    text.append(" ")
                }
                rest = rest.dropFirst()
            }
        }
        return text
    }

    private static func character(_ name: String) -> String? {
        guard name.hasPrefix("#") else { return self.entities[name] }
        let isHex = name.dropFirst().lowercased().hasPrefix("x")
        let code = isHex ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst())
        return code.flatMap(Unicode.Scalar.init).map { String(Character($0)) }
    }
}
