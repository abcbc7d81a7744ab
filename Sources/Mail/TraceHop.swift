/// What one Received field tells (RFC 5321 §4.4). Anybody can write one: claims, not experience.
public struct TraceHop: Sendable, Hashable {
    public var from: String?
    public var by: String?
    public var with: String?
    public var id: String?
    public var at: Timestamp?

    /// - Parameter field: the value of a Received field, unfolded. What cannot be read is `nil`.
    public init(_ field: String) {
        let end = field.lastIndex(of: ";")
        self.at = end.flatMap { Timestamp(rfc5322: field[field.index(after: $0)...]) }
        var words = Self.words(end.map { field[..<$0] } ?? field[...])[...]
        while let word = words.popFirst() {
            switch word.lowercased() {
            case "from": self.from = self.from ?? words.popFirst()
            case "by": self.by = self.by ?? words.popFirst()
            case "with": self.with = self.with ?? words.popFirst()
            case "id": self.id = self.id ?? words.popFirst()
            default: break
            }
        }
    }

    /// The hops of a header, the first one first: each relay puts its field before the others.
    public static func hops(in header: MessageHeader) -> [TraceHop] {
        header.values(of: "Received").reversed().map { TraceHop($0) }
    }

    /// Words without comments.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var depth = 0
        for character in text {
            switch character {
            case "(": depth += 1
            case ")": depth = max(depth - 1, 0)
            case " ", "\t":
                if depth == 0, !word.isEmpty {
                    words.append(word)
                    word = ""
                }
            default: if depth == 0 { word.append(character) }
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
