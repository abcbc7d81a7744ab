import Mail

/// Whether mail and sessions may be changed.
struct Lock {
    private(set) var isLocked: Bool
    /// When it locks again by itself; `nil`: never.
    private(set) var unlockedUntil: Timestamp?
    private let locksAgain: Bool
    private static let unlockedFor: Int64 = 600_000

    init(isLocked: Bool, locksAgain: Bool) {
        self.isLocked = isLocked
        self.locksAgain = locksAgain
    }

    mutating func toggle(_ now: Timestamp) {
        self.isLocked.toggle()
        self.unlockedUntil = !self.isLocked && self.locksAgain ? now.adding(milliseconds: Self.unlockedFor) : nil
    }

    /// - Returns: whether its time is over just now.
    mutating func expires(_ now: Timestamp) -> Bool {
        guard let until = self.unlockedUntil, now >= until else { return false }
        self.isLocked = true
        self.unlockedUntil = nil
        return true
    }
}
