import Monitor
import Synchronization

@testable import FeedTesting

/// Text that a command wrote.
final class Collected: Sendable {
    private let written = Mutex("")
    var text: String { self.written.withLock { $0 } }
    func append(_ text: String) { self.written.withLock { $0 += text } }
}

/// A queue that loses a hundred messages after each part that is read, half of them read before and half not.
final class ShrinkingFeed: Sendable {
    private let feed: ScriptedFeed
    private let gone = Mutex(0)
    /// Messages that went before they were read.
    var unread: Int { self.gone.withLock { $0 } }

    init(feed: ScriptedFeed) { self.feed = feed }

    func window(_ request: WindowRequest<MessageRef>) async throws -> Window<QueueRow> {
        let window = try await self.feed.queue(QueueQuery(), window: request)
        guard let last = window.rows.last, window.first + window.rows.count < window.matched else { return window }
        self.feed.write { script in
            script.rows.removeFirst(50)
            guard let place = script.rows.firstIndex(where: { $0.ref == last.ref }) else { return }
            script.rows.removeSubrange(place + 1..<place + 51)
        }
        self.gone.withLock { $0 += 50 }
        return window
    }
}
