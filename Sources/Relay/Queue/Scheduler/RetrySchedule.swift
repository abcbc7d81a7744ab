import Mail

/// When to try again (RFC 5321 §4.5.4.1): exponential, never longer than `longest`, spread by a fifth each way so that
/// messages that failed together do not come back together.
struct RetrySchedule: Sendable {
    var first: Int64
    var longest: Int64

    init(_ retry: RelayConfiguration.Retry) {
        self.first = retry.first
        self.longest = retry.longest
    }

    /// - Parameter failures: so many attempts failed, at least 1.
    /// - Returns: milliseconds.
    func delay(afterFailures failures: Int, using random: inout some RandomNumberGenerator) -> Int64 {
        let doublings = min(max(failures - 1, 0), 20)
        let delay = min(self.first << Int64(doublings), self.longest)
        let spread = delay / 5
        return max(1, delay - spread + Int64.random(in: 0...max(1, 2 * spread), using: &random))
    }
}
