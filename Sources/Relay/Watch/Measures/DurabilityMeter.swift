import Monitor
import NIOConcurrencyHelpers
import NIOCore
import Spool

/// How often the spool syncs, out of what it has counted since the start: over the last seconds in which somebody looked.
final class DurabilityMeter: Sendable {
    private static let span = TimeAmount.seconds(5)
    private typealias Look = (at: NIODeadline, writing: SpoolWriting)
    private let looks = NIOLockedValueBox<[Look]>([])

    /// Transactions, and changes in them, in a second; 0 at the first look.
    func rates(_ writing: SpoolWriting, at now: NIODeadline = .now()) -> (syncs: Double, changes: Double) {
        self.looks.withLockedValue { looks in
            // After a pause the mean of all of it would be told as that of now.
            if let last = looks.last, now - last.at > Self.span + Self.span { looks = [] }
            // One look is kept that is as old as the span, so that there is something to count from.
            while looks.count > 1, now - looks[1].at >= Self.span { looks.removeFirst() }
            if looks.last.map({ now - $0.at >= .milliseconds(500) }) ?? true { looks.append((now, writing)) }
            let (then, before) = looks[0]
            let seconds = Double((now - then).nanoseconds) / 1e9
            guard seconds > 0 else { return (0, 0) }
            return (
                Double(writing.transactions - before.transactions) / seconds,
                Double(writing.changes - before.changes) / seconds
            )
        }
    }
}
