import Synchronization

/// The changes of several feeds as those of one, for any number of watchers.
final class ChangeRelay: Sendable {
    private struct State {
        var watchers: [Int: AsyncStream<FeedChange>.Continuation] = [:]
        var last = 0
    }
    private let state = Mutex(State())
    /// Several nodes tell as seldom as one.
    private static let pause = Duration.milliseconds(100)

    func changes(of feeds: [any MonitorFeed]) -> AsyncStream<FeedChange> {
        let (gathered, gatherer) = FeedChange.stream()
        let (changes, watcher) = FeedChange.stream()
        let number = self.state.withLock { state in
            state.last += 1
            state.watchers[state.last] = gatherer
            return state.last
        }
        var tasks = feeds.map { feed in
            Task { for await change in feed.changes() { self.tell(change, to: number) } }
        }
        tasks.append(
            Task {
                for await change in gathered {
                    change.tell(watcher)
                    try? await Task.sleep(for: Self.pause)
                }
            })
        watcher.onTermination = { [tasks] _ in
            for task in tasks { task.cancel() }
            self.state.withLock { state in state.watchers[number] = nil }
        }
        return changes
    }

    /// All watchers.
    func tell(_ change: FeedChange) {
        self.state.withLock { state in for watcher in state.watchers.values { change.tell(watcher) } }
    }
    // One at a time, as a watcher wants it.
    private func tell(_ change: FeedChange, to number: Int) {
        self.state.withLock { state in
            if let watcher = state.watchers[number] { change.tell(watcher) }
        }
    }
}
