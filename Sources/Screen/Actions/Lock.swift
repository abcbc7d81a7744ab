import Mail
import Monitor

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

    static let onlyShows = "this feed only shows; nothing can be changed through it"

    /// Why a command that changes something cannot be done at a node now; `nil`: it can. Undo is asked for where it is known
    /// what would be undone.
    func refusal(of command: Command, _ around: Surroundings) -> String? {
        guard command.acts else { return nil }
        let node = around.node
        if node.isOnlyShown { return Self.onlyShows }
        if self.isLocked { return "locked: \(around.label(of: .lock)) unlocks what changes mail" }
        if node.blindness != nil { return "\(node.name) does not answer: nothing is done to what may be over" }
        guard let abilities = node.capabilities?.abilities else { return nil }
        guard let ability = FeedCapabilities.Ability(rawValue: command.name), ability != .undo,
            !abilities.contains(ability)
        else { return nil }
        return "this feed cannot \(command.name)"
    }
}
