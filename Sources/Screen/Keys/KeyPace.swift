import Mail

/// When keys came: what a hand does on purpose, and what a key does that repeats by itself.
struct KeyPace {
    /// Nothing moves for so long after a key.
    private static let stillFor: Int64 = 1500
    private static let repeatWithin: Int64 = 250

    private var last: Timestamp?
    private var lastDestructive: (command: Command, at: Timestamp)?

    func isFresh(_ now: Timestamp) -> Bool { self.last.map { now.since($0) < Self.stillFor } ?? false }

    mutating func pressed(_ now: Timestamp) { self.last = now }
    /// What the key was for is done, so rows may move.
    mutating func rest() { self.last = nil }

    /// - Returns: whether the same destructive command came just before.
    mutating func repeats(_ command: Command, _ now: Timestamp) -> Bool {
        guard command.isDestructive else { return false }
        defer { self.lastDestructive = (command, now) }
        guard let last = self.lastDestructive else { return false }
        return last.command == command && now.since(last.at) < Self.repeatWithin
    }
}
