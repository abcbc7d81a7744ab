public import Mail
import NIOConcurrencyHelpers

/// How often a client's logins failed of late, so that guessing takes time.
public final class LoginFailures: Sendable {
    /// The time without a failure after which a client begins anew.
    private static let memory: Int64 = 10 * 60_000
    private static let clientsKept = 10_000
    /// Of them so many are forgotten where there is no room for one more.
    private static let clientsForgotten = 1_000
    /// Failures after which the client is sent away.
    private static let limit = 10

    private struct Count {
        var failures: Int
        var last: Timestamp
    }
    public init() {}

    private let counts = NIOLockedValueBox<[ClientKey?: Count]>([:])

    /// - Parameter client: those without an address are one.
    /// - Returns: how many failures there were, this one included.
    public func failed(_ client: ClientKey?, at now: Timestamp) -> Int {
        self.counts.withLockedValue { counts in
            let known = counts[client].flatMap { now.since($0.last) < Self.memory ? $0.failures : nil } ?? 0
            // Who failed long ago comes first. Many go at a time, since finding them takes a look at all.
            if counts.count >= Self.clientsKept, counts[client] == nil {
                let byAge = counts.sorted { $0.value.last < $1.value.last }
                counts = Dictionary(uniqueKeysWithValues: byAge.dropFirst(Self.clientsForgotten).map { ($0, $1) })
            }
            counts[client] = Count(failures: known + 1, last: now)
            return known + 1
        }
    }

    /// Whether the client is sent away without a look at what it says.
    public func areTooMany(of client: ClientKey?, at now: Timestamp) -> Bool {
        Self.areTooMany(self.failures(of: client, at: now))
    }
    public static func areTooMany(_ failures: Int) -> Bool { failures >= self.limit }

    public func failures(of client: ClientKey?, at now: Timestamp) -> Int {
        self.counts.withLockedValue { counts in
            counts[client].flatMap { now.since($0.last) < Self.memory ? $0.failures : nil } ?? 0
        }
    }

    /// Milliseconds before a failure is told: 1, 2, 4, 8 seconds.
    public static func delay(afterFailures failures: Int) -> Int64 { 1000 << Int64(min(max(failures, 1) - 1, 3)) }
}
