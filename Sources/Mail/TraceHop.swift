/// What one Received field tells (RFC 5321 §4.4). Anybody can write one: claims, not experience.
public struct TraceHop: Sendable, Hashable {
    public var from: String?
    public var by: String?
    public var with: String?
    public var id: String?
    public var at: Timestamp?

    private static let keywords: Set<String> = ["from", "by", "via", "with", "id", "for"]

    /// - Parameter field: the value of a Received field, unfolded. What cannot be read is `nil`.
    public init(_ field: String) {
        let (words, date) = Self.words(field)
        self.at = date.flatMap { Timestamp(rfc5322: $0) }
        var rest = words[...]
        while let keyword = rest.popFirst()?.lowercased() {
            // A keyword without a value does not take the next one for it.
            guard let value = rest.first, !Self.keywords.contains(value.lowercased()) else { continue }
            switch keyword {
            case "from": self.from = self.from ?? value
            case "by": self.by = self.by ?? value
            case "with": self.with = self.with ?? value
            case "id": self.id = self.id ?? value
            case "via", "for": break
            default: continue
            }
            rest.removeFirst()
        }
    }

    /// The hops of a header, the first one first: each relay puts its field before the others.
    public static func hops(in header: MessageHeader) -> [TraceHop] {
        header.values(of: "Received").reversed().map { TraceHop($0) }
    }

    /// The words outside comments, each quoted string within one (RFC 5322 §3.2.2, §3.2.4), and what is behind the last
    /// semicolon outside both.
    private static func words(_ text: String) -> (words: [String], date: Substring?) {
        var words: [String] = []
        var word = ""
        var depth = 0
        var isQuoted = false
        var isEscaped = false
        var date: (start: String.Index, words: Int)?
        func end() {
            if !word.isEmpty { words.append(word) }
            word = ""
        }
        for index in text.indices {
            let character = text[index]
            if isEscaped {
                isEscaped = false
                if depth == 0 { word.append(character) }
                continue
            }
            switch character {
            case "\\" where isQuoted || depth > 0:
                isEscaped = true
                if depth == 0 { word.append(character) }
            case "\"" where depth == 0:
                isQuoted.toggle()
                word.append(character)
            case _ where isQuoted: word.append(character)
            case "(":
                if depth == 0 { end() }
                depth += 1
            case ")": depth = max(depth - 1, 0)
            case _ where depth > 0: break
            case " ", "\t", "\r", "\n", "\r\n": end()
            case ";":
                end()
                date = (text.index(after: index), words.count)
            default: word.append(character)
            }
        }
        end()
        return date.map { (Array(words[..<$0.words]), text[$0.start...]) } ?? (words, nil)
    }
}
