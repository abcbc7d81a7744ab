public import Mail
import NIOConcurrencyHelpers

/// How often a client's logins failed of late, so that guessing takes time.
public final class LoginFailures: Sendable {
    /// The time without a failure after which a client begins anew.
    private static let memory: Int64 = 10 * 60_000
    private static let clientsKept = 10_000
    /// Failures after which the client is sent away.
    public static let limit = 10

    private struct Count {
        var failures: Int
        var last: Timestamp
    }
    public init() {}

    private let counts = NIOLockedValueBox<[String: Count]>([:])

    /// - Parameter client: its address.
    /// - Returns: how many failures there were, this one included.
    public func failed(_ client: String, at now: Timestamp) -> Int {
        self.counts.withLockedValue { counts in
            let known = counts[client].flatMap { now.since($0.last) < Self.memory ? $0.failures : nil } ?? 0
            if counts.count >= Self.clientsKept { counts = counts.filter { now.since($0.value.last) < Self.memory } }
            // Still full: of many attackers some are forgotten rather than all remembered.
            if counts.count >= Self.clientsKept { counts.removeAll(keepingCapacity: true) }
            counts[client] = Count(failures: known + 1, last: now)
            return known + 1
        }
    }

    public func failures(of client: String, at now: Timestamp) -> Int {
        self.counts.withLockedValue { counts in
            counts[client].flatMap { now.since($0.last) < Self.memory ? $0.failures : nil } ?? 0
        }
    }

    /// Milliseconds before a failure is told: 1, 2, 4, 8 seconds.
    public static func delay(afterFailures failures: Int) -> Int64 { 1000 << Int64(min(max(failures, 1) - 1, 3)) }
}
