import Foundation

/// How much the randomised proofs do. `Scripts/crash` asks for more than an ordinary test run.
enum Effort {
    /// Kills of the relay.
    static let kills = Int(Self.wish("HOPTOP_KILLS") ?? 20)
    /// Crashes of a database under several relays.
    static let crashes = Int(Self.wish("HOPTOP_CRASHES") ?? 3)
    /// How long a relay stands still.
    static let standstill = Duration.seconds(Self.wish("HOPTOP_STANDSTILL") ?? 4)
    /// Runs that are recorded, each for some hundreds of power cuts.
    static let recordings = Int(Self.wish("HOPTOP_RECORDINGS") ?? 1)
    static let seed = Self.wish("HOPTOP_SEED") ?? UInt64.random(in: 0..<1_000_000)

    private static func wish(_ variable: String) -> UInt64? {
        ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
    }
}
