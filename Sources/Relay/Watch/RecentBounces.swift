import Mail
import Monitor

/// What recipients bounced or expired with in the last hour. The queue's event loop owns it, and it is bounded: beyond so
/// many replies in five minutes, a new one is not remembered.
struct RecentBounces {
    typealias Count = (recipients: Int, expired: Int, example: String)
    private static let spans: Int64 = 12
    private static let span: Int64 = 300_000
    private static let repliesLimit = 500

    /// What was counted in each span of five minutes, by the number of the span.
    private var counts: [Int64: [QueueIndex.FailureMark: Count]] = [:]

    /// - Parameters:
    ///   - reply: what it bounced with, or had as its last one.
    ///   - hasExpired: rather than bounced.
    mutating func add(_ reply: String, hasExpired: Bool = false, at now: Timestamp) {
        let span = now.milliseconds / Self.span
        let mark = QueueIndex.failureMark(of: reply)
        if self.counts[span] == nil {
            self.counts = self.counts.filter { $0.key > span - Self.spans && $0.key <= span }
        }
        guard self.counts[span]?[mark] != nil || (self.counts[span]?.count ?? 0) < Self.repliesLimit else { return }
        self.counts[span, default: [:]][mark, default: (0, 0, reply)].recipients += 1
        if hasExpired { self.counts[span]?[mark]?.expired += 1 }
    }

    func counts(at now: Timestamp) -> [QueueIndex.FailureMark: Count] {
        let span = now.milliseconds / Self.span
        return self.counts.filter { $0.key > span - Self.spans }.values.reduce(into: [:]) { sums, counts in
            for (mark, count) in counts {
                sums[mark, default: (0, 0, count.example)].recipients += count.recipients
                sums[mark]?.expired += count.expired
            }
        }
    }
}
