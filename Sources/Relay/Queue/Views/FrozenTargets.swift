import Spool

/// What was frozen for an order that waits for a person, and what orders touched, so that they can be turned round: the
/// latest, and of large ones fewer.
struct FrozenTargets {
    private static let limit = 64
    private static let targetsLimit = 1_000_000
    private var sets: [(id: Int, targets: [RecipientTarget])] = []
    private var last: Int

    /// - Parameter last: another one for each run of the program: whoever names a set of an earlier run must not be given
    ///   a new one.
    init(after last: Int) { self.last = last }

    mutating func keep(_ targets: [RecipientTarget]) -> Int {
        self.last += 1
        self.sets.append((self.last, targets))
        while self.sets.count > Self.limit
            || self.sets.count > 1 && self.sets.reduce(0, { $0 + $1.targets.count }) > Self.targetsLimit
        {
            self.sets.removeFirst()
        }
        return self.last
    }
    func targets(_ id: Int) -> [RecipientTarget]? { self.sets.first { $0.id == id }?.targets }
}
