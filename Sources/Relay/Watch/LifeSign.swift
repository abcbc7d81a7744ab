import NIOConcurrencyHelpers
import NIOCore
import Spool

extension Relay {
    /// What in the engine stands still, in words for an operator; `nil`: everything lives.
    ///
    /// - Parameter patience: what an event loop may take to answer, and a write of the spool to end.
    public func standstill(longerThan patience: Duration) async -> String? {
        let end = ContinuousClock.now + patience
        let loops = self.allEventLoops
        let answers = NIOLockedValueBox(0)
        for loop in loops { loop.execute { answers.withLockedValue { $0 += 1 } } }
        while answers.withLockedValue({ $0 }) < loops.count {
            guard ContinuousClock.now < end, !Task.isCancelled else {
                return "\(loops.count - answers.withLockedValue { $0 }) of \(loops.count) event loops do not answer"
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        guard let since = self.spool.condition.writingSince else { return nil }
        let seconds = (NIODeadline.now() - since).nanoseconds / 1_000_000_000
        return seconds > patience.components.seconds ? "the spool has been writing for \(seconds) s" : nil
    }
}
