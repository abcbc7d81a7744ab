import Mail

/// The time in which nothing is tried somewhere, since what was tried there failed.
struct BackOff {
    /// In a row.
    private(set) var failures = 0
    /// While set and ahead, nothing is tried.
    private(set) var until: Timestamp?
    /// Why, in words.
    private(set) var reason: String?
    /// The operator asked, or there is mail for which it may go otherwise: one try is allowed in spite of it.
    private(set) var mayProbe = false
    /// The last order that asked for that; it may come in many parts.
    private var probed: Int?

    func isOn(at now: Timestamp) -> Bool { self.until.map { $0 > now } ?? false }

    /// One more failure. What fails in the middle of it makes it longer, never shorter.
    mutating func failed(_ reason: String, until: Timestamp) {
        self.failures += 1
        self.reason = reason
        self.until = max(self.until ?? until, until)
        self.mayProbe = false
    }

    /// - Parameter order: names it; it is allowed one try. `nil`: no operator's.
    /// - Returns: whether that was not yet asked for by it.
    @discardableResult
    mutating func allowProbe(for order: Int?) -> Bool {
        guard order == nil || self.probed != order else { return false }
        self.probed = order ?? self.probed
        self.mayProbe = true
        return true
    }

    /// Something is being tried.
    mutating func began() { self.mayProbe = false }

    mutating func succeeded() {
        self.failures = 0
        self.until = nil
        self.reason = nil
        self.mayProbe = false
    }

    /// The time of day jumped by this many milliseconds.
    mutating func shift(by jump: Int64) { self.until = self.until?.adding(milliseconds: jump) }
}
