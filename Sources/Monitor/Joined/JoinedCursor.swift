/// The place behind the last fact that was read of each node, as a cursor of the joined feed; opaque, and text in JSON.
struct JoinedCursor: Hashable, Sendable, LosslessStringConvertible {
    /// By the node's name.
    var ends: [String: String]

    init(_ ends: [String: String]) { self.ends = ends }
    init?(_ description: String) {
        // A length in front of each part, since the nodes' own cursors may hold anything.
        var parts: [String] = []
        var rest = description[...]
        while !rest.isEmpty {
            guard let colon = rest.firstIndex(of: ":"), let count = Int(rest[..<colon]), count >= 0 else { return nil }
            let text = rest[rest.index(after: colon)...]
            guard text.count >= count else { return nil }
            parts.append(String(text.prefix(count)))
            rest = text.dropFirst(count)
        }
        guard parts.count.isMultiple(of: 2) else { return nil }
        self.ends = [:]
        for place in stride(from: 0, to: parts.count, by: 2) { self.ends[parts[place]] = parts[place + 1] }
    }
    var description: String {
        self.ends.sorted { $0.key < $1.key }.map { "\($0.key.count):\($0.key)\($0.value.count):\($0.value)" }.joined()
    }
}
