import Foundation

/// Random numbers that can be had again: whoever knows the seed gets the same ones (SplitMix64, Steele, Lea and Flood 2014).
public struct SeededGenerator: RandomNumberGenerator {
    public let seed: UInt64
    private var state: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        self.state = seed
    }

    /// Takes the seed from `HOPTOP_SEED`, else another one each time, and prints it.
    ///
    /// - Parameter test: what is tried, as it is printed.
    public init(printedAs test: String) {
        let seed = Self.wish ?? .random(in: 0..<UInt64.max)
        print("\(test): HOPTOP_SEED=\(seed)")
        self.init(seed: seed)
    }

    /// The seed that somebody asks for by `HOPTOP_SEED`.
    public static var wish: UInt64? {
        ProcessInfo.processInfo.environment["HOPTOP_SEED"].flatMap { UInt64($0) }
    }

    public mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
