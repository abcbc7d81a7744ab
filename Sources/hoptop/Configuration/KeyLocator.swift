/// Finds the line of a key, which the TOML library tells for mistakes of syntax only.
///
/// Reads as much of TOML as is needed for that: table headers, keys, and texts of several lines to step over.
struct KeyLocator {
    /// The lines of keys by path, such as `limits.recipients`, `route[1].via` or `route[1]`. Counts from 1.
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var table = ""
        var counts: [String: Int] = [:]
        var openQuote: String?
        var depth = 0  // Of arrays that go over several lines.
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.drop { $0 == " " || $0 == "\t" }
            if let quote = openQuote {
                if content.contains(quote) { openQuote = nil }
                continue
            }
            if depth > 0 {
                depth += Self.depthChange(content)
                continue
            }
            if content.hasPrefix("[[") {
                let name = Self.path(content.dropFirst(2).prefix { $0 != "]" })
                table = "\(name)[\(counts[name, default: 0])]"
                counts[name, default: 0] += 1
                self.lines[table] = number + 1
            } else if content.hasPrefix("[") {
                table = Self.path(content.dropFirst().prefix { $0 != "]" })
                self.lines[table] = self.lines[table] ?? number + 1
            } else if !content.hasPrefix("#"), let equals = content.firstIndex(of: "=") {
                let key = Self.path(content[..<equals])
                let path = table.isEmpty ? key : "\(table).\(key)"
                self.lines[path] = self.lines[path] ?? number + 1
                let value = content[content.index(after: equals)...]
                openQuote = ["\"\"\"", "'''"].first {
                    value.split(separator: $0, omittingEmptySubsequences: false).count == 2
                }
                depth = max(Self.depthChange(value), 0)
            }
        }
    }

    /// Whether the key itself is written.
    func has(_ path: String) -> Bool { self.lines[path] != nil }

    /// The line of a key, or of what it is part of.
    func line(of path: String) -> Int? {
        var path = path[...]
        while true {
            if let line = self.lines[String(path)] { return line }
            guard let dot = path.lastIndex(of: ".") else { return nil }
            path = path[..<dot]
        }
    }

    private static func path(_ text: Substring) -> String {
        text.split(separator: ".").map { $0.filter { $0 != " " && $0 != "\t" && $0 != "\"" && $0 != "'" } }
            .joined(separator: ".")
    }

    /// Brackets opened less brackets closed, outside of quotes and comments.
    private static func depthChange(_ text: Substring) -> Int {
        var depth = 0
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
                continue
            }
            switch character {
            case "\"", "'": quote = character
            case "#": return depth
            case "[": depth += 1
            case "]": depth -= 1
            default: break
            }
        }
        return depth
    }
}
