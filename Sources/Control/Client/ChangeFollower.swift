import Monitor
import Synchronization

/// Follows a daemon's changes, and looks for it again when it is gone.
struct ChangeFollower {
    /// Between two looks: it is soon back after a restart, and not asked all the time when it stays away.
    private static let pause = (least: Duration.milliseconds(200), most: Duration.seconds(5))

    let client: ControlClient
    let watcher: AsyncStream<FeedChange>.Continuation

    /// Goes on until its task is cancelled.
    func run() async {
        var pause = Self.pause.least
        while !Task.isCancelled {
            var hasBegun = false
            try? await self.client.follow(EventsStream()) {
                hasBegun = true
                self.client.followers.add(1, ordering: .relaxed)
                // Something may have happened between what was read before and now.
                self.lost(0)
            } _: { named in
                if case .change(let change) = named.event { change.tell(self.watcher) }
            }
            if hasBegun {
                self.client.followers.subtract(1, ordering: .relaxed)
                pause = Self.pause.least
                // Who reads now learns that nobody answers.
                self.lost(0)
            }
            // Viewers of one daemon do not come back all at once.
            let share = Double.random(in: 0.5...1)
            guard (try? await Task.sleep(for: pause * share)) != nil else { return }
            pause = min(pause * 2, Self.pause.most)
        }
    }

    private func lost(_ events: Int) { FeedChange.missed(events: events).tell(self.watcher) }
}
