import Histogram
import Mail

/// How much moved in the last minute, second by second, and how long it took. The queue's event loop owns it.
struct Flow {
    /// Counts of the last minute, or of as many steps of some other length.
    struct Ring {
        private var counts: [Int]
        /// Milliseconds.
        private let step: Int64
        /// The step that is not over yet, numbered from the beginning of time.
        private var last: Int64

        init(steps: Int = 60, of step: Int64 = 1000, at now: Timestamp) {
            self.counts = [Int](repeating: 0, count: steps)
            self.step = step
            self.last = now.milliseconds / step
        }

        mutating func add(_ count: Int, at now: Timestamp) {
            self.advance(to: now)
            self.counts[self.place(self.last)] += count
        }
        /// Oldest first; the last is the step that is not over yet.
        mutating func values(at now: Timestamp) -> [Int] {
            self.advance(to: now)
            return (1...self.counts.count).map { self.counts[self.place(self.last + Int64($0))] }
        }
        private func place(_ step: Int64) -> Int { Int(step % Int64(self.counts.count)) }
        private mutating func advance(to now: Timestamp) {
            let step = now.milliseconds / self.step
            guard step > self.last else { return }  // A clock that goes back adds to the step it was in.
            for passed in max(self.last + 1, step - Int64(self.counts.count) + 1)...step {
                self.counts[self.place(passed)] = 0
            }
            self.last = step
        }
    }

    /// Durations of this minute and the one before.
    struct Durations {
        private var current = Self.histogram
        private var previous = Self.histogram
        private var minute: Int64

        init(at now: Timestamp) { self.minute = now.milliseconds / 60_000 }

        private static var histogram: Histogram<UInt32> {
            Histogram(highestTrackableValue: 7 * 86_400_000, numberOfSignificantValueDigits: .two)
        }

        mutating func add(_ milliseconds: Int64, at now: Timestamp) {
            self.advance(to: now)
            self.current.record(UInt64(clamping: min(max(milliseconds, 0), 7 * 86_400_000)))
        }

        /// The duration that so many of 100 did not exceed, in milliseconds; `nil` without any.
        mutating func percentile(_ percentile: Double, at now: Timestamp) -> Int? {
            self.advance(to: now)
            let values = [self.current, self.previous].filter { $0.totalCount > 0 }
            guard let longest = values.max(by: { $0.totalCount < $1.totalCount }) else { return nil }
            return Int(clamping: longest.valueAtPercentile(percentile))
        }

        private mutating func advance(to now: Timestamp) {
            let minute = now.milliseconds / 60_000
            guard minute > self.minute else { return }
            self.previous = minute == self.minute + 1 ? self.current : Self.histogram
            self.current = Self.histogram
            self.minute = minute
        }
    }

    private(set) var received: Ring
    private(set) var relayed: Ring
    private(set) var deferred: Ring
    private(set) var bounced: Ring
    private(set) var receiveTimes: Durations
    private(set) var relayTimes: Durations
    /// By the name that each gave.
    var clients: LinkMeters
    /// By destination.
    var nextHops: LinkMeters

    init(at now: Timestamp) {
        self.received = Ring(at: now)
        self.relayed = Ring(at: now)
        self.deferred = Ring(at: now)
        self.bounced = Ring(at: now)
        self.receiveTimes = Durations(at: now)
        self.relayTimes = Durations(at: now)
        self.clients = LinkMeters(at: now)
        self.nextHops = LinkMeters(at: now)
    }

    /// - Parameters:
    ///   - client: who handed it over; `nil`: it was made here.
    ///   - milliseconds: from the lone dot to its reply.
    mutating func received(from client: String?, octets: Int, after milliseconds: Int64, at now: Timestamp) {
        self.received.add(1, at: now)
        self.receiveTimes.add(milliseconds, at: now)
        if let client { self.clients.moved(client, octets: octets, in: milliseconds, at: now) }
    }

    /// A next hop took a message, for a recipient at least.
    ///
    /// - Parameters:
    ///   - destination: by its name.
    ///   - milliseconds: of the transaction, with the opening of its session where it was the first.
    mutating func handed(
        to destination: String, host: SocketEndpoint?, octets: Int, in milliseconds: Int64, at now: Timestamp
    ) { self.nextHops.moved(destination, host: host, octets: octets, in: milliseconds, at: now) }

    /// - Parameter milliseconds: since arrival.
    mutating func settled(_ state: RecipientState, isTry: Bool, after milliseconds: Int64, at now: Timestamp) {
        switch state {
        case .relayed:
            self.relayed.add(1, at: now)
            self.relayTimes.add(milliseconds, at: now)
        case .deferred: if isTry { self.deferred.add(1, at: now) }
        case .bounced, .expired: self.bounced.add(1, at: now)
        case .queued, .active, .hold, .dropped: break
        }
    }

    mutating func rates(at now: Timestamp) -> (received: [Int], relayed: [Int], deferred: [Int], bounced: [Int]) {
        (
            self.received.values(at: now), self.relayed.values(at: now), self.deferred.values(at: now),
            self.bounced.values(at: now)
        )
    }
    mutating func percentile(_ percentile: Double, at now: Timestamp) -> (receive: Int?, relay: Int?) {
        (self.receiveTimes.percentile(percentile, at: now), self.relayTimes.percentile(percentile, at: now))
    }
}
