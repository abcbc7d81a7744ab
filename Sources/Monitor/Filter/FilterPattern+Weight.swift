/// How large a pattern is once it is compiled: the C library writes down what a `+` repeats a second time, so that each `+` around
/// others doubles all that is in it.
struct PatternWeight {
    /// Of a pattern without nested repeats, at its full length, this is some four times as much.
    private static let limit = 2000

    private var groups: [Int] = []
    /// What stands in the group that is open, and of that what a repeat behind it repeats.
    private var sum = 0
    private var last = 0

    var isTooLarge: Bool { self.groups.reduce(self.sum, +) > Self.limit }

    /// A character, a class of them, or an anchor.
    mutating func addAtom() { self.add(1) }

    /// An operator or a parenthesis that is not escaped, as the others are that stand for themselves.
    mutating func add(_ character: Character) {
        switch character {
        case "(":
            self.groups.append(self.sum)
            (self.sum, self.last) = (0, 0)
        case ")":
            guard let outside = self.groups.popLast() else { return self.add(1) }
            let inside = self.sum
            self.sum = outside
            self.add(inside)
        case "+":
            // Once it is too large it grows no more.
            guard !self.isTooLarge else { return }
            self.sum += self.last
            self.last *= 2
        case "*", "?": break
        case "|": self.last = 0
        default: self.add(1)
        }
    }

    private mutating func add(_ weight: Int) {
        self.sum += weight
        self.last = weight
    }
}
