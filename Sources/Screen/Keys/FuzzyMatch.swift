/// How well a name answers what was typed: the smaller, the better.
struct FuzzyMatch: Comparable {
    private enum Kind: Int { case beginning, beginningOfWord, initials, fromFirstLetter, inside, scattered }
    private let kind: Kind
    private let length: Int

    /// - Returns: `nil` when the letters of `pattern` do not all stand in `name`, in their order.
    init?(_ pattern: some StringProtocol, in name: String) {
        let pattern = Array(pattern.lowercased())
        let letters = Array(name.lowercased())
        self.length = letters.count
        let starts = letters.indices.filter { $0 == 0 || !letters[$0 - 1].isLetter && !letters[$0 - 1].isNumber }
        let places = letters.indices.filter { letters[$0...].starts(with: pattern) }
        if places.first == 0 || pattern.isEmpty {
            self.kind = .beginning
        } else if places.contains(where: { starts.contains($0) }) {
            self.kind = .beginningOfWord
        } else if Self.holds(starts.map { letters[$0] }, pattern) {
            self.kind = .initials
        } else if letters.first == pattern.first, Self.holds(letters, pattern) {
            self.kind = .fromFirstLetter
        } else if !places.isEmpty {
            self.kind = .inside
        } else if Self.holds(letters, pattern) {
            self.kind = .scattered
        } else {
            return nil
        }
    }

    private static func holds(_ letters: [Character], _ pattern: [Character]) -> Bool {
        var rest = pattern[...]
        for letter in letters where letter == rest.first { rest.removeFirst() }
        return rest.isEmpty
    }

    static func < (left: FuzzyMatch, right: FuzzyMatch) -> Bool {
        (left.kind.rawValue, left.length) < (right.kind.rawValue, right.length)
    }

    /// Those that match, the best first; of equals in the order that they have.
    static func sorted<Item>(_ items: [Item], by pattern: some StringProtocol, name: (Item) -> String) -> [Item] {
        var found: [(match: FuzzyMatch, place: Int)] = []
        for (place, item) in items.enumerated() {
            if let match = FuzzyMatch(pattern, in: name(item)) { found.append((match, place)) }
        }
        found.sort { left, right in left.match == right.match ? left.place < right.place : left.match < right.match }
        return found.map { items[$0.place] }
    }
}
