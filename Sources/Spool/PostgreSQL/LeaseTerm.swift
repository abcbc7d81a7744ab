import Glibc
import NIOConcurrencyHelpers

/// What a node knows by itself of its lease: until when nobody else can have taken what it holds.
///
/// The database's clock decides when a lease is over, and starts it later than the node did, so the node's own term ends
/// first, however the two clocks are set. Counted is time that passes, also while the machine sleeps.
final class LeaseTerm: Sendable {
    private struct State {
        var until: Int64 = 0
        var number: Int64 = 0
        /// Since when it has been renewed without a gap.
        var since: Int64 = 0
    }

    let milliseconds: Int64
    private let state = NIOLockedValueBox(State())

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// - Parameters:
    ///   - number: of the lease.
    ///   - begun: ``now``, before the database was asked.
    func renewed(_ number: Int64, asOf begun: Int64) {
        self.state.withLockedValue { state in
            if state.number != number || state.until < begun { state.since = begun }
            state.number = number
            state.until = begun + self.milliseconds
        }
    }

    func ended() { self.state.withLockedValue { $0.until = 0 } }

    /// The number of the lease that is on; a little of it is left for what is begun in it.
    var number: Int64? {
        self.state.withLockedValue { $0.until - self.milliseconds / 10 > Self.now ? $0.number : nil }
    }

    /// Whether it has gone on for so long that others, of whom the database knows nothing newer, had time to renew theirs.
    var isSettled: Bool {
        self.state.withLockedValue { $0.until > Self.now && Self.now - $0.since >= self.milliseconds }
    }

    /// Milliseconds since the machine started.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
