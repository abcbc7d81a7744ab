import Mail
import Monitor
import Spool

extension Scheduler {
    /// What an order may be done to.
    struct BegunOrder: Sendable {
        var number: Int
        /// Those that nobody else has, and that are the order's own until it has ended.
        var targets: [RecipientTarget]
        var skipped: [SkipReason: Int]
        /// Where these go.
        var destinations: Set<DestinationTable.Index>
        /// The domain of the first of those that have no route.
        var unroutedDomain: String?
        /// The destination of the first of those that go to one which is suspended.
        var suspendedDestination: String?
    }

    /// What is being written down for an order.
    struct BegunSettlement: Sendable {
        var number: Int
        var message: QueueID
        var recipients: Int
    }
}
