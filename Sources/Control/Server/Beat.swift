import Monitor
import NIOConcurrencyHelpers

/// The moments at which all who watch are told what changed: together, so that they then ask the same at the same time.
///
/// One for all of them looks at the feed's changes, and nobody does while nobody watches. A beat tells everything that changed
/// until then; what changes later is told by a later one.
public final class Beat: Sendable {
    private struct State {
        var number: UInt64 = 0
        var watchers: [Int: AsyncStream<FeedChange>.Continuation] = [:]
        var lastKey = 0
        /// `nil`: nobody watches.
        var following: Task<Void, Never>?
    }
    /// Between two at least, of which each watcher adds its share: up to ten together cost no more than two.
    private static let pauses: ClosedRange<Duration> = .milliseconds(200)...Duration.seconds(1)
    private static let share = Duration.milliseconds(100)

    private let state = NIOLockedValueBox(State())

    /// How many there were: what was asked behind the newest one is behind all that was told.
    var number: UInt64 { self.state.withLockedValue { $0.number } }

    /// - Parameter feed: all feeds of a server tell the same changes.
    func changes(of feed: any MonitorFeed) -> AsyncStream<FeedChange> {
        let (changes, watcher) = FeedChange.stream()
        let key = self.state.withLockedValue { state in
            state.lastKey += 1
            state.watchers[state.lastKey] = watcher
            if state.following == nil {
                // What was asked before is not behind what changed while nobody looked.
                state.number += 1
                let source = feed.changes()
                state.following = Task { await self.follow(source) }
            }
            return state.lastKey
        }
        watcher.onTermination = { _ in self.leave(key) }
        return changes
    }

    private func leave(_ key: Int) {
        let idle = self.state.withLockedValue { state -> Task<Void, Never>? in
            state.watchers[key] = nil
            guard state.watchers.isEmpty else { return nil }
            defer { state.following = nil }
            return state.following
        }
        idle?.cancel()
    }

    private func follow(_ changes: AsyncStream<FeedChange>) async {
        for await change in changes {
            let watchers = self.state.withLockedValue { state in
                // Before anybody is told.
                state.number += 1
                return Array(state.watchers.values)
            }
            for watcher in watchers { change.tell(watcher) }
            let pause = min(max(Self.share * watchers.count, Self.pauses.lowerBound), Self.pauses.upperBound)
            guard (try? await Task.sleep(for: pause)) != nil else { return }
        }
        // The feed tells no more, or another task looks by now.
        let watchers = self.state.withLockedValue { state -> [AsyncStream<FeedChange>.Continuation] in
            guard !Task.isCancelled else { return [] }
            state.following = nil
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
    }
}
