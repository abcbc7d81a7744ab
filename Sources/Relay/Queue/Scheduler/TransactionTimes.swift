import Mail

/// How long transactions take at a site, and whether it would take more of them at a time.
struct TransactionTimes {
    /// Content that is longer takes the time that the line needs, which says nothing of the site.
    static let octets = 64 << 10
    /// Where a transaction may take less milliseconds than these, more sessions are of no use: twenty make 4,000 of them a
    /// second, and what takes longer than that is our own work.
    private static let brief: Int64 = 5
    /// A site that gets slower by itself, or quicker, is known anew after so many milliseconds.
    private static let memory: Int64 = 60_000

    /// Milliseconds, of the last few; `nil` before there was one.
    private(set) var mean: Double?
    /// The shortest since `since`, and of the time before.
    private var least: Int64 = .max
    private var leastBefore: Int64 = .max
    private var since: Int64 = 0
    /// One was measured, not guessed.
    private var isKnown = false

    /// One that took the time of opening a session too is better than none, as a first guess; none takes longer without.
    mutating func guess(_ milliseconds: Int64) {
        if self.mean == nil { self.mean = Double(milliseconds) }
        self.least = min(self.least, milliseconds)
    }

    mutating func add(_ milliseconds: Int64, at now: Timestamp) {
        // What was guessed counts no more.
        let before = self.isKnown ? self.mean ?? 0 : Double(milliseconds)
        self.isKnown = true
        self.mean = before + (Double(milliseconds) - before) / 8
        if now.milliseconds - self.since > Self.memory {
            self.leastBefore = self.least
            self.least = .max
            self.since = now.milliseconds
        }
        self.least = min(self.least, milliseconds)
    }

    /// Whether those at a time do not slow each other down: what they wait for is the other side's latency, not its, or our,
    /// capacity (as TCP Vegas tells it).
    var isLatency: Bool {
        let least = min(self.least, self.leastBefore)
        guard self.isKnown, let mean = self.mean, least >= Self.brief else { return false }
        return mean <= 2 * Double(least) + 2
    }

    mutating func shift(by jump: Int64) { self.since += jump }
}
